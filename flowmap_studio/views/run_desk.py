"""Between the session's earlier runs and the plots that show them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject

from flowmap_studio.views.run_chooser import RunChooser
from flowmap_studio.views.theme import Palette

if TYPE_CHECKING:
    from flowmap_studio.views.window import StudioWindow


class RunDesk(QObject):
    """Shows the chosen runs in both plots, and lets them be chosen from either.

    Args:
        window: Its plots and session are used; it is the owner.
        palette: Colours.
    """

    def __init__(self, window: StudioWindow, palette: Palette) -> None:
        super().__init__(window)
        self._plots = (window.loss_plot, window.quality_plot)
        self._earlier = window.session.earlier
        self.chooser = RunChooser(window)
        self.chooser.apply_palette(palette)
        self.chooser.run_ticked.connect(self._earlier.show)
        self.chooser.forget_wanted.connect(self._earlier.forget)
        self._earlier.changed.connect(self.show_runs)
        for plot in self._plots:
            button = plot.runs_button
            button.clicked.connect(lambda _=False, button=button: self.chooser.pop_up(button))
        self.show_runs()

    def show_runs(self) -> None:
        """Bring list, buttons and curves up to date."""
        runs, shown = self._earlier.runs(), self._earlier.shown()
        self.chooser.set_runs(runs, shown)
        for plot in self._plots:
            plot.runs_button.set_runs(runs, shown)
            plot.set_runs(shown)

    def apply_palette(self, palette: Palette) -> None:
        """Take the palette's colours."""
        self.chooser.apply_palette(palette)
