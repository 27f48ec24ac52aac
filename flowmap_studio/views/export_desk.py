"""Between the window's export actions and what writes the files."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Qt

from flowmap_studio.core.errors import StudioError
from flowmap_studio.core.files import write_whole
from flowmap_studio.core.film_limits import FILM_ENDINGS, STILL_ENDINGS, Look, Timing
from flowmap_studio.core.losses_csv import losses_as_csv
from flowmap_studio.core.snapshot import check_cloud
from flowmap_studio.runtime.exporting import BUSY, export_script
from flowmap_studio.views.cloud_view import CloudView
from flowmap_studio.views.export import (
    as_png,
    copy_picture,
    film_look,
    points_content,
    stage_picture,
)
from flowmap_studio.views.file_dialogs import LOSSES, ask_export
from flowmap_studio.views.film_dialog import FilmDialog
from flowmap_studio.views.side_by_side import SideBySide
from flowmap_studio.views.texts import told, tr

if TYPE_CHECKING:
    from flowmap_studio.views.theme import Palette
    from flowmap_studio.views.window import StudioWindow


class ExportDesk(QObject):
    """Asks for a place, writes there what its ending says, and tells how it went.

    Args:
        window: Its stage, session and message bar are used; it is the owner.
        palette: Colours.
    """

    def __init__(self, window: StudioWindow, palette: Palette) -> None:
        super().__init__(window)
        self._window = window
        self._session = window.session
        self._palette = palette
        films = window.session.films
        films.finished.connect(self._on_film)
        films.failed.connect(self._on_failed)

    def apply_palette(self, palette: Palette) -> None:
        """Take the palette's colours."""
        self._palette = palette

    def choose(self) -> None:
        """Ask for a place and kind, and export there; of a film its size and speed are asked."""
        chosen = ask_export(self._window)
        if chosen is None:
            return
        path, kind = chosen
        if path.suffix.lower() not in FILM_ENDINGS:
            self.export(path, kind)
        elif self._session.films.running:
            self._on_failed(BUSY, "")
        else:
            self._film_dialog(path)

    def export(self, path: Path, kind: str = "") -> bool:
        """Export to a file, or say why not.

        Args:
            path: Its ending says as what.
            kind: `LOSSES` for a .csv of the losses; points otherwise.

        Returns:
            Whether it was exported; of a film, whether its rendering has begun.
        """
        ending = path.suffix.lower()
        done = tr("Exported {name}.", name=path.name)
        try:
            if ending == ".svg":
                check_cloud(self._session.snapshot)
            if ending in FILM_ENDINGS:
                if self._session.films.running:
                    raise StudioError(BUSY)
                self._film_dialog(path).begin()
                return self._session.films.running
            if kind == LOSSES:
                write_whole(path, losses_as_csv(self._session.losses))
            elif ending in STILL_ENDINGS:
                write_whole(path, self._picture(ending))
            elif ending == ".py":
                preset = export_script(self._session, path).name
                done = tr("Exported {name}; it reads {preset}.", name=path.name, preset=preset)
            else:
                write_whole(path, points_content(path, self._session.frame))
        except StudioError as error:
            self._window.message_bar.show_message("error", str(error))
            return False
        self._window.message_bar.show_message("info", done)
        return True

    def copy_picture(self) -> None:
        """Put the stage on the clipboard."""
        try:
            copy_picture(self._picture(".png"))
        except StudioError as error:
            self._window.message_bar.show_message("error", str(error))
            return
        self._window.message_bar.show_message("info", tr("Copied the picture of the stage."))

    def _picture(self, ending: str) -> bytes:
        stage, followed = self._window.stages.shown(), self._window.probe_desk.followed
        if isinstance(stage, SideBySide):
            if ending == ".svg":
                raise StudioError("Maps side by side are exported as a .png; choose that ending.")
            return as_png(stage.picture())
        if not isinstance(stage, CloudView):
            return as_png(stage.grab())
        return stage_picture(stage, followed, self._session.frame, self._palette, ending)

    def _film_dialog(self, path: Path) -> FilmDialog:
        def render(size: tuple[int, int], look: str, timing: Timing) -> None:
            shown, followed = self._session.snapshot, self._window.probe_desk.followed
            if shown is not None and shown.image is not None:
                self._session.render_film(path, Look(size, look, say=told), timing)
                return
            wanted = film_look(self._window.stage, followed, size, look)
            wanted = replace(wanted, ride=self._window.stages.projection.ride())
            self._session.render_film(path, wanted, timing, followed.following())

        for former in self._window.findChildren(FilmDialog):
            former.close()
        look = "dark" if self._palette.dark else "light"
        dialog = FilmDialog(path, look, render, self._session.films, self._window)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.show()
        return dialog

    def _on_film(self, path: Path) -> None:
        self._window.message_bar.show_message("info", tr("Exported {name}.", name=path.name))

    def _on_failed(self, sentence: str, details: str) -> None:
        self._window.message_bar.show_message("error", sentence, details=details)
