"""The dialogs that ask for a file; each gives the chosen path, or None."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtWidgets import QFileDialog, QWidget

from flowmap_studio.views.settings import Settings, presets_folder
from flowmap_studio.views.texts import tr

PRESET_FILTER = "Flow maps (*.flowmap)"
TARGET_ENDINGS = (".npy", ".csv", ".txt", ".png", ".jpg", ".jpeg", ".npz")
TARGET_PATTERNS = (*(f"*{ending}" for ending in TARGET_ENDINGS), "*idx3-ubyte", "*idx3-ubyte.gz")
CHOOSE_FILE = "Your own file…"
"""What a list of names says that also takes files."""
CHOOSE_FOLDER = "Your own images…"
"""The same for a folder of them."""
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
    chosen, _ = QFileDialog.getOpenFileName(parent, tr("Open preset"), folder, tr(PRESET_FILTER))
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
    chosen, _ = QFileDialog.getSaveFileName(parent, tr("Save preset"), start, tr(PRESET_FILTER))
    if not chosen:
        return None
    path = Path(chosen)
    return path if path.suffix == ".flowmap" else Path(f"{path}.flowmap")


def ask_export(parent: QWidget) -> tuple[Path, str] | None:
    """Where to export to and which of `EXPORTS` was chosen; the ending says as what."""
    kinds = {tr(kind): kind for kind in EXPORTS}
    chosen, kind = QFileDialog.getSaveFileName(parent, tr("Export"), "flowmap", ";;".join(kinds))
    if not chosen:
        return None
    path = Path(chosen)
    if not path.suffix and kind:
        path = Path(f"{path}{kind[kind.rindex('.') : -1]}")
    # A picture's name under the kind of losses is still a picture.
    return path, kinds.get(kind, "") if path.suffix.lower() == ".csv" else ""


def ask_target(parent: QWidget, title: str = "") -> Path | None:
    """The user's own points or picture."""
    kinds = tr("Points, pictures and images ({endings})", endings=" ".join(TARGET_PATTERNS))
    chosen, _ = QFileDialog.getOpenFileName(parent, title or tr("What to learn"), "", kinds)
    return Path(chosen) if chosen else None


def ask_image_folder(parent: QWidget) -> Path | None:
    """A folder of the user's own images, one folder within it for each class if it has classes."""
    chosen = QFileDialog.getExistingDirectory(parent, tr("Folder of images to learn"))
    return Path(chosen) if chosen else None
