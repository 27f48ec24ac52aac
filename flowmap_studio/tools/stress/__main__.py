"""Stress the program: `python -m flowmap_studio.tools.stress CHECK`.

Each check does something many times over and looks whether what must hold does. The status is 1
when something did not. `all` runs each in a process of its own, so that an abort is seen too.
"""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import click

from flowmap_studio.resources import asset
from flowmap_studio.tools.stress.finding import Finding, finding_of
from flowmap_studio.tools.stress.report import GOALS, as_text, rewrite_readme

COUNTS: Mapping[str, int] = {
    "fuzz": 20_000,
    "kills": 500,
    "monkey": 20_000,
    "cycles": 1_000,
    "determinism": 21,
}
MINUTES: Mapping[str, float] = {"soak": 30.0, "storm": 1.0}


def run_check(name: str, count: int | None, minutes: float | None) -> Finding:
    """Run one check in this process.

    Args:
        name: Which.
        count: How often, if it counts; its own number when None.
        minutes: How long, if it takes its time; its own when None.
    """
    check = getattr(importlib.import_module(f"flowmap_studio.tools.stress.{name}"), name)
    if name in COUNTS:
        return check(count or COUNTS[name])
    if name in MINUTES:
        long = minutes or MINUTES[name]
        return check(long * 60 if name == "storm" else long)
    return check()


def _in_process(name: str, count: int | None, minutes: float | None) -> Finding:
    """Run one check in a process of its own; an abort is a finding."""
    words = [sys.executable, "-X", "faulthandler", "-m", "flowmap_studio.tools.stress", name]
    words += ["--json"]
    words += [] if count is None else ["--count", str(count)]
    words += [] if minutes is None else ["--minutes", str(minutes)]
    done = subprocess.run(words, stdout=subprocess.PIPE, text=True, check=False)  # noqa: S603
    try:
        return finding_of(json.loads(done.stdout)[0])
    except (LookupError, ValueError):
        return Finding(name, "aborted", {}, (f"the process ended with {done.returncode}",))


@click.command()
@click.argument("check", type=click.Choice([*GOALS, "all"]))
@click.option("--count", type=click.IntRange(1), help="How often; the check's own if not given.")
@click.option("--minutes", type=click.FloatRange(0.01), help="How long soak and storm take.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON list instead of lines.")
@click.option("--readme", is_flag=True, help="Also renew these rows of the README's table.")
def main(check: str, count: int | None, minutes: float | None, as_json: bool, readme: bool) -> None:
    """Do something many times over and look whether what must hold does."""
    names = list(GOALS) if check == "all" else [check]
    run = _in_process if check == "all" else run_check
    findings = []
    for name in names:
        findings.append(run(name, count, minutes))
        if not as_json:
            click.echo(as_text(findings[-1]))
    if as_json:
        click.echo(json.dumps([one.as_dict() for one in findings], indent=2))
    if readme:
        rewrite_readme(Path(asset()).parent / "README.md", findings)
    sys.exit(0 if all(one.held for one in findings) else 1)


if __name__ == "__main__":
    main()
