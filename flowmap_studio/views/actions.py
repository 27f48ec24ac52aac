"""One table of actions: menus, tool bar, tips, keys and the shortcut sheet are made from it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from PySide6.QtCore import Qt
from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import QDialog, QGridLayout, QLabel, QWidget

from flowmap_studio.views.icons import icon
from flowmap_studio.views.theme import Palette


@dataclass(frozen=True)
class ActionRow:
    """One action.

    Attributes:
        name: Object name.
        menu: Menu that it stands in; "" for keys only.
        text: What it says.
        keys: Shortcuts in Qt's portable form.
        tip: What it does.
        icon: Name of its icon, or "".
    """

    name: str
    menu: str
    text: str
    keys: tuple[str, ...] = ()
    tip: str = ""
    icon: str = ""


ACTIONS = (
    ActionRow("openAction", "File", "Open…", ("Ctrl+O",), "Open a preset", "open"),
    ActionRow(
        "savePresetAction", "File", "Save preset…", ("Ctrl+S",), "Save the map on stage", "save"
    ),
    ActionRow(
        "exportAction",
        "File",
        "Export…",
        ("Ctrl+E",),
        "Export the stage as a picture or its points as a table",
        "export",
    ),
    ActionRow("quitAction", "File", "Quit", ("Ctrl+Q",), "Close the window"),
    ActionRow("undoAction", "Edit", "Undo", ("Ctrl+Z",), "Undo a change of settings", "undo"),
    ActionRow("redoAction", "Edit", "Redo", ("Ctrl+Shift+Z",), "Redo a change of settings", "redo"),
    ActionRow("trainAction", "Run", "Train", ("Ctrl+R",), "Train, pause or go on", "play"),
    ActionRow(
        "stopAction", "Run", "Stop", ("Ctrl+.",), "End the run; what was learned stays", "stop"
    ),
    ActionRow(
        "resetAction", "Run", "Reset", (), "Forget the run: back to untrained weights", "reset"
    ),
    ActionRow("playAction", "Time", "Play", ("Space",), "Play or pause the flow time"),
    ActionRow("frameBackAction", "Time", "One frame back", ("Left",)),
    ActionRow("frameOnAction", "Time", "One frame on", ("Right",)),
    ActionRow("tenBackAction", "Time", "Ten frames back", ("Shift+Left",)),
    ActionRow("tenOnAction", "Time", "Ten frames on", ("Shift+Right",)),
    ActionRow("toStartAction", "Time", "To the noise, t = 0", ("Home",)),
    ActionRow("toEndAction", "Time", "To the data, t = 1", ("End",)),
    ActionRow("playBackAction", "Time", "Play backward", ("J",)),
    ActionRow("holdAction", "Time", "Hold", ("K",)),
    ActionRow("playOnAction", "Time", "Play forward", ("L",)),
    ActionRow("fewerStepsAction", "Time", "Fewer composed steps", ("[",)),
    ActionRow("moreStepsAction", "Time", "More composed steps", ("]",)),
    ActionRow("sourceAction", "View", "Source", ("1",), "Show or hide the noise"),
    ActionRow("dataAction", "View", "Data", ("2",), "Show or hide the data"),
    ActionRow("oneStepAction", "View", "One step", ("3",), "Show or hide the one-step cloud"),
    ActionRow("composedAction", "View", "Composed", ("4",), "Show or hide the composed cloud"),
    ActionRow("fitAction", "View", "Fit view", ("Ctrl+0",), "Fit the view to source and data"),
    ActionRow("stageOnlyAction", "View", "Stage only", ("F11",), "Hide or show all panels"),
    ActionRow("shortcutsAction", "Help", "Keyboard shortcuts", ("F1",), "Show this list"),
)


def make_actions(
    owner: QWidget, handlers: Mapping[str, Callable[[], object]], existing: Mapping[str, QAction]
) -> dict[str, QAction]:
    """The actions of the table by name, connected and owned by the window.

    Args:
        owner: The window, where the keys work.
        handlers: What each action does.
        existing: Actions that a view brings along; they get their keys here.
    """
    made = {}
    for row in ACTIONS:
        action = existing.get(row.name)
        if action is None:
            action = QAction(row.text, owner)
            action.setObjectName(row.name)
            action.triggered.connect(handlers[row.name])
        action.setShortcuts([QKeySequence(keys) for keys in row.keys])
        keys = ", ".join(
            QKeySequence(k).toString(QKeySequence.SequenceFormat.NativeText) for k in row.keys
        )
        action.setToolTip(f"{row.tip or row.text} ({keys})" if keys else row.tip or row.text)
        owner.addAction(action)
        made[row.name] = action
    return made


def colour_actions(actions: Mapping[str, QAction], palette: Palette) -> None:
    """Put the palette's icons on the actions that have one."""
    for row in ACTIONS:
        if row.icon and row.name != "trainAction":
            actions[row.name].setIcon(icon(row.icon, palette))


class ShortcutSheet(QDialog):
    """All keys at a glance."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setObjectName("shortcutSheet")
        self.setWindowTitle("Keyboard shortcuts")
        grid = QGridLayout(self)
        grid.setContentsMargins(24, 18, 24, 20)
        grid.setHorizontalSpacing(18)
        grid.setVerticalSpacing(5)
        rows = [row for row in ACTIONS if row.keys]
        half = -(-len(rows) // 2)
        for index, row in enumerate(rows):
            column, line = divmod(index, half)
            keys = QLabel(
                ", ".join(
                    QKeySequence(k).toString(QKeySequence.SequenceFormat.NativeText)
                    for k in row.keys
                )
            )
            keys.setProperty("muted", True)
            keys.setAlignment(Qt.AlignmentFlag.AlignRight)
            grid.addWidget(keys, line, 2 * column)
            grid.addWidget(QLabel(row.text.rstrip("…")), line, 2 * column + 1)
