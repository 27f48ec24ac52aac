"""The texts of the window in the user's language, looked up by the English ones. Free of Qt.

Core and runtime speak English, and the command line with them: what they say is translated where
a view shows it. Figures keep their English form, with a point and grouping commas, in every
language: settings, files and the command line write them so.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache

_texts: dict[str, str] = {}
_sentences: dict[str, str] = {}


def tr(text: str, /, **values: object) -> str:
    """A text in the language of the window; the English one where it has no translation.

    Args:
        text: English, where there are values with a place such as "{name}" for each.
        values: What stands in these places; put in after translating.
    """
    told = _texts.get(text, text)
    return told.format(**values) if values else told


def told(sentence: str) -> str:
    """A finished English sentence of core or runtime in the language of the window.

    The sentence is compared with the catalogue's templates, whose places "{0}", "{1}" … stand for
    what was filled in; a translation writes "{0:t}" where that is a text of its own. What fits no
    template stays as it is.
    """
    return _told(sentence) if _sentences else sentence


def use(texts: Mapping[str, str], sentences: Mapping[str, str]) -> None:
    """Take translations, both from English to a language; English itself has none.

    Args:
        texts: What `tr` looks up.
        sentences: What `told` looks up besides.
    """
    for held, given in ((_texts, texts), (_sentences, sentences)):
        held.clear()
        held.update(given)
    _told.cache_clear()
    _patterns.cache_clear()


class _Filled(str):
    """What was filled into a sentence; the format "t" translates it."""

    __slots__ = ()

    def __format__(self, spec: str) -> str:
        text = str(self)
        if spec != "t":
            return text
        found = told(text)
        # A sentence within another one has left its full stop to that.
        return found if found != text else told(f"{text}.").removesuffix(".")


@lru_cache(maxsize=256)
def _told(sentence: str) -> str:
    known = _texts.get(sentence) or _sentences.get(sentence)
    if known is not None:
        return known
    for pattern, translation in _patterns():
        if found := pattern.fullmatch(sentence):
            return translation.format(*map(_Filled, found.groups("")))
    return sentence


@lru_cache(maxsize=1)
def _patterns() -> list[tuple[re.Pattern[str], str]]:
    """The templates as patterns, first those that leave the least open."""
    parted = [(re.split(r"\{\d+\}", text), told) for text, told in _sentences.items()]
    parted.sort(key=lambda pair: -len("".join(pair[0])))
    return [
        (re.compile("(.*?)".join(map(re.escape, parts)), re.DOTALL), translation)
        for parts, translation in parted
        if len(parts) > 1
    ]
