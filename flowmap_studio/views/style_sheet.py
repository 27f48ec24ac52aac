"""The style sheet: quiet surfaces, visible focus, nothing that shouts."""

from flowmap_studio.core.palettes import Palette
from flowmap_studio.resources import asset


def style_sheet(p: Palette) -> str:
    """The application's style sheet in the colours of a palette."""
    check = asset("icons", f"check-{'dark' if p.dark else 'light'}.svg").as_posix()
    arrow = asset("icons", f"arrow-{'dark' if p.dark else 'light'}.svg").as_posix()
    return f"""
QMainWindow, QDialog, QWidget#centre {{ background: {p.window}; }}
QDialogButtonBox {{ dialogbuttonbox-buttons-have-icons: 0; }}
QMainWindow::separator {{ background: {p.window}; width: 6px; height: 6px; }}
QToolBar {{ background: {p.window}; border: none; spacing: 2px; padding: 2px 8px 4px 8px; }}
QToolBar::separator {{ background: {p.border}; width: 1px; margin: 5px 4px; }}
QToolBar QLabel {{ color: {p.muted}; padding: 0 4px; }}
QToolButton {{ border: 1px solid transparent; border-radius: 6px; padding: 4px 7px; }}
QToolButton:hover {{ background: {p.grid}; }}
QToolButton:pressed, QToolButton:checked {{ background: {p.grid}; border-color: {p.border}; }}
QToolButton:focus {{ border-color: {p.accent}; }}
QToolButton:disabled {{ color: {p.faint}; }}
QCheckBox::indicator {{ width: 14px; height: 14px; border: 1px solid {p.muted};
    border-radius: 4px; background: {p.field}; }}
QCheckBox::indicator:hover, QCheckBox::indicator:focus {{ border-color: {p.accent}; }}
QCheckBox::indicator:checked {{ background: {p.accent}; border-color: {p.accent};
    image: url({check}); }}
QCheckBox::indicator:disabled {{ border-color: {p.border}; background: {p.window}; }}
QCheckBox:disabled {{ color: {p.faint}; }}
QToolButton#trainButton {{ background: {p.accent}; color: {p.on_accent}; font-weight: 600;
    padding: 5px 12px; }}
QToolButton#trainButton:hover {{ background: {p.accent_hover}; }}
QToolButton#trainButton:disabled {{ background: {p.grid}; color: {p.muted}; }}
QDockWidget {{ color: {p.muted}; font-weight: 600; }}
QDockWidget::title {{ background: {p.window}; padding: 5px 8px 3px 8px; text-align: left; }}
QDockWidget > QWidget, QWidget#lossPlot, QWidget#qualityPlot, QWidget#comparePanel,
QWidget#tourPanel, QWidget#paintPanel {{
    background: {p.panel}; }}
QPushButton {{ background: {p.field}; border: 1px solid {p.border}; border-radius: 6px;
    padding: 4px 12px; }}
QPushButton:hover {{ border-color: {p.muted}; }}
QPushButton:focus {{ border-color: {p.accent}; }}
QPushButton:disabled {{ color: {p.muted}; background: {p.window}; }}
QLineEdit, QSpinBox, QDoubleSpinBox, QComboBox {{ background: {p.field}; color: {p.text};
    border: 1px solid {p.border}; border-radius: 6px; padding: 3px 6px; min-height: 18px;
    selection-background-color: {p.accent}; selection-color: {p.on_accent}; }}
QLineEdit:focus, QSpinBox:focus, QDoubleSpinBox:focus, QComboBox:focus {{
    border-color: {p.accent}; }}
QLineEdit:disabled, QSpinBox:disabled, QDoubleSpinBox:disabled, QComboBox:disabled {{
    color: {p.muted}; background: {p.window}; }}
QSpinBox::up-button, QDoubleSpinBox::up-button, QSpinBox::down-button,
QDoubleSpinBox::down-button {{ width: 0; border: none; }}
QComboBox::drop-down {{ border: none; width: 18px; }}
QComboBox::down-arrow {{ image: url({arrow}); width: 10px; height: 10px; }}
QComboBox QAbstractItemView, QMenu {{ background: {p.panel}; color: {p.text};
    border: 1px solid {p.border}; selection-background-color: {p.accent};
    selection-color: {p.on_accent}; outline: 0; }}
QMenu {{ padding: 4px; }}
QMenu::item:disabled {{ color: {p.muted}; }}
QMenu::item {{ padding: 5px 24px 5px 14px; border-radius: 4px; }}
QMenu::item:selected {{ background: {p.accent}; color: {p.on_accent}; }}
QMenu::separator {{ height: 1px; background: {p.border}; margin: 4px 8px; }}
QMenuBar {{ background: {p.window}; }}
QMenuBar::item {{ padding: 4px 9px; border-radius: 4px; background: transparent; }}
QMenuBar::item:selected {{ background: {p.grid}; }}
QSlider::groove:horizontal {{ height: 4px; background: {p.border}; border-radius: 2px; }}
QSlider::sub-page:horizontal {{ background: {p.accent}; border-radius: 2px; }}
QSlider::sub-page:horizontal:disabled {{ background: {p.border}; }}
QSlider::handle:horizontal {{ background: {p.accent}; border: 2px solid {p.panel};
    width: 14px; height: 14px; margin: -7px 0; border-radius: 9px; }}
QSlider#timeSlider::groove:horizontal {{ height: 6px; border-radius: 3px; }}
QSlider#timeSlider::sub-page:horizontal {{ border-radius: 3px; }}
QSlider#timeSlider::handle:horizontal {{ width: 18px; height: 18px; margin: -8px 0;
    border-radius: 11px; }}
QSlider::handle:horizontal:focus {{ border-color: {p.text}; }}
QSlider::handle:horizontal:disabled {{ background: {p.border}; }}
QStatusBar {{ background: {p.window}; color: {p.muted}; }}
QStatusBar::item {{ border: none; }}
QStatusBar QLabel {{ color: {p.muted}; padding: 0 6px; }}
QScrollArea, QListView, QTreeView {{ border: none; background: {p.panel}; }}
QTreeView::item {{ padding: 4px 8px; }}
QTreeView::item:selected {{ background: {p.accent}; color: {p.on_accent}; }}
QScrollArea > QWidget > QWidget {{ background: {p.panel}; }}
QScrollBar:vertical {{ background: transparent; width: 10px; margin: 0; }}
QScrollBar::handle:vertical {{ background: {p.border}; border-radius: 4px; min-height: 28px;
    margin: 1px 2px; }}
QScrollBar::handle:vertical:hover {{ background: {p.muted}; }}
QScrollBar::add-line, QScrollBar::sub-line {{ height: 0; width: 0; }}
QScrollBar::add-page, QScrollBar::sub-page {{ background: transparent; }}
QScrollBar:horizontal {{ background: transparent; height: 10px; }}
QScrollBar::handle:horizontal {{ background: {p.border}; border-radius: 4px; min-width: 28px;
    margin: 2px 1px; }}
QToolTip {{ background: {p.panel}; color: {p.text}; border: 1px solid {p.border};
    padding: 5px; }}
QProgressBar {{ background: {p.border}; border: none; border-radius: 2px; max-height: 4px; }}
QProgressBar::chunk {{ background: {p.accent}; border-radius: 2px; }}
QTabBar::tab {{ background: {p.window}; color: {p.muted}; padding: 5px 12px; border: none;
    border-bottom: 2px solid transparent; }}
QTabBar::tab:selected {{ color: {p.text}; border-bottom-color: {p.accent}; }}
QTableView {{ background: {p.panel}; border: none; outline: 0;
    selection-background-color: {p.grid}; selection-color: {p.text}; }}
QTableView::item {{ padding: 0 6px; }}
QTableView::indicator {{ width: 12px; height: 12px; border: 1px solid {p.muted};
    border-radius: 4px; background: {p.field}; }}
QTableView::indicator:checked {{ background: {p.composed}; border-color: {p.composed}; }}
QHeaderView {{ background: {p.panel}; }}
QHeaderView::section {{ background: {p.panel}; color: {p.muted}; border: none;
    border-bottom: 1px solid {p.border}; padding: 3px 6px; }}
QToolButton::menu-indicator {{ image: url({arrow}); width: 10px; height: 10px;
    subcontrol-position: right center; right: 5px; }}
QToolButton[bareMenu="true"]::menu-indicator {{ image: none; }}
QToolButton[tight="true"] {{ padding: 2px; }}
Disclosure, Disclosure:checked, Disclosure:pressed, Disclosure:hover, Disclosure:focus {{
    border: none; background: transparent; font-weight: 600; padding: 3px 4px 3px 0; }}
Disclosure[quiet="true"] {{ font-weight: 400; }}
Disclosure:hover, Disclosure:focus {{ text-decoration: underline; }}
QToolButton#compareMethods {{ background: {p.field}; border-color: {p.border};
    padding: 4px 20px 4px 8px; }}
QLabel[muted="true"] {{ color: {p.muted}; }}
QLabel[heading="true"] {{ font-weight: 600; }}
QLabel[keyCap="true"] {{ background: {p.field}; border: 1px solid {p.border};
    border-radius: 4px; padding: 1px 6px; }}
QLabel[error="true"] {{ color: {p.danger}; }}
QFrame#messageBar {{ background: {p.panel}; border: 1px solid {p.border};
    border-radius: 8px; }}
QFrame#runChooser {{ background: {p.panel}; border: 1px solid {p.border}; }}
QFrame#messageBar[kind="warning"] {{ border-color: {p.warning}; }}
QFrame#messageBar[kind="error"] {{ border-color: {p.danger}; }}
"""
