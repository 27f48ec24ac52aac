"""The language of the window: which one, from when on, and what Qt itself says in it."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass

from PySide6.QtCore import QCoreApplication, QLocale, QTranslator

from flowmap_studio.resources import asset
from flowmap_studio.views import texts
from flowmap_studio.views.settings import Settings

KEY = "language"
SOURCE = "en"
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Language:
    """One language.

    Attributes:
        name: In itself.
        next_start: Says in itself from when on it is spoken.
        now: Says in itself that it is spoken already.
    """

    name: str
    next_start: str
    now: str


LANGUAGES = {
    "en": Language(
        "English",
        "The window will be in English from the next start on.",
        "The window is in English.",
    ),
    "vi": Language(
        "Tiếng Việt",
        "Cửa sổ sẽ dùng tiếng Việt từ lần khởi động sau.",
        "Cửa sổ đang dùng tiếng Việt.",
    ),
}
"""By the names of their locales. Every other one than English has a catalogue in assets/texts."""


class QtTexts(QTranslator):
    """What Qt's own dialogs and menus say.

    Attributes:
        language: One of `LANGUAGES`.

    Args:
        language: Which.
        known: Translations by Qt's English texts.
        app: Its owner.
    """

    def __init__(self, language: str, known: Mapping[str, str], app: QCoreApplication) -> None:
        super().__init__(app)
        self.language = language
        self._known = known

    def isEmpty(self) -> bool:  # noqa: D102 - Qt's
        return False

    def translate(  # noqa: D102 - Qt's
        self, context: str, text: str, disambiguation: str | None = None, count: int = -1
    ) -> str | None:
        del disambiguation, count
        # Keys are called what keyboards have written on them.
        return None if context == "QShortcut" else self._known.get(text)


def chosen(settings: Settings) -> str:
    """The language that was chosen; the system's where none was, or English."""
    wanted = settings.text(KEY)
    if wanted not in LANGUAGES:
        wanted = next(iter(QLocale.system().uiLanguages()), SOURCE).split("-")[0]
    return wanted if wanted in LANGUAGES else SOURCE


def spoken(app: QCoreApplication) -> str:
    """The language of the windows of an application."""
    translator = app.findChild(QtTexts)
    return SOURCE if translator is None else translator.language


def speak(app: QCoreApplication, language: str) -> None:
    """Take a language for the windows that are made from now on.

    Args:
        app: Gets Qt's own texts.
        language: One of `LANGUAGES`; English where its catalogue can't be read.
    """
    for former in app.findChildren(QtTexts):
        app.removeTranslator(former)
        former.setParent(None)
    texts.use({}, {})
    if language == SOURCE:
        return
    try:
        read = json.loads(asset("texts", f"{language}.json").read_text(encoding="utf-8"))
        texts.use(read["texts"], read["sentences"])
        app.installTranslator(QtTexts(language, read["qt"], app))
    except (OSError, ValueError, KeyError, TypeError) as error:
        log.warning("no texts for %s: %s", language, error)
        return
    # Figures have a point in all that the window writes; so they have where one is typed.
    QLocale.setDefault(QLocale(QLocale.Language.English, QLocale.Country.UnitedStates))
