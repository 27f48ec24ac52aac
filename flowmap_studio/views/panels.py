"""The window's panels, placed once: docks left and right, the scrubber below."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QDockWidget, QMainWindow, QWidget

LEFT, RIGHT, BOTTOM = (
    Qt.DockWidgetArea.LeftDockWidgetArea,
    Qt.DockWidgetArea.RightDockWidgetArea,
    Qt.DockWidgetArea.BottomDockWidgetArea,
)


def add_dock(
    window: QMainWindow, name: str, title: str, content: QWidget, area: Qt.DockWidgetArea
) -> QDockWidget:
    """Put a widget into a dock that can be moved but not lost."""
    dock = QDockWidget(title, window)
    dock.setObjectName(name)
    dock.setWidget(content)
    dock.setFeatures(
        QDockWidget.DockWidgetFeature.DockWidgetMovable
        | QDockWidget.DockWidgetFeature.DockWidgetFloatable
    )
    window.addDockWidget(area, dock)
    return dock


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
    window.resizeDocks(list(right), [340, 260], Qt.Orientation.Vertical)
