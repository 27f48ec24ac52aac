"""What the program is, its version and what it stands on."""

from __future__ import annotations

import platform

import PySide6
from PySide6.QtCore import QSize, Qt
from PySide6.QtWidgets import QDialog, QDialogButtonBox, QLabel, QVBoxLayout, QWidget

from flowmap_studio.views.icons import application_icon
from flowmap_studio.views.texts import tr

SIDE = 72
"""Logical pixels of the program's icon."""
SENTENCE = (
    "Watch a flow map learn to carry noise to data in a single step, scrub its time and its "
    "training, and keep what it has learned."
)


class AboutDialog(QDialog):
    """Icon, name, version and the versions that a report of a fault should name."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setObjectName("aboutDialog")
        self.setWindowTitle(tr("About Flow Map Studio"))
        picture = QLabel()
        picture.setPixmap(application_icon().pixmap(QSize(SIDE, SIDE), self.devicePixelRatioF()))
        name = QLabel("Flow Map Studio")
        name.setProperty("heading", True)
        facts = QLabel(versions())
        facts.setObjectName("aboutVersions")
        facts.setProperty("muted", True)
        # By keyboard too, since the versions belong into a report.
        facts.setTextInteractionFlags(
            Qt.TextInteractionFlag.TextSelectableByMouse
            | Qt.TextInteractionFlag.TextSelectableByKeyboard
        )
        sentence = QLabel(tr(SENTENCE))
        sentence.setWordWrap(True)
        for label in (picture, name, sentence, facts):
            label.setAlignment(Qt.AlignmentFlag.AlignCenter)
        close = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        close.rejected.connect(self.reject)
        box = QVBoxLayout(self)
        box.setContentsMargins(28, 22, 28, 18)
        box.setSpacing(10)
        for widget in (picture, name, sentence, facts, close):
            box.addWidget(widget)
        self.setFixedWidth(380)


def versions() -> str:
    """The program's version and those below it, without importing torch."""
    lines = [tr("Version {version} · MIT licence", version=_version("flowmap-studio"))]
    lines.append(f"torch {_version('torch')} · PySide6 {PySide6.__version__}")
    lines.append(f"Python {platform.python_version()} · {platform.system()} {platform.machine()}")
    return "\n".join(lines)


def _version(package: str) -> str:
    from importlib.metadata import PackageNotFoundError, version  # 20 ms that no start needs

    try:
        return version(package)
    except PackageNotFoundError:
        return tr("(not installed)")
