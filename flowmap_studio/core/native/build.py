"""Compiles the C of this folder, when the package is built. Needs a C compiler and nothing else.

A file for hatchling (see `pyproject.toml`), which is not there when the studio runs. Where there
is no compiler or another processor, the package is built without them and torch does all.
"""

from __future__ import annotations

import os
import platform
import runpy
import shlex
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

SOURCES = runpy.run_path(str(Path(__file__).with_name("sources.py")))  # hatchling knows no package
FLAGS = (
    "-O3",
    "-std=gnu11",
    "-mavx2",
    "-mfma",
    "-shared",
    "-fPIC",
    "-fvisibility=hidden",
    "-pthread",
)
MACHINES = {"x86_64", "AMD64"}
"""What the vectors are written for."""


def compiled(folder: Path) -> list[Path]:
    """Compile the libraries into a folder.

    Returns:
        Where they are; without those that this machine can't make, which is said on stderr.
    """
    if platform.machine() not in MACHINES or sys.platform not in {"linux", "darwin"}:
        return []
    every = (one_compiled(folder / name, flags) for name, flags in SOURCES["LIBRARIES"].items())
    return [made for made in every if made is not None]


def one_compiled(to: Path, flags: tuple[str, ...]) -> Path | None:
    """Compile one library; None where that fails."""
    made = to.with_suffix(".new")  # one that is in use meanwhile must not be written over
    compiler = shlex.split(os.environ.get("CC", "cc"))
    named = f'-DSOURCES="{SOURCES["source_digest"]()}"'
    units = sorted(map(str, SOURCES["FOLDER"].glob("*.c")))
    call = [*compiler, *FLAGS, *flags, named, "-o", str(made), *units, "-lm"]
    try:
        subprocess.run(call, check=True, capture_output=True, text=True)  # noqa: S603 - the builder's own compiler
    except (OSError, subprocess.CalledProcessError) as error:
        said = getattr(error, "stderr", None) or str(error)
        sys.stderr.write(f"Built without {to.name}, which is slower:\n{said}\n")
        to.unlink(missing_ok=True)
        return None
    return made.replace(to)


class CustomBuildHook(BuildHookInterface):  # type: ignore[type-arg]
    """Puts the libraries beside their sources and into the wheel."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002 - hatchling's
        """Hatchling's call before it collects the files."""
        made = compiled(SOURCES["FOLDER"])
        if not made:
            return
        build_data["artifacts"] += [str(one.relative_to(self.root)) for one in made]
        build_data["pure_python"] = False
        system = sysconfig.get_platform().replace("-", "_").replace(".", "_")
        build_data["tag"] = f"py3-none-{system}"
