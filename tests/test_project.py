"""What holds of the checkout as a whole: README, CI, import contracts, dependencies, wheel."""

from __future__ import annotations

import ast
import os
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest
from packaging.requirements import Requirement

import flowmap_studio
from flowmap_studio.core.native.sources import LIBRARIES
from flowmap_studio.resources import asset
from flowmap_studio.views.actions import ACTIONS

ROOT = Path(flowmap_studio.__file__).parents[1]
PACKAGE = ROOT / "flowmap_studio"
IMPORTED_AS = {"PySide6-Essentials": "PySide6", "pillow": "PIL", "POT": "ot"}

pytestmark = pytest.mark.skipif(
    not (ROOT / "pyproject.toml").is_file(), reason="not run from a checkout"
)


def readme() -> str:
    return (ROOT / "README.md").read_text(encoding="utf-8")


def project() -> dict:
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def readme_commands() -> list[str]:
    """The commands of the README that make an environment."""
    blocks = re.findall(r"```sh\n(.*?)```", readme(), flags=re.DOTALL)
    lines = [line for block in blocks for line in block.splitlines()]
    return [line for line in lines if line.startswith("python3 -m venv ")]


# --- README and CI --------------------------------------------------------------------------------


def test_two_commands_set_everything_up() -> None:
    start, tests = readme_commands()
    assert start.endswith("/flowmap-studio")
    assert "flowmap-studio" in project()["scripts"]
    assert tests.endswith("-m pytest")
    assert "'.[test]'" in tests
    assert "test" in project()["optional-dependencies"]


def test_ci_runs_the_readmes_test_command() -> None:
    script = ROOT / ".ci" / "run"
    assert readme_commands()[1] in script.read_text(encoding="utf-8").splitlines()
    assert os.access(script, os.X_OK)


def test_readme_names_every_file_that_it_links() -> None:
    links = re.findall(r"\]\((?!https?:)([^)#]+)\)", readme())
    assert "LICENSE" in links
    assert [link for link in links if not (ROOT / link).exists()] == []


def test_readme_lists_every_key() -> None:
    table = readme().partition("## Keys")[2].partition("\n## ")[0]
    listed = set()
    for row in re.findall(r"^\| ([^|]+) \|", table, flags=re.MULTILINE)[1:]:
        listed |= set(row.split(", ")) if row != "---" else set()
    assert listed == {key for action in ACTIONS for key in action.keys}


def test_readme_says_what_each_library_is_for() -> None:
    table = readme().partition("| library |")[2].partition("\n## ")[0]
    named = {
        name
        for row in re.findall(r"^\| ([^|]+) \|", table, flags=re.MULTILINE)
        for name in row.lower().split(", ")
    }
    wanted = [Requirement(line).name for line in project()["dependencies"]]
    assert [name for name in wanted if name.lower().removesuffix("-essentials") not in named] == []


# --- dependencies ---------------------------------------------------------------------------------


def imported_packages() -> set[str]:
    found = set()
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                found |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                found.add(node.module.partition(".")[0])
    return found


def test_dependencies_are_what_the_program_imports() -> None:
    names = [Requirement(line).name for line in project()["dependencies"]]
    needed = {IMPORTED_AS.get(name, name) for name in names}
    # A PySide6 brings its shiboken6 along; hatchling is there when the package is built.
    others = {"flowmap_studio", "shiboken6", "hatchling"}
    assert imported_packages() - set(sys.stdlib_module_names) - others == needed


# --- import contracts -----------------------------------------------------------------------------


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    """A copy of the package and its contracts."""
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(PACKAGE, tmp_path / "flowmap_studio", ignore=ignored)
    shutil.copyfile(ROOT / "pyproject.toml", tmp_path / "pyproject.toml")
    return tmp_path


def lint_imports(folder: Path) -> subprocess.CompletedProcess[str]:
    code = "from importlinter.cli import lint_imports_command; lint_imports_command()"
    return subprocess.run(
        [sys.executable, "-c", code, "--no-cache"],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(folder), "COLUMNS": "200"},
        capture_output=True,
        text=True,
        check=False,
    )


def test_contracts_are_kept(copied: Path) -> None:
    done = lint_imports(copied)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "3 kept, 0 broken" in done.stdout


@pytest.mark.parametrize(
    ("module", "planted", "contract"),
    [
        ("core/samplers.py", "import PySide6", "The core and the command line know nothing of Qt"),
        ("core/samplers.py", "import flowmap_studio.runtime.mailbox", "One chain of imports"),
        ("views/smoothing.py", "import torch", "Views never touch torch"),
    ],
)
def test_a_planted_violation_is_found(
    copied: Path, module: str, planted: str, contract: str
) -> None:
    path = copied / "flowmap_studio" / module
    path.write_text(f"{path.read_text(encoding='utf-8')}\n{planted}\n", encoding="utf-8")
    done = lint_imports(copied)
    assert done.returncode == 1, done.stdout + done.stderr
    assert re.search(rf"^{re.escape(contract)}.* BROKEN", done.stdout, flags=re.MULTILINE)
    assert module.removesuffix(".py").replace("/", ".") in done.stdout


# --- the wheel ------------------------------------------------------------------------------------


def test_the_wheel_holds_what_the_program_needs(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    shipped = [
        path.relative_to(asset())
        for folder in ("fonts", "icons", "presets")
        for path in asset(folder).iterdir()
    ]
    assert len(shipped) > 20
    assert {f"flowmap_studio/assets/{path.as_posix()}" for path in shipped} <= names
    modules = {path.relative_to(ROOT).as_posix() for path in PACKAGE.rglob("*.py")}
    libraries = {f"flowmap_studio/core/native/{name}" for name in LIBRARIES}
    there = {one for one in libraries if (ROOT / one).exists()}  # made just now, by a compiler
    assert libraries & names == there
    assert wheel.name.endswith("-none-any.whl") != bool(there)
    assert modules <= names
    assert not [name for name in names if "screenshots/" in name or name.startswith("tests/")]
