"""Between the drawing and the session: saves it as a picture and lets a run learn it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QTimer
from PySide6.QtGui import QImageReader
from PySide6.QtWidgets import QDockWidget

from flowmap_studio.core.config import NORMAL
from flowmap_studio.core.errors import DataError, StudioError
from flowmap_studio.core.files import reason, write_whole
from flowmap_studio.runtime.session import State
from flowmap_studio.views.file_dialogs import ask_target
from flowmap_studio.views.paint_panel import SOURCE, TARGET
from flowmap_studio.views.panels import make_room
from flowmap_studio.views.settings import drawings_folder
from flowmap_studio.views.texts import tr

if TYPE_CHECKING:
    from flowmap_studio.views.window import StudioWindow

PAUSE_MS = 500
"""A run takes what is drawn this often, also in the midst of a stroke."""
PICTURES = (".png", ".jpg", ".jpeg")
MOST_PIXELS = 64_000_000
STEMS = {TARGET: "drawing", SOURCE: "drawn source"}


class PaintDesk(QObject):
    """Keeps each drawing in one file; a cleared canvas begins another.

    Args:
        window: Its panel, session and message bar are used; it is the owner.
        dock: Holds the panel.
    """

    def __init__(self, window: StudioWindow, dock: QDockWidget) -> None:
        super().__init__(window)
        self._window = window
        self._dock = dock
        self._panel = panel = window.paint_panel
        self._paths: dict[str, Path] = {}
        self._changed: set[str] = set()
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(PAUSE_MS)
        self._timer.timeout.connect(self._take_over)
        panel.drawn.connect(self._on_drawn)
        panel.cleared.connect(lambda which: self._paths.pop(which, None))
        panel.learn_wanted.connect(self.learn)
        panel.file_wanted.connect(self._ask_file)
        panel.file_dropped.connect(self.put_file)
        window.session.state_changed.connect(self._on_state)

    def toggle(self) -> None:
        """Show or hide the panel."""
        if self._dock.isHidden():
            make_room(self._window, self._dock)
            self._panel.canvas().setFocus()
        else:
            self._dock.hide()

    def learn(self) -> None:
        """Make what is drawn target and source and begin a run; what is white is left alone."""
        session = self._window.session
        try:
            changes = self._saved_changes()
            config = session.config.replace(labels="off", **changes)
        except StudioError as error:
            self._tell(str(error))
            return
        if session.state in (State.IDLE, State.FAILED):
            self._window.edit_config(config)
            session.start()
        else:
            session.restart_with(config)

    def put_file(self, path: Path) -> None:
        """Put a picture's dark pixels, or the points of a file, on the canvas that is seen."""
        try:
            if path.suffix.lower() in PICTURES:
                self._put_picture(path)
            else:
                self._put_points(path)
        except StudioError as error:
            self._tell(str(error))

    # --- inside -------------------------------------------------------------------------------

    def _saved_changes(self) -> dict[str, str]:
        blank = {which: canvas.sheet.is_blank() for which, canvas in self._panel.canvases.items()}
        if all(blank.values()):
            raise DataError(
                "Nothing is drawn yet; draw on the canvas, write a text or drop a file."
            )
        changes = {which: str(self._save(which)) for which in blank if not blank[which]}
        was_drawn = Path(self._window.session.config.source).parent == drawings_folder()
        if blank[SOURCE] and was_drawn:
            changes[SOURCE] = NORMAL
        return changes

    def _save(self, which: str) -> Path:
        """Write a canvas to its file.

        Raises:
            StudioError: It could not be written.
        """
        folder = drawings_folder()
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StudioError(f"Could not make the folder of drawings: {reason(error)}.") from error
        if which not in self._paths:
            self._paths[which] = _free(folder, STEMS[which])
        write_whole(self._paths[which], self._panel.canvases[which].sheet.png())
        return self._paths[which]

    def _on_drawn(self, which: str) -> None:
        self._changed.add(which)
        if not self._timer.isActive():
            self._timer.start()

    def _take_over(self) -> None:
        """Save what is in use, and let the run go on with it; a held one has it when it does."""
        session, live = self._window.session, self._panel.learns_on()
        going_on = session.state in (State.RUNNING, State.STOPPING)
        if session.state is State.PAUSED or (going_on and not live):
            return  # the file stays what the run learns from: see `_on_state`
        if self._save_used() and live:
            session.learn_on()

    def _on_state(self, state: State) -> None:
        """Take what was drawn meanwhile: a run that goes on learns it, the next one reads it."""
        if not self._changed:
            return
        if state is State.RUNNING:
            self._timer.start()
        elif state in (State.IDLE, State.FAILED):
            self._save_used()

    def _save_used(self) -> bool:
        """Save those changed drawings that the settings name; whether there were any."""
        changed, self._changed = self._changed, set()
        config = self._window.session.config
        used = [
            which
            for which in sorted(changed)
            if str(self._paths.get(which)) == getattr(config, which)
            and not self._panel.canvases[which].sheet.is_blank()
        ]
        try:
            for which in used:
                self._save(which)
        except StudioError as error:
            self._tell(str(error))
            return False
        return bool(used)

    def _ask_file(self) -> None:
        if path := ask_target(self._window, tr("What to put on the canvas")):
            self.put_file(path)

    def _put_picture(self, path: Path) -> None:
        reader = QImageReader(str(path))
        reader.setAutoTransform(True)
        size = reader.size()
        if size.width() * size.height() > MOST_PIXELS:
            raise DataError(
                f"{path.name} has {size.width():,} × {size.height():,} pixels; at most 64 million "
                "are read."
            )
        picture = reader.read()
        if picture.isNull():
            raise DataError(f"{path.name} is not a picture that can be read; save it again as PNG.")
        self._panel.canvas().sheet.put_picture(picture)

    def _put_points(self, path: Path) -> None:
        # Imported here: torch comes with the package of targets, and the window is to be there
        # before it.
        from flowmap_studio.core.targets.base import check_points
        from flowmap_studio.core.targets.points import read_points

        points = read_points(path)
        check_points(path.name, points)
        self._panel.canvas().sheet.put_points(points)

    def _tell(self, sentence: str) -> None:
        self._window.message_bar.show_message("error", sentence)


def _free(folder: Path, stem: str) -> Path:
    number = 1
    while (path := folder / f"{stem} {number}.png").exists():
        number += 1
    return path
