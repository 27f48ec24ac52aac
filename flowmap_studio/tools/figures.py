"""The table of the shipped presets' measured quality, for the terminal and the README."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from flowmap_studio.core.markdown import table, with_section
from flowmap_studio.core.presets import Preset

BEGIN, END = "<!-- presets table -->", "<!-- end of presets table -->"
COLUMNS = {
    "sliced W2, 1 step": "sliced_w2_1",
    "2": "sliced_w2_2",
    "4": "sliced_w2_4",
    "8": "sliced_w2_8",
    "floor": "sliced_w2_floor",
    "coverage, 1 step": "coverage_1",
    "8 ": "coverage_8",
    "data": "coverage_floor",
}
"""Headings of the figures and their names in a preset."""
IMAGE_COLUMNS = {
    "Fréchet, 1 step": "frechet_1",
    "8": "frechet_8",
    "100": "frechet_100",
    "floor": "frechet_floor",
    "accuracy, 1 step": "accuracy_1",
    "8 ": "accuracy_8",
    "100 ": "accuracy_100",
}
"""Those of images; presets lack some of them."""


def figures_table(presets: Mapping[str, Preset]) -> str:
    """The presets' figures as a Markdown table, with a line on what only checkerboard has.

    Args:
        presets: By file name without ending, in the order of the rows.
    """
    images = {name: one for name, one in presets.items() if one.snapshot.image is not None}
    clouds = {name: one for name, one in presets.items() if name not in images}
    details = [_detail(preset) for preset in presets.values() if _has_detail(preset)]
    tables = [_table(clouds, COLUMNS), *details]
    return "\n\n".join([*tables, _table(images, IMAGE_COLUMNS)] if images else tables)


def _table(presets: Mapping[str, Preset], columns: Mapping[str, str]) -> str:
    headings = ["preset", "trained by", *(heading.strip() for heading in columns)]
    rows = []
    for name, preset in presets.items():
        snapshot = preset.snapshot
        recipe = f"{snapshot.config.method}, {snapshot.config.coupling}, {snapshot.step:,} steps"
        figures = [_figure(snapshot.metrics, key) for key in columns.values()]
        rows.append([f"`{name}`", recipe, *figures])
    return table(headings, rows, names=2)


def _figure(metrics: Mapping[str, float], name: str) -> str:
    return f"{metrics[name]:.3f}" if name in metrics else "–"


def rewrite_readme(path: Path, presets: Mapping[str, Preset]) -> None:
    """Put the table between the README's markers.

    Raises:
        ValueError: The markers are not there.
    """
    path.write_text(with_table(path.read_text(encoding="utf-8"), presets), encoding="utf-8")


def with_table(readme: str, presets: Mapping[str, Preset]) -> str:
    """The README's text with the table between its markers.

    Raises:
        ValueError: The markers are not there.
    """
    return with_section(readme, BEGIN, END, figures_table(presets))


def _has_detail(preset: Preset) -> bool:
    return "forbidden_mass_1" in preset.snapshot.metrics


def _detail(preset: Preset) -> str:
    figures = preset.snapshot.metrics
    return (
        f"{preset.title}: {figures['forbidden_mass_1']:.1%} of the one-step samples and "
        f"{figures['forbidden_mass_8']:.1%} of the 8-step samples lie on forbidden squares; "
        f"histogram KL {figures['histogram_kl_1']:.3f} and {figures['histogram_kl_8']:.3f} nats "
        f"(data against itself: {figures['histogram_kl_floor']:.3f})."
    )
