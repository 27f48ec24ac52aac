"""The window in Vietnamese: nothing is left untranslated, and the choice is remembered."""

from __future__ import annotations

import json
import re
import string
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import QLocale
from PySide6.QtGui import QAction
from PySide6.QtWidgets import (
    QAbstractButton,
    QApplication,
    QComboBox,
    QDialog,
    QDockWidget,
    QLabel,
    QLineEdit,
    QMenu,
    QTableWidget,
    QTextBrowser,
    QTreeWidget,
    QWidget,
)

from flowmap_studio.resources import asset
from flowmap_studio.tools.texts import lacks
from flowmap_studio.views import language, texts
from flowmap_studio.views.settings import Settings
from flowmap_studio.views.texts import told, tr

pytestmark = pytest.mark.qt_log_ignore("This plugin does not support ")
WORD = re.compile(r"[^\W\d_]{2,}")
NAMES = """
    Flow Map Studio MIT Python PySide torch Linux Windows Darwin x86_64 aarch64 arm64 Inter CPU CUDA
    MPS ODE SDE OT EMA AdamW Adam Jacobian Fourier Euler Heun Runge Kutta RK dopri Midpoint Gauss
    auto isotropic per axis none triangle clamp modulo midpoint uniform residual free mlp resmlp
    unet muon adam adamw cosine constant off on normal cpu cuda mps independent sinkhorn reflow ot
    article semigroup lagrangian eulerian trajectory distillation flow matching rectified
    schrodinger bridge moons checkerboard gaussians spiral rings pinwheel swissroll curve gaussian
    digits small Small rings English shortcut models mean
    It Ctrl Shift Alt Space Home End Left Right Backspace Del Return
"""
"""What is called so in every language: settings' values, methods, targets, people, keys."""
OTHERS = {"Export", "Export...", language.LANGUAGES["en"].next_start}
"""Pyqtgraph's own menus, which the studio never opens; what English says of itself."""


def catalogue() -> dict[str, dict[str, str]]:
    return json.loads(asset("texts", "vi.json").read_text(encoding="utf-8"))


@pytest.fixture
def vietnamese(qapp: QApplication) -> Iterator[None]:
    before = QLocale()
    language.speak(qapp, "vi")
    yield
    language.speak(qapp, "en")
    QLocale.setDefault(before)


# --- the catalogue --------------------------------------------------------------------------------


def test_everything_has_a_translation_and_nothing_is_stale() -> None:
    missing, stale = lacks(catalogue())
    assert not missing
    assert not stale


def test_a_catalogue_that_lacks_something_is_found_out() -> None:
    known = catalogue()
    del known["texts"]["Train"]
    del known["sentences"]["Click a point to trace it."]
    known["texts"]["Trian"] = "Huấn luyện"
    missing, stale = lacks(known)
    assert missing == ["Click a point to trace it.", "Train"]
    assert stale == ["Trian"]


def _places(text: str) -> set[tuple[str, str]]:
    """Name and format of every place of a text that has named ones."""
    if not re.search(r"\{[a-z]\w*(:[^{}]*)?\}", text):
        return set()
    return {(name, spec or "") for _, name, spec, _ in string.Formatter().parse(text) if name}


def test_places_of_texts_agree() -> None:
    for english, translation in catalogue()["texts"].items():
        assert _places(english) == _places(translation), english


def test_places_of_sentences_are_those_of_the_english_ones() -> None:
    for english, translation in catalogue()["sentences"].items():
        numbers = set(re.findall(r"\{(\d+)\}", english))
        assert set(re.findall(r"\{(\d+)(?::t)?\}", translation)) <= numbers, english
        assert "{" not in re.sub(r"\{\d+(:t)?\}", "", translation), english


def test_translations_are_in_vietnamese() -> None:
    """Whole sentences that read the same in both languages were forgotten."""
    same = [
        english
        for part in ("texts", "sentences")
        for english, translation in catalogue()[part].items()
        if english == translation and len(WORD.findall(english)) > 2
    ]
    assert not same


# --- looking up -----------------------------------------------------------------------------------


def test_english_is_the_source_itself() -> None:
    assert tr("Train") == "Train"
    assert tr("Saved {name}.", name="a {b}") == "Saved a {b}."
    assert told("The disk is full of {0}.") == "The disk is full of {0}."


def test_what_is_filled_in_stays(vietnamese: None) -> None:
    assert tr("Saved {name}.", name="Train {0}.flowmap") == "Đã lưu Train {0}.flowmap."
    assert tr("nobody ever wrote this") == "nobody ever wrote this"


