"""The window's panels, placed once: docks left and right, the scrubber below."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QByteArray, QChildEvent, QEvent, QObject, Qt
from PySide6.QtWidgets import QDockWidget, QMainWindow, QScrollArea, QTabBar, QWidget

from flowmap_studio.views.texts import tr

LEFT, RIGHT, BOTTOM = (
    Qt.DockWidgetArea.LeftDockWidgetArea,
    Qt.DockWidgetArea.RightDockWidgetArea,
    Qt.DockWidgetArea.BottomDockWidgetArea,
)
SHARE = 0.72
"""Of the height beside the stage, for a panel to read or to draw in."""


def make_dock(window: QMainWindow, name: str, title: str) -> QDockWidget:
    """A dock for a widget that is made in it; one that is closed comes back by the View menu."""
    dock = QDockWidget(title, window)
    dock.setObjectName(name)
    dock.setFeatures(
        QDockWidget.DockWidgetFeature.DockWidgetMovable
        | QDockWidget.DockWidgetFeature.DockWidgetClosable
        | QDockWidget.DockWidgetFeature.DockWidgetFloatable
    )
    return dock


def add_dock(window: QMainWindow, content: QWidget, area: Qt.DockWidgetArea) -> QDockWidget:
    """Give the dock that a widget was made in its place; returns the dock."""
    dock = content.parentWidget()
    assert isinstance(dock, QDockWidget)  # noqa: S101 - see `make_dock`
    dock.setWidget(content)
    window.addDockWidget(area, dock)
    return dock


def scrolled(content: QWidget, parent: QWidget) -> QScrollArea:
    """A widget that scrolls where there is less room than it needs: its neighbours keep theirs."""
    area = QScrollArea(parent)
    area.setObjectName(f"{content.objectName()}Scroll")
    policy = Qt.FocusPolicy
    inside = any(each.focusPolicy() & policy.TabFocus for each in content.findChildren(QWidget))
    # Where the Tab key finds nothing inside, the area itself is scrolled by keys.
    area.setFocusPolicy(policy.NoFocus if inside else policy.TabFocus)
    area.setAccessibleName(content.accessibleName())
    area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    area.setWidgetResizable(True)
    area.setWidget(content)
    return area


def arrange(
    window: QMainWindow,
    left: tuple[QDockWidget, QDockWidget],
    right: tuple[QDockWidget, QDockWidget],
    bottom: QDockWidget,
) -> None:
    """First sizes; the scrubber spans the whole width and has no title."""
    window.setCorner(Qt.Corner.BottomLeftCorner, BOTTOM)
    window.setCorner(Qt.Corner.BottomRightCorner, BOTTOM)
    bottom.setTitleBarWidget(QWidget())
    bottom.setFeatures(QDockWidget.DockWidgetFeature.NoDockWidgetFeatures)
    window.resizeDocks([left[0], right[0]], [300, 340], Qt.Orientation.Horizontal)
    window.resizeDocks(list(left), [330, 270], Qt.Orientation.Vertical)
    window.resizeDocks(list(right), [330, 270], Qt.Orientation.Vertical)


def is_docked(window: QMainWindow, dock: QDockWidget) -> bool:
    """Whether a dock has a place in the window's layout, and so can be resized there.

    A dock in a group of floating ones doesn't call itself floating.
    """
    nowhere = Qt.DockWidgetArea.NoDockWidgetArea
    inside = dock.parentWidget() is window and window.dockWidgetArea(dock) != nowhere
    return inside and not dock.isFloating()


def make_room(window: QMainWindow, dock: QDockWidget) -> None:
    """Show a dock in front of those it shares its place with, and higher than the others.

    The others have their room back when it is hidden.
    """
    before = {one: one.height() for one in window.findChildren(QDockWidget)}
    dock.show()
    dock.raise_()
    beside = [
        other
        for other in before
        if not other.visibleRegion().isEmpty()  # one that lies behind another is visible to Qt
        and is_docked(window, other)
        and window.dockWidgetArea(other) == window.dockWidgetArea(dock)
        and other not in (dock, *window.tabifiedDockWidgets(dock))
    ]
    # Of the dock's own place too: Qt shares out the room anew among those that it is told of.
    former = {one: before[one] for one in (*window.tabifiedDockWidgets(dock), *beside)}

    def give_back(_shown: bool) -> None:
        window.layout().activate()
        there = [one for one in former if not one.isHidden() and is_docked(window, one)]
        heights = [former[one] for one in there]
        window.resizeDocks(there, heights, Qt.Orientation.Vertical)

    dock.toggleViewAction().toggled.connect(give_back, Qt.ConnectionType.SingleShotConnection)
    if not is_docked(window, dock):
        return
    height = window.height()
    heights = [round(SHARE * height), *(round((1 - SHARE) * height) for _ in beside)]
    window.resizeDocks([dock, *beside], heights, Qt.Orientation.Vertical)


class TabBars(QObject):
    """Names the tab bars that a window makes for docks in one place: they come and go.

    A bar with a single tab is somewhere out of sight, where the Tab key must not come to.

    Args:
        window: Whose they are; it tells of its children by `take`.
    """

    def take(self, event: QChildEvent) -> None:
        """A window's `childEvent`; a filter would be asked about each of its repaints as well."""
        if event.polished() and isinstance(event.child(), QTabBar):
            event.child().setAccessibleName(tr("Panels in this place"))
            event.child().setDrawBase(False)  # a line beside the tabs
            event.child().installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: D102 - Qt's
        if event.type() in (QEvent.Type.Move, QEvent.Type.Show) and isinstance(watched, QTabBar):
            policy = Qt.FocusPolicy
            watched.setFocusPolicy(policy.TabFocus if watched.count() > 1 else policy.NoFocus)
        return super().eventFilter(watched, event)


def stack(window: QMainWindow, upper: QDockWidget, lower: QDockWidget) -> None:
    """Put two docks behind one another with tabs, the first one in front."""
    window.tabifyDockWidget(upper, lower)
    upper.raise_()


class StageOnly:
    """Hides all but stage and scrubber, and puts everything back as it was.

    Args:
        window: Whose layout it is.
        widgets: What is hidden.
    """

    def __init__(self, window: QMainWindow, widgets: Sequence[QWidget]) -> None:
        self._window = window
        self._widgets = widgets
        self._before: QByteArray | None = None
        self._hidden: list[QWidget] = []

    @property
    def on(self) -> bool:
        """Whether all but stage and scrubber is hidden."""
        return self._before is not None

    def toggle(self) -> None:
        """Hide or put back."""
        if self.on:
            self.leave()
            return
        self._before = self._window.saveState()
        self._hidden = [widget for widget in self._widgets if not widget.isHidden()]
        for widget in self._hidden:
            widget.hide()

    def leave(self) -> None:
        """Put everything back, if it is hidden: also the sizes, which showing alone does not."""
        if self._before is None:
            return
        for widget in self._hidden:
            widget.show()
        self._window.restoreState(self._before)
        self._before = None
