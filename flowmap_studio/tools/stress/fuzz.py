"""Fuzzing of the preset reader: refused in one sentence or usable, and never greedy."""

from __future__ import annotations

import itertools
import random
import tempfile
import time
import tracemalloc
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import numpy as np

from flowmap_studio.core.errors import PresetError
from flowmap_studio.core.presets import Preset, list_presets, read_preset
from flowmap_studio.tools.stress.coverage import Coverage
from flowmap_studio.tools.stress.finding import Broken, Finding
from flowmap_studio.tools.stress.forging import seeds
from flowmap_studio.tools.stress.hostile import disguises, lengths, lies, mutated, truncations
from flowmap_studio.tools.stress.process import MEBIBYTE

ALLOWANCE = 16 * MEBIBYTE
SYSTEMATIC_SHARE = 0.5
"""Of all inputs, at most; the rest is guided by coverage."""
TRIED_POINTS = 8


class Fuzzing:
    """Feeds inputs to the reader and keeps those that reached new lines of it.

    Args:
        folder: Where the inputs are written, one at a time.
        seed: Of all that is random.
    """

    def __init__(self, folder: Path, seed: int) -> None:
        self.broken = Broken()
        self.coverage = Coverage()
        self.accepted = self.refused = 0
        self.greediest = 0.0
        self.sentences: set[str] = set()
        self._folder = folder
        self._path = folder / "input.flowmap"
        self._draw = random.Random(seed)  # noqa: S311 - nothing secret
        self._corpus = seeds()

    def run(self, count: int) -> int:
        """Try inputs; returns how many."""
        begun = self._corpus.copy()
        for content in begun:
            self._try(content)
        self.broken.unless(self.accepted == len(begun), "a sound file was refused")
        chosen = self._systematic(begun, round(SYSTEMATIC_SHARE * count))
        for make in chosen:
            self._try(make())
        guided = max(0, count - len(chosen) - len(begun))
        for _ in range(guided):
            parent, other = self._draw.choice(self._corpus), self._draw.choice(self._corpus)
            content = mutated(parent, other, self._draw)
            if self._try(content):
                self._corpus.append(content)
        return len(begun) + len(chosen) + guided

    def _systematic(self, sound: list[bytes], most: int) -> list[Callable[[], bytes]]:
        """Cuts, lengths and disguises of the sound files, then lies as far as there is room."""
        kinds = (truncations, lengths, disguises)
        whole = itertools.chain.from_iterable(make(c) for c in sound for make in kinds)
        cases: list[Callable[[], bytes]] = [partial(bytes, content) for content in whole]
        tales = list(itertools.chain.from_iterable(lies(content) for content in sound))
        self._draw.shuffle(cases)
        self._draw.shuffle(tales)
        return [*cases, *tales][:most]

    def kept(self) -> int:
        """Inputs that reached something new."""
        return len(self._corpus)

    def _try(self, content: bytes) -> bool:
        """Whether an input reached something new."""
        self._path.write_bytes(content)
        limit = 2 * len(content) + ALLOWANCE
        tracemalloc.reset_peak()
        before = tracemalloc.get_traced_memory()[0]
        preset: Preset | None = None
        try:
            with self.coverage.watching():
                preset = read_preset(self._path)
        except PresetError as error:
            self._judge(str(error))
        except BaseException as error:  # noqa: BLE001 - that is what is looked for
            self.broken.add(f"{type(error).__name__} instead of PresetError: {error}")
        list_presets(self._folder, shipped=False)
        peak = tracemalloc.get_traced_memory()[1] - before
        self.greediest = max(self.greediest, peak / limit)
        self.broken.unless(peak <= limit, f"{peak:,} bytes for a file of {len(content):,}")
        if preset is not None:
            self.accepted += 1
            self.broken.extend(_unusable(preset))
        return self.coverage.is_new()

    def _judge(self, sentence: str) -> None:
        self.refused += 1
        self.sentences.add(sentence)
        good = (
            sentence.startswith("Could not open input.flowmap: ")
            and sentence.endswith(" Your current map is unchanged.")
            and sentence.isprintable()
            and str(self._folder) not in sentence
        )
        self.broken.unless(good, f"not one clean sentence: {sentence!r}")


def _unusable(preset: Preset) -> Iterator[str]:
    """What is wrong with a preset that was let in: it must give points without an exception."""
    from flowmap_studio.core.loaded_map import LoadedMap

    snapshot = preset.snapshot
    if preset.title != "".join(c for c in preset.title if c.isprintable() or c == "\n"):
        yield f"a title that could steer a terminal: {preset.title!r}"
    if not all(np.isfinite(array).all() for array in snapshot.weights.values()):
        yield "weights that are not finite were let in"
    try:
        with np.errstate(all="ignore"):
            LoadedMap(snapshot).sample(TRIED_POINTS, 1, 0)
    except Exception as error:  # noqa: BLE001 - that is what is looked for
        yield f"let in, but can't be sampled: {type(error).__name__}: {error}"


def fuzz(count: int, seed: int = 0) -> Finding:
    """Fuzz the reader.

    Args:
        count: Number of inputs, about.
        seed: Of all that is random.
    """
    began = time.perf_counter()
    with tempfile.TemporaryDirectory(prefix="fuzz-") as made:
        fuzzing = Fuzzing(Path(made), seed)
        tracemalloc.start()
        try:
            tried = fuzzing.run(count)
        finally:
            tracemalloc.stop()
    figures: dict[str, float | int | str] = {
        "refused": fuzzing.refused,
        "let in": fuzzing.accepted,
        "kept for new coverage": fuzzing.kept(),
        "sentences": len(fuzzing.sentences),
        "most memory of what is allowed": f"{fuzzing.greediest:.0%}",
    }
    took = time.perf_counter() - began
    return Finding("fuzz", f"{tried:,} inputs", figures, fuzzing.broken.told(), took)
