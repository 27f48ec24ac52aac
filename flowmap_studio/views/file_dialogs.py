"""The dialogs that ask for a file; each gives the chosen path, or None."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtWidgets import QFileDialog, QWidget

from flowmap_studio.views.settings import Settings, presets_folder

PRESET_FILTER = "Flow maps (*.flowmap)"
TARGET_ENDINGS = (".npy", ".csv", ".txt", ".png", ".jpg", ".jpeg", ".npz")
TARGET_PATTERNS = (*(f"*{ending}" for ending in TARGET_ENDINGS), "*idx3-ubyte", "*idx3-ubyte.gz")
TARGET_FILTER = f"Points, pictures and images ({' '.join(TARGET_PATTERNS)})"
CHOOSE_FILE = "Your own file…"
"""What a list of names says that also takes files."""
LOSSES = "Losses as table (*.csv)"
EXPORTS = (
    "Picture of the stage (*.png)",
    "Drawing of the stage (*.svg)",
    "Film of the flow (*.gif)",
    "Film of the flow (*.mp4)",
    "Points as table (*.csv)",
    "Points as array (*.npy)",
    LOSSES,
    "Python script that draws the samples (*.py)",
)
"""What the dialog of Export offers; a chosen kind gives its ending where none was typed."""


def ask_preset_to_open(parent: QWidget, settings: Settings) -> Path | None:
    """A preset, from the folder of the last one."""
    folder = settings.text("folder") or str(presets_folder())
    chosen, _ = QFileDialog.getOpenFileName(parent, "Open preset", folder, PRESET_FILTER)
    if not chosen:
        return None
    settings.remember("folder", str(Path(chosen).parent))
    return Path(chosen)


def ask_preset_to_save(parent: QWidget, name: str) -> Path | None:
    """Where to save a preset; its ending is added where it is missing.

    Args:
        parent: Over what to ask.
        name: The proposed name, without ending.
    """
    folder = presets_folder()
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:  # the dialog asks for a place all the same
        folder = Path.home()
    start = str(folder / f"{name}.flowmap")
    chosen, _ = QFileDialog.getSaveFileName(parent, "Save preset", start, PRESET_FILTER)
    if not chosen:
        return None
    path = Path(chosen)
    return path if path.suffix == ".flowmap" else Path(f"{path}.flowmap")


def ask_export(parent: QWidget) -> tuple[Path, str] | None:
    """Where to export to and which of `EXPORTS` was chosen; the ending says as what."""
    chosen, kind = QFileDialog.getSaveFileName(parent, "Export", "flowmap", ";;".join(EXPORTS))
    if not chosen:
        return None
    path = Path(chosen)
    if not path.suffix and kind:
        path = Path(f"{path}{kind[kind.rindex('.') : -1]}")
    # A picture's name under the kind of losses is still a picture.
    return path, kind if path.suffix.lower() == ".csv" else ""


def ask_target(parent: QWidget, title: str = "What to learn") -> Path | None:
    """The user's own points or picture."""
    chosen, _ = QFileDialog.getOpenFileName(parent, title, "", TARGET_FILTER)
    return Path(chosen) if chosen else None