@pytest.mark.parametrize(
    ("english", "translation"),
    [
        (
            "Batch must lie between 1 and 1,048,576, not 0.",
            "Batch phải nằm giữa 1 và 1,048,576, không phải 0.",
        ),
        (
            "Could not open a.flowmap: its settings are not allowed: Depth must be a finite "
            "number. Your current map is unchanged.",
            "Không mở được a.flowmap: thiết lập không được phép: Độ sâu phải là một số hữu hạn. "
            "Bản đồ hiện tại không thay đổi.",
        ),
        ("Could not read Depth: the disk is full.", "Không đọc được Depth: đĩa đã đầy."),
        ("moons · article · ot · 5,000 steps", "moons · article · ot · 5,000 bước"),
        ("Composed, 8 steps", "Ghép, 8 bước"),
        ("other: Euler, 1 step", "other: Euler, 1 bước"),
        ("t = 0.500 · step 20 · teacher", "t = 0.500 · bước 20 · mạng thầy"),
        ("Training moons: step 1,500", "Đang huấn luyện moons: bước 1,500"),
        ("Measured semigroup: 8 steps", "Đã đo semigroup: 8 bước"),
        ("Something went wrong: no idea", "Có lỗi xảy ra: no idea"),
        ("a_file_of_mine.csv", "a_file_of_mine.csv"),
    ],
)
def test_sentences_of_core_are_told(vietnamese: None, english: str, translation: str) -> None:
    assert told(english) == translation


def test_every_sentence_is_recognised_as_itself(vietnamese: None) -> None:
    for english, translation in catalogue()["sentences"].items():
        fillings = [f"«{number}»" for number in range(english.count("{"))]
        said = translation.replace(":t}", "}").format(*fillings)
        assert told(english.format(*fillings)) == said


def test_advice_is_told(vietnamese: None) -> None:
    from flowmap_studio.core.advice import Figures, advise
    from flowmap_studio.core.config import RunConfig
    from flowmap_studio.views.offers import offer_text

    config = RunConfig(method="article", coupling="independent")
    found = advise(config, Figures(step=900, spread_ratio=0.04))[0]
    assert told(found.sentence).startswith("Sụp về trung bình: đám mây một bước chỉ có 4%")
    assert offer_text(found.change) == "Dùng ghép cặp ot"
    under = Figures(step=500, progress=1.0, one_step=0.5, floor=0.02, earlier=0.9)
    sentence = told(advise(RunConfig(steps=500), under)[0].sentence)
    assert "sau 500 bước" in sentence
    assert "hãy huấn luyện 1,000 bước." in sentence
    assert not _english(sentence)


# --- the window -----------------------------------------------------------------------------------


def _english(shown: str) -> set[str]:
    """Words that only the English texts have."""
    known = catalogue()
    english = " ".join([*known["texts"], *known["sentences"]])
    translated = " ".join([*known["texts"].values(), *known["sentences"].values()])
    foreign = set(WORD.findall(english)) - set(WORD.findall(translated)) - set(NAMES.split())
    plain = re.sub(r"<[^>]*>|&\w+;|\S*\.\w+|[\w-]*-[\w-]*", " ", shown)
    return set(WORD.findall(plain.replace("&", ""))) & foreign


def _shown_by(widget: QWidget) -> Iterator[str]:
    yield from (widget.toolTip(), widget.accessibleName(), widget.windowTitle())
    yield widget.accessibleDescription()
    if isinstance(widget, QLabel | QAbstractButton):
        yield widget.text()
    elif isinstance(widget, QLineEdit):
        yield widget.placeholderText()
    elif isinstance(widget, QTextBrowser):
        yield widget.toPlainText()
    elif isinstance(widget, QComboBox) and widget.objectName() != "paintFont":
        for at in range(widget.count()):
            yield widget.itemText(at)
            yield widget.itemData(at, 3) or ""
    elif isinstance(widget, QTableWidget):
        for at in range(widget.columnCount()):
            yield widget.horizontalHeaderItem(at).text()
            yield widget.horizontalHeaderItem(at).toolTip()
    elif isinstance(widget, QTreeWidget):
        yield from (widget.topLevelItem(at).text(0) for at in range(widget.topLevelItemCount()))


def _left_in_english(top: QWidget) -> dict[str, set[str]]:
    shown = {text for widget in [top, *top.findChildren(QWidget)] for text in _shown_by(widget)}
    for action in top.findChildren(QAction):
        shown |= {action.text(), action.toolTip()}
    shown |= {menu.title() for menu in top.findChildren(QMenu)}
    return {text: words for text in shown - OTHERS if (words := _english(text))}


def test_english_words_are_noticed() -> None:
    assert _english("Show or hide the noise")
    assert not _english("Huấn luyện moons · semigroup · ot với Ctrl+R")


