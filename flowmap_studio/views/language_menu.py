"""The menu that chooses the window's language."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtGui import QAction, QActionGroup
from PySide6.QtWidgets import QApplication, QMenu, QWidget

from flowmap_studio.views.language import KEY, LANGUAGES, chosen, spoken
from flowmap_studio.views.settings import Settings
from flowmap_studio.views.texts import tr


class LanguageMenu(QMenu):
    """The languages, each by its own name; a choice is remembered for the next start.

    Args:
        settings: Where it is remembered.
    """

    told = Signal(str)  # from when on, in the chosen language

    def __init__(self, settings: Settings, parent: QWidget) -> None:
        super().__init__(tr("Language"), parent)
        self.setObjectName("languageMenu")
        self._settings = settings
        self._group = QActionGroup(self)
        for code, language in LANGUAGES.items():
            action = QAction(language.name, self)
            action.setObjectName(f"language-{code}")
            action.setCheckable(True)
            action.setChecked(code == chosen(settings))
            action.setData(code)
            action.setToolTip(language.next_start)
            self._group.addAction(action)
        self.addActions(self._group.actions())
        self._group.triggered.connect(self._on_chosen)

    def _on_chosen(self, action: QAction) -> None:
        code = action.data()
        self._settings.remember(KEY, code)
        self._settings.write()
        language = LANGUAGES[code]
        now = code == spoken(QApplication.instance())
        self.told.emit(language.now if now else language.next_start)
