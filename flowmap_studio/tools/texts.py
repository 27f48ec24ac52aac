"""What the program says to its users, found in its source; and what a catalogue lacks of it.

    python -m flowmap_studio.tools.texts     # lists what assets/texts/vi.json lacks or has too much

Texts are those that views pass to `tr`, as they stand or by the name of a constant, and those of
the tables below, which they are taken from while the program runs. Sentences are what core and
runtime raise or tell, which views pass to `told`.
"""

from __future__ import annotations

import ast
import importlib
import json
import re
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import flowmap_studio
from flowmap_studio.resources import asset

PACKAGE = Path(flowmap_studio.__file__).parent
TABLES = {
    "core.comparison_table": ("COLUMNS", "FLOOR"),
    "core.config": ("COUPLINGS",),
    "core.history": ("TERMS",),
    "core.target_names": ("NAMED",),
    "views.actions": ("MENUS",),
    "views.file_dialogs": ("EXPORTS",),
    "views.paint_symmetry": ("SYMMETRIES",),
    "views.preset_model": ("ORDERS",),
    "views.projection_bar": ("WAYS",),
    "views.stage_layers.layer_menu": ("COLOUR_NAMES",),
    "views.term_legend": ("STATE_TEXTS",),
    "views.tool_bar": ("TRAIN_TEXTS", "OWN", "CHOOSE_FILE", "CHOOSE_FOLDER"),
}
"""Constants whose texts are shown: of mappings to other things than texts the keys, of others what
they hold."""
SPEAKING = ("core", "runtime", "views")
UNSEEN = ("core/bench/", "core/sample_script.py", "core/sde.py", "core/markdown.py")
"""What the window never runs."""
INTERNAL = ("ValueError", "RuntimeError", "TypeError", "KeyError", "OSError")
"""Errors of programmers; their texts come as details at the most."""
TELLING = ("emit", "unforeseen", "Advice", "Stage", "Update", "_announce", "_diverged")


def shown_texts() -> set[str]:
    """Every English text that views translate."""
    found = set(_table_texts())
    for path in sorted((PACKAGE / "views").rglob("*.py")):
        module = importlib.import_module(_module(path))
        for call in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(call, ast.Call) and getattr(call.func, "id", "") == "tr":
                found.update(_given(call.args[0], vars(module)))
    return {text for text in found if re.search(r"[^\W\d_]{2}", text)}


def sentences() -> set[str]:
    """Every English sentence that core and runtime tell, with "{0}", "{1}" … for what is filled in.

    A sentence without letters between its places says nothing of its own.
    """
    found = {text for tree in _trees() for call in _telling(tree) for text in _written(call)}
    return {text for text in found if re.search(r"[^\W\d_]{2}", _bare(text)) and " " in text}


def literals() -> set[str]:
    """Every text in the source of core, runtime and views, as `sentences` writes them."""
    return {text for tree in _trees() for text in _written(tree)}


def fits(template: str, text: str) -> bool:
    """Whether a text is a template, or says it of something in particular."""
    parts = map(re.escape, re.split(r"\{\d+\}", template))
    return re.fullmatch("(.*?)".join(parts), text, re.DOTALL) is not None


def _bare(template: str) -> str:
    return re.sub(r"\{\d+\}", " ", template)


def _trees() -> Iterator[ast.Module]:
    for folder in SPEAKING:
        for path in sorted((PACKAGE / folder).rglob("*.py")):
            if not path.relative_to(PACKAGE).as_posix().startswith(UNSEEN):
                yield ast.parse(path.read_text(encoding="utf-8"))


def _telling(tree: ast.Module) -> Iterator[ast.AST]:
    """What is said to users: raised or handed on, also by the name of a constant."""
    constants = {
        target.id: node.value
        for node in tree.body
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    for node in _said(tree):
        yield constants.get(node.id, node) if isinstance(node, ast.Name) else node


def _said(tree: ast.Module) -> Iterator[ast.expr]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call):
            if getattr(node.exc.func, "id", "") not in INTERNAL:
                yield from node.exc.args
        elif isinstance(node, ast.Call):
            name = getattr(node.func, "attr", None) or getattr(node.func, "id", "")
            if name in TELLING:
                yield from [*node.args, *(word.value for word in node.keywords)]