def test_the_window_is_in_vietnamese(vietnamese: None, studio: Any) -> None:
    window = studio.window
    menus = [action.text() for action in window.menuBar().actions()]
    assert menus == ["&Tệp", "&Sửa", "&Chạy", "T&hời gian", "&Xem", "Trợ &giúp"]
    assert studio.find("trainButton").text() == "Huấn luyện"
    assert studio.find("lossDock", QDockWidget).windowTitle() == "Loss"
    assert studio.find("depthEdit").accessibleName() == "Độ sâu"
    assert "bước" in window.stage.caption()
    assert studio.state() == "rảnh"
    assert _left_in_english(window) == {}


def test_panels_and_dialogs_are_in_vietnamese(vietnamese: None, studio: Any) -> None:
    window = studio.window
    for action in ("tourAction", "paintAction", "compareAction"):
        studio.trigger(action)
    for chapter in range(5):
        window.tour_panel.show_chapter(chapter)
        assert _left_in_english(window.tour_panel) == {}
    for action in ("shortcutsAction", "commandsAction", "aboutAction"):
        studio.trigger(action)
    assert _left_in_english(window) == {}
    about = next(d for d in window.findChildren(QDialog) if d.objectName() == "aboutDialog")
    assert "Đóng" in {button.text() for button in about.findChildren(QAbstractButton)}
    for dialog in window.findChildren(QDialog):
        dialog.close()


def test_a_run_speaks_vietnamese(vietnamese: None, studio: Any) -> None:
    studio.configure()
    studio.click("trainButton")
    studio.until(lambda: studio.state() == "đang chạy")
    assert studio.find("trainButton").text() == "Tạm dừng"
    studio.until(lambda: studio.state() == "rảnh")
    studio.until(lambda: studio.window.quality_plot.findChildren(QLabel) != [])
    assert _left_in_english(studio.window) == {}


def test_refusals_are_in_vietnamese(vietnamese: None, studio: Any, tmp_path: Path) -> None:
    path = tmp_path / "bad.flowmap"
    path.write_bytes(b"x" * 100)
    assert not studio.window.open_preset(path)
    assert studio.message().startswith("Không mở được bad.flowmap: ")
    assert not _english(studio.message())


def test_films_have_names_in_vietnamese(vietnamese: None, studio: Any) -> None:
    from flowmap_studio.core.film import _looking
    from flowmap_studio.core.film_limits import Look
    from flowmap_studio.runtime.exporting import stage_clouds

    dialog = studio.window._exports._film_dialog(Path("a.gif"))
    orders = []
    studio.session.films.start = orders.append
    dialog.begin()
    scene = _looking(stage_clouds(orders[0]).at(0.5), orders[0].look)
    assert orders[0].look.say is told
    assert scene.names["composed"] == "Ghép, 8 bước"
    assert scene.caption == f"t = 0.500 · bước {studio.session.snapshot.step:,}"
    assert _looking(scene, Look()).names == scene.names
    dialog.close()


# --- the choice -----------------------------------------------------------------------------------


def test_the_choice_is_told_and_remembered(qapp: QApplication, open_studio: Any) -> None:
    studio = open_studio()
    chosen = studio.find("language-vi")
    assert studio.find("language-en").isChecked()
    chosen.trigger()
    assert chosen.isChecked()
    assert studio.message() == "Cửa sổ sẽ dùng tiếng Việt từ lần khởi động sau."
    assert studio.find("trainButton").text() == "Train"
    assert language.chosen(Settings()) == "vi"
    studio.find("language-en").trigger()
    assert studio.message() == "The window is in English."
    assert language.chosen(Settings()) == "en"


@pytest.mark.parametrize(
    ("system", "expected"),
    [(["vi-Latn-VN", "vi-VN"], "vi"), (["de-DE", "vi-VN"], "en"), (["C"], "en"), ([], "en")],
)
def test_without_a_choice_the_system_decides(
    monkeypatch: pytest.MonkeyPatch, system: list[str], expected: str
) -> None:
    class System:
        @staticmethod
        def system() -> Any:
            return System

        @staticmethod
        def uiLanguages() -> list[str]:
            return system

    monkeypatch.setattr(language, "QLocale", System)
    settings = Settings()
    assert language.chosen(settings) == expected
    settings.remember(language.KEY, "klingon")
    assert language.chosen(settings) == expected
    settings.remember(language.KEY, "en")
    assert language.chosen(settings) == "en"


@pytest.mark.parametrize("content", [None, "{", "[]", '{"texts": {}}', '{"texts": 1}'])
def test_without_a_sound_catalogue_the_window_is_english(
    qapp: QApplication, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, content: str | None
) -> None:
    path = tmp_path / "vi.json"
    if content is not None:
        path.write_text(content)
    monkeypatch.setattr(language, "asset", lambda *_: path)
    language.speak(qapp, "vi")
    assert language.spoken(qapp) == "en"
    assert tr("Train") == "Train"
    assert not texts._sentences
