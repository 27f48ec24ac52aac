"""What was found, for the terminal and as the README's table."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from flowmap_studio.core.markdown import table, with_section
from flowmap_studio.tools.stress.finding import Finding

BEGIN, END = "<!-- stress table -->", "<!-- end of stress table -->"
HEADINGS = ("check", "what must hold", "done", "measured", "held")
GOALS = {
    "fuzz": "refused in one sentence or usable; memory ≤ 2 × file + 16 MiB",
    "kills": "file and autosave old or new, and whole, after SIGKILL",
    "faults": "old file intact, one sentence, at every system call of a save",
    "monkey": "no exception, no abort, no thread or widget left",
    "cycles": "every thread joined under 2 s",
    "soak": "≤ 1 MiB a minute; objects, handles and threads constant",
    "storm": "10,000 records a second; window answers within 50 ms at p99",
    "determinism": "bit-equal on the CPU",
}
"""The checks in their order, and what each must show."""


def as_text(finding: Finding) -> str:
    """A few lines for people."""
    state = "held" if finding.held else "BROKEN"
    figures = [f"  {name}: {value}" for name, value in finding.figures.items()]
    broken = [f"  ! {sentence}" for sentence in finding.broken]
    head = f"{finding.check}: {finding.done} in {finding.seconds:.0f} s, {state}"
    return "\n".join([head, *figures, *broken])


def row(finding: Finding) -> list[str]:
    """The cells of a check."""
    figures = "; ".join(f"{name}: {value}" for name, value in finding.figures.items())
    state = "yes" if finding.held else f"no: {'; '.join(finding.broken[:2])}"
    cells = [finding.check, GOALS[finding.check], finding.done, figures, state]
    return [cell.replace("|", "/").replace("\n", " ") for cell in cells]


def with_findings(readme: str, findings: Sequence[Finding]) -> str:
    """The README with the rows of these checks renewed; those of others stay.

    Raises:
        ValueError: The table's markers are not there.
    """
    rows = _rows(readme) | {finding.check: row(finding) for finding in findings}
    ordered = [rows[name] for name in GOALS if name in rows]
    return with_section(readme, BEGIN, END, table(HEADINGS, ordered, names=len(HEADINGS)))


def rewrite_readme(path: Path, findings: Sequence[Finding]) -> None:
    """Put the rows of these checks into the README's table."""
    path.write_text(with_findings(path.read_text("utf-8"), findings), "utf-8")


def _rows(readme: str) -> Mapping[str, list[str]]:
    section = readme.partition(BEGIN)[2].partition(END)[0]
    lines = re.findall(r"^\| (.+) \|$", section, flags=re.MULTILINE)
    cells = [line.split(" | ") for line in lines]
    return {one[0]: one for one in cells if one[0] in GOALS}
