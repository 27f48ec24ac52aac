"""What the window is made of, and where each part of it is."""

from __future__ import annotations

from functools import partial

from PySide6.QtCore import QChildEvent, QSize, Qt
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QMainWindow, QVBoxLayout, QWidget

from flowmap_studio.core.target_names import NAMED
from flowmap_studio.runtime.session import Session
from flowmap_studio.views.compare_panel import ComparePanel
from flowmap_studio.views.config_form import ConfigForm
from flowmap_studio.views.key_reach import KeyReach
from flowmap_studio.views.language_menu import LanguageMenu
from flowmap_studio.views.loss_plot import LossPlot
from flowmap_studio.views.menus import make_menus
from flowmap_studio.views.message_bar import MessageBar
from flowmap_studio.views.paint_panel import PaintPanel
from flowmap_studio.views.panels import (
    BOTTOM,
    LEFT,
    RIGHT,
    StageOnly,
    TabBars,
    add_dock,
    arrange,
    make_dock,
    scrolled,
    stack,
)
from flowmap_studio.views.preset_library import PresetLibrary
from flowmap_studio.views.probe_panel import ProbePanel
from flowmap_studio.views.quality_plot import QualityPlot
from flowmap_studio.views.settings import Settings
from flowmap_studio.views.stage_desk import StageDesk
from flowmap_studio.views.status import StudioStatus
from flowmap_studio.views.texts import tr
from flowmap_studio.views.theme import Palette
from flowmap_studio.views.time_bar import TimeBar
from flowmap_studio.views.tool_bar import StudioToolBar
from flowmap_studio.views.tour_panel import TourPanel

FIRST_SIZE = QSize(1280, 800)


class WindowParts(QMainWindow):
    """The parts of `StudioWindow`, which says what they do.

    It makes the actions between stage and panels: tool bar and menus are made of them.

    They are made from the outside in: what gets another parent computes the style of all its
    children anew.

    Attributes:
        session: The owner of all application state.
        actions_by_name: What the user can do, by the names of `actions.ACTIONS`.

    Args:
        session: Becomes the window's child.
        palette: Colours.
    """

    actions_by_name: dict[str, QAction]
    _tab_bars: TabBars | None = None  # there are children before it

    def __init__(self, session: Session, palette: Palette) -> None:
        super().__init__()
        self.setObjectName("mainWindow")
        self.setWindowTitle("Flow Map Studio")
        self.session = session
        session.setParent(self)
        self._settings = Settings()
        self._build_views(palette)

    def _build_views(self, palette: Palette) -> None:
        # Not in the window yet: the Tab key goes through what is in it in the order of its coming,
        # and the tool bar, which needs the actions of stage and time bar, comes first.
        self._centre = QWidget()
        self._centre.setObjectName("centre")
        # Opaque: tab bars that Qt has no use for lie under it.
        self._centre.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.message_bar = MessageBar(palette, self._centre)
        self.stages = StageDesk(self.session, palette, self._centre)
        self.stage = self.stages.stage
        box = QVBoxLayout(self._centre)
        box.setContentsMargins(0, 0, 0, 0)
        box.setSpacing(6)
        box.addWidget(self.message_bar)
        box.addWidget(self.stages.widget, 1)
        self.time_bar = TimeBar(palette)
        self.status = StudioStatus(self)
        self.setStatusBar(self.status)

    def _build_panels(self, palette: Palette) -> None:
        self._tab_bars = TabBars(self)
        self.tool_bar = StudioToolBar(self.actions_by_name, NAMED, self)
        self.addToolBar(self.tool_bar)
        self.setCentralWidget(self._centre)
        elsewhere = ("target", "method", "coupling")
        self.form = ConfigForm(palette, elsewhere, make_dock(self, "settingsDock", tr("Settings")))
        self.library = PresetLibrary(palette, make_dock(self, "presetsDock", tr("Presets")))
        self.loss_plot = LossPlot(palette, make_dock(self, "lossDock", tr("Losses")))
        self.quality_plot = QualityPlot(palette, make_dock(self, "qualityDock", tr("Quality")))
        self.probe_panel = ProbePanel(palette)
        self.compare_panel = ComparePanel(palette, make_dock(self, "compareDock", tr("Compare")))
        self.tour_panel = TourPanel(palette, make_dock(self, "tourDock", tr("Guided tour")))
        self.paint_panel = PaintPanel(palette, make_dock(self, "paintDock", tr("Draw")))

    def _place(self) -> None:
        left = add_dock(self, self.form, LEFT), add_dock(self, self.library, LEFT)
        right = add_dock(self, self.loss_plot, RIGHT), add_dock(self, self.quality_plot, RIGHT)
        probes = make_dock(self, "probesDock", tr("Probes"))
        add_dock(self, scrolled(self.probe_panel, probes), RIGHT)
        bottom = make_dock(self, "timeDock", tr("Time"))
        self.time_bar.setParent(bottom)
        add_dock(self, self.time_bar, BOTTOM)
        self._compare_dock = add_dock(self, self.compare_panel, BOTTOM)
        self._tour_dock = add_dock(self, self.tour_panel, RIGHT)
        self._paint_dock = add_dock(self, self.paint_panel, RIGHT)
        hidden = (self._compare_dock, self._tour_dock, self._paint_dock)
        self._docks = (*left, *right, probes, *hidden)
        stack(self, right[1], probes)
        self.splitDockWidget(self._compare_dock, bottom, Qt.Orientation.Vertical)
        for dock in (self._tour_dock, self._paint_dock):
            self.tabifyDockWidget(right[0], dock)
        for dock in hidden:
            dock.hide()
        self._arrange = partial(arrange, self, left, right, bottom)
        self._arrange()
        view = make_menus(self, self.actions_by_name, self._docks)["View"]
        self._languages = LanguageMenu(self._settings, view)
        self._languages.told.connect(lambda said: self.message_bar.show_message("info", said))
        view.addSeparator()
        view.addMenu(self._languages)
        self._stage_only = StageOnly(self, (*self._docks, self.tool_bar, self.menuBar()))
        KeyReach(self, besides=(self.time_bar.time_slider,))
        # First the least size: placing the docks has left one that is higher than the first size.
        self.setMinimumSize(900, 600)
        self.resize(FIRST_SIZE)

    def childEvent(self, event: QChildEvent) -> None:  # noqa: D102 - Qt's
        super().childEvent(event)
        if self._tab_bars is not None:
            self._tab_bars.take(event)
