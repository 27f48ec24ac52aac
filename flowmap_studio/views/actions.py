"""One table of actions: menus, tool bar, tips, keys, shortcut sheet and palette come from it."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import QWidget

from flowmap_studio.views.action_row import ActionRow
from flowmap_studio.views.cloud_view import CloudView
from flowmap_studio.views.icons import icon
from flowmap_studio.views.stage_actions import PROBE_ACTIONS, STAGE_ACTIONS
from flowmap_studio.views.texts import tr
from flowmap_studio.views.theme import Palette

MENUS = ("File", "Edit", "Run", "Time", "View", "Help")
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
        "Export the stage as a picture, the flow as a film, points, losses or a script",
        "export",
    ),
    ActionRow("quitAction", "File", "Quit", ("Ctrl+Q",), "Close the window", part=1),
    ActionRow("undoAction", "Edit", "Undo", ("Ctrl+Z",), "Undo a change of settings", "undo"),
    ActionRow("redoAction", "Edit", "Redo", ("Ctrl+Shift+Z",), "Redo a change of settings", "redo"),
    ActionRow(
        "copyPictureAction",
        "Edit",
        "Copy picture",
        ("Ctrl+Shift+C",),
        "Copy the stage to the clipboard as a picture",
        part=1,
    ),
    ActionRow("trainAction", "Run", "Train", ("Ctrl+R",), "Train, pause or go on", "play"),
    ActionRow(
        "stopAction", "Run", "Stop", ("Ctrl+.",), "End the run; what was learned stays", "stop"
    ),
    ActionRow(
        "resetAction", "Run", "Reset", (), "Forget the run: back to untrained weights", "reset"
    ),
    ActionRow(
        "compareAction",
        "Run",
        "Compare…",
        ("Ctrl+M",),
        "Compare methods and maps: quality, evaluations, time and memory",
        "compare",
        checkable=True,
        part=1,
    ),
    ActionRow(
        "paintAction",
        "Run",
        "Draw a target",
        ("Ctrl+Shift+D",),
        "Draw, write or drop what the map learns, and where it starts",
        checkable=True,
        part=1,
    ),
    ActionRow("playAction", "Time", "Play", ("Space",), "Play or pause the flow time"),
    ActionRow("playBackAction", "Time", "Play backward", ("J",)),
    ActionRow("holdAction", "Time", "Hold", ("K",)),
    ActionRow("playOnAction", "Time", "Play forward", ("L",)),
    ActionRow("frameBackAction", "Time", "One frame back", ("Left",), icon="step-back", part=1),
    ActionRow("frameOnAction", "Time", "One frame on", ("Right",), icon="step-forward", part=1),
    ActionRow("tenBackAction", "Time", "Ten frames back", ("Shift+Left",), part=1),
    ActionRow("tenOnAction", "Time", "Ten frames on", ("Shift+Right",), part=1),
    ActionRow("toStartAction", "Time", "To the noise, t = 0", ("Home",), icon="to-start", part=1),
    ActionRow("toEndAction", "Time", "To the data, t = 1", ("End",), icon="to-end", part=1),
    ActionRow("fewerStepsAction", "Time", "Fewer composed steps", ("[",), part=2),
    ActionRow("moreStepsAction", "Time", "More composed steps", ("]",), part=2),
    ActionRow("sourceAction", "View", "Source", ("1",), "Show or hide the noise", checkable=True),
    ActionRow("dataAction", "View", "Data", ("2",), "Show or hide the data", checkable=True),
    ActionRow(
        "oneStepAction",
        "View",
        "One step",
        ("3",),
        "Show or hide the one-step cloud",
        checkable=True,
    ),
    ActionRow(
        "composedAction",
        "View",
        "Composed",
        ("4",),
        "Show or hide the composed cloud",
        checkable=True,
    ),
    ActionRow(
        "fitAction",
        "View",
        "Fit view",
        ("Ctrl+0",),
        "Fit the view to source and data",
        "fit",
        part=1,
    ),
    ActionRow("zoomInAction", "View", "Zoom in", ("Ctrl++", "Ctrl+="), part=1),
    ActionRow("zoomOutAction", "View", "Zoom out", ("Ctrl+-",), part=1),
    ActionRow("lookLeftAction", "View", "Look further left", ("Ctrl+Left",), part=1),
    ActionRow("lookRightAction", "View", "Look further right", ("Ctrl+Right",), part=1),
    ActionRow("lookUpAction", "View", "Look further up", ("Ctrl+Up",), part=1),
    ActionRow("lookDownAction", "View", "Look further down", ("Ctrl+Down",), part=1),
    ActionRow("stageOnlyAction", "View", "Stage only", ("F11",), "Hide or show all panels", part=1),
    ActionRow(
        "tourAction",
        "Help",
        "Guided tour",
        ("Ctrl+F1",),
        "Five short chapters on flow maps, made with the studio itself",
        checkable=True,
    ),
    ActionRow("commandsAction", "Help", "Find an action…", ("Ctrl+K",), "Find any action by name"),
    ActionRow("shortcutsAction", "Help", "Keyboard shortcuts", ("F1",), "Show all keys"),
    ActionRow("aboutAction", "Help", "About Flow Map Studio", (), "Version and licence", part=1),
    *STAGE_ACTIONS,
)


LAYER_ACTIONS = {
    "source": "sourceAction",
    "data": "dataAction",
    "one_step": "oneStepAction",
    "composed": "composedAction",
}
"""The action that shows or hides each cloud."""
SHOWING_ACTIONS = {**LAYER_ACTIONS, **PROBE_ACTIONS}


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
            action = QAction(tr(row.text), owner)
            action.setObjectName(row.name)
            action.setCheckable(row.checkable)
            action.triggered.connect(handlers[row.name])
        action.setShortcuts([QKeySequence(keys) for keys in row.keys])
        keys = row.key_text()
        tip = tr(row.tip or row.text)
        action.setToolTip(f"{tip} ({keys})" if keys else tip)
        owner.addAction(action)
        made[row.name] = action
    return made


def follow_layers(actions: Mapping[str, QAction], stage: CloudView) -> None:
    """Keep the check marks of the layers' actions true, whoever shows or hides a layer."""

    def follow(layer: str, visible: bool, opacity: float = 1.0) -> None:
        del opacity
        actions[SHOWING_ACTIONS[layer]].setChecked(visible)

    for layer in LAYER_ACTIONS:
        follow(layer, stage.is_layer_visible(layer))
    stage.layer_changed.connect(follow)


def colour_actions(actions: Mapping[str, QAction], palette: Palette) -> None:
    """Put the palette's icons on the actions that have one."""
    for row in ACTIONS:
        if row.icon and row.name != "trainAction":
            actions[row.name].setIcon(icon(row.icon, palette))