def _written(tree: ast.AST) -> Iterator[str]:
    """The texts below a node; those within another one are parts of it."""
    waiting = [tree]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.JoinedStr):
            yield _template(node)
            waiting += [part.value for part in node.values if isinstance(part, ast.FormattedValue)]
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value
        else:
            waiting += ast.iter_child_nodes(node)


def _template(text: ast.JoinedStr) -> str:
    places = iter(range(len(text.values)))
    parts = (
        str(part.value) if isinstance(part, ast.Constant) else f"{{{next(places)}}}"
        for part in text.values
    )
    return "".join(parts)


def _module(path: Path) -> str:
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(part for part in parts if part != "__init__")


def _given(node: ast.expr, names: dict[str, Any]) -> Iterator[str]:
    """The texts that an argument may be; nothing for what only a run of the program knows."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    elif isinstance(node, ast.IfExp):
        yield from _given(node.body, names)
        yield from _given(node.orelse, names)
    elif isinstance(node, ast.Name | ast.Subscript):
        name = node.id if isinstance(node, ast.Name) else getattr(node.value, "id", "")
        yield from _held(names.get(name))


def _held(thing: Any) -> Iterator[str]:
    """The texts in a constant."""
    if isinstance(thing, str):
        yield thing
    elif isinstance(thing, dict):
        values = list(thing.values())
        yield from _held(values if all(isinstance(v, str) for v in values) else list(thing))
    elif isinstance(thing, list | tuple):
        for part in thing:
            yield from _held(part)


def _table_texts() -> Iterator[str]:
    from flowmap_studio.core import comparison_table, config, methods, palettes, solvers
    from flowmap_studio.runtime.run_control import State
    from flowmap_studio.tools import preset_recipes
    from flowmap_studio.views import actions, preset_menu, probe_panel, time_bar, tour_chapters

    for module, names in TABLES.items():
        for name in names:
            yield from _held(getattr(importlib.import_module(f"flowmap_studio.{module}"), name))
    for setting in config.settings().values():
        yield from (setting.group, setting.label, setting.help, setting.unit)
    yield from comparison_table.COLUMNS
    yield from (f"&{menu}" for menu in actions.MENUS)
    for recipe in preset_recipes.RECIPES:
        yield from (recipe.title, recipe.notes, *recipe.tags)
    for row in actions.ACTIONS:
        yield from (row.text, row.tip)
    for chapter in tour_chapters.CHAPTERS:
        yield from (chapter.title, chapter.text, chapter.train_text, *chapter.figures.values())
    yield from (info.summary for info in methods.METHODS.values())
    yield from (solver.summary for solver in solvers.SOLVERS.values())
    yield from (text for _, text, _ in preset_menu.ROWS)
    yield from (text for texts in probe_panel.ROWS.values() for text in texts)
    yield from (text for _, text in time_bar.MARKS)
    yield from (name.capitalize() for name in palettes.PALETTES)
    yield from (state.value for state in State)
    yield from ("info", "warning", "error", "Target", "Source")


def lacks(catalogue: dict[str, dict[str, str]]) -> tuple[list[str], list[str]]:
    """What a catalogue has no translation of, and what it has that nobody says any more."""
    texts, said = shown_texts(), sentences()
    missing = texts - set(catalogue["texts"])
    missing |= {
        text
        for text in said - set(catalogue["texts"])
        if not any(fits(text, known) for known in catalogue["sentences"])
    }
    written = literals()
    stale = set(catalogue["texts"]) - texts
    stale |= {
        known
        for known in catalogue["sentences"]
        if known not in written
        and not any(fits(text, known) for text in written if _bare(text).strip() != text)
    }
    return sorted(missing), sorted(stale)


def main(arguments: Iterable[str] = ()) -> int:
    """Print what is missing and what is stale; 1 where there is any."""
    del arguments
    catalogue = json.loads(asset("texts", "vi.json").read_text(encoding="utf-8"))
    missing, stale = lacks(catalogue)
    for heading, texts in (("missing", missing), ("stale", stale)):
        for text in texts:
            print(f"{heading}: {text!r}")  # noqa: T201 - that is its purpose
    return int(bool(missing or stale))


if __name__ == "__main__":
    sys.exit(main())
