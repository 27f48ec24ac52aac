"""The preset library lists, finds, opens and takes presets."""

from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QBuffer, QIODevice, QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QColor, QDragEnterEvent, QDropEvent, QImage
from PySide6.QtWidgets import QApplication, QLabel, QLineEdit, QListView, QMenu

from flowmap_studio.core.library import PresetEntry
from flowmap_studio.views.preset_library import PresetLibrary
from flowmap_studio.views.preset_model import ENTRY_ROLE
from flowmap_studio.views.theme import DARK, LIGHT

# The offscreen platform says this of every window and menu that is shown.
pytestmark = pytest.mark.qt_log_ignore("This plugin does not support ")

RED = "#ff0000"


def png(colour: str = RED) -> bytes:
    image = QImage(16, 16, QImage.Format.Format_RGB32)
    image.fill(QColor(colour))
    buffer = QBuffer()
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    assert image.save(buffer, "PNG")
    return bytes(buffer.data().data())


def entry(name: str, *, subtitle="moons · semigroup · ot", thumbnail=None, shipped=False):
    return PresetEntry(Path(f"/presets/{name}.flowmap"), name, subtitle, thumbnail, shipped)


ENTRIES = [
    entry("Zebra", subtitle="spiral · article · independent"),
    entry("Alpha"),
    entry("Moons", shipped=True),
]


@pytest.fixture
def library(qtbot):
    widget = PresetLibrary(LIGHT)
    qtbot.addWidget(widget)
    widget.resize(300, 400)
    with qtbot.waitExposed(widget):
        widget.show()
    return widget


@pytest.fixture
def opened(library):
    got = []
    library.presetActivated.connect(got.append)
    return got


def child(widget, kind, name):
    found = widget.findChild(kind, name)
    assert found is not None, name
    return found


def rows(library) -> list[str]:
    model = child(library, QListView, "presetList").model()
    return [model.index(row, 0).data() for row in range(model.rowCount())]


def centre(library, row: int) -> QPoint:
    view = child(library, QListView, "presetList")
    return view.visualRect(view.model().index(row, 0)).center()


def current(library) -> str | None:
    return child(library, QListView, "presetList").currentIndex().data()


def thumbnail_colour(library, row: int) -> QColor:
    view = child(library, QListView, "presetList")
    place = view.visualRect(view.model().index(row, 0))
    image = view.viewport().grab().toImage()
    ratio = image.devicePixelRatio()
    x, y = place.left() + 8 + 32, place.center().y() + 26
    return image.pixelColor(round(x * ratio), round(y * ratio))


def drag_data(*paths: str) -> QMimeData:
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(path) for path in paths])
    return data


def drag(library, data: QMimeData) -> bool:
    event = QDragEnterEvent(
        QPoint(50, 90),
        Qt.DropAction.CopyAction,
        data,
        Qt.MouseButton.LeftButton,
        Qt.KeyboardModifier.NoModifier,
    )
    event.ignore()
    QApplication.sendEvent(library, event)
    return event.isAccepted()


def drop(library, data: QMimeData) -> None:
    event = QDropEvent(
        QPointF(50, 90),
        Qt.DropAction.CopyAction,
        data,
        Qt.MouseButton.LeftButton,
        Qt.KeyboardModifier.NoModifier,
    )
    QApplication.sendEvent(library, event)


def test_an_empty_library_says_what_to_do(library):
    empty = child(library, QLabel, "presetsEmpty")
    assert empty.isVisible()
    assert empty.text() == "No presets yet. Train a map and press Save preset."
    library.set_presets(ENTRIES)
    assert not empty.isVisible()
    assert rows(library) == ["Zebra", "Alpha", "Moons"]


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        ("zeb", ["Zebra"]),
        ("SEMIGROUP", ["Alpha", "Moons"]),
        ("ot alpha", ["Alpha"]),
        ("  ", ["Zebra", "Alpha", "Moons"]),
        (".*", []),
    ],
)
def test_a_search_finds_words_in_any_order_and_case(library, qtbot, typed, found):
    library.set_presets(ENTRIES)
    qtbot.keyClicks(child(library, QLineEdit, "presetSearch"), typed)
    assert rows(library) == found


def test_a_search_without_hits_says_so(library, qtbot):
    library.set_presets(ENTRIES)
    search = child(library, QLineEdit, "presetSearch")
    qtbot.keyClicks(search, "quagga")
    empty = child(library, QLabel, "presetsEmpty")
    assert empty.isVisible()
    assert empty.text() == "Nothing matches “quagga”."
    search.clear()
    assert not empty.isVisible()


def test_a_single_click_opens(library, qtbot, opened):
    library.set_presets(ENTRIES)
    view = child(library, QListView, "presetList")
    qtbot.mouseClick(view.viewport(), Qt.MouseButton.LeftButton, pos=centre(library, 1))
    assert opened == [Path("/presets/Alpha.flowmap")]


@pytest.mark.parametrize("key", [Qt.Key.Key_Return, Qt.Key.Key_Enter])
def test_the_keyboard_moves_and_enter_opens(library, qtbot, opened, key):
    library.set_presets(ENTRIES)
    library.select(ENTRIES[0].path)
    view = child(library, QListView, "presetList")
    qtbot.keyClick(view, Qt.Key.Key_Down)
    assert opened == []
    qtbot.keyClick(view, key)
    assert opened == [Path("/presets/Alpha.flowmap")]


def test_selecting_marks_without_opening(library, opened):
    library.set_presets(ENTRIES)
    library.select(ENTRIES[2].path)
    assert current(library) == "Moons"
    library.select(Path("/elsewhere.flowmap"))
    assert current(library) is None
    library.select(ENTRIES[1].path)
    library.select_none()
    assert current(library) is None
    assert opened == []


def test_the_selection_outlives_a_new_list_and_a_search(library, qtbot):
    library.set_presets(ENTRIES)
    library.select(ENTRIES[2].path)
    library.set_presets([entry("New"), *ENTRIES])
    assert current(library) == "Moons"
    search = child(library, QLineEdit, "presetSearch")
    qtbot.keyClicks(search, "zebra")
    assert current(library) is None
    search.clear()
    assert current(library) == "Moons"


@pytest.mark.parametrize(
    ("text", "signal"), [("Open", "presetActivated"), ("Show in folder", "revealRequested")]
)
def test_the_context_menu_asks_for_its_row(library, qtbot, text, signal):
    library.set_presets(ENTRIES)
    view = child(library, QListView, "presetList")
    view.customContextMenuRequested.emit(centre(library, 1))
    menu = child(library, QMenu, "presetMenu")
    assert menu.isVisible()
    action = next(action for action in menu.actions() if action.text() == text)
    with qtbot.waitSignal(getattr(library, signal)) as caught:
        qtbot.mouseClick(menu, Qt.MouseButton.LeftButton, pos=menu.actionGeometry(action).center())
    assert caught.args == [Path("/presets/Alpha.flowmap")]


def test_dropped_presets_are_handed_on_and_nothing_else(library):
    got = []
    library.filesDropped.connect(got.append)
    frame = child(library, QLabel, "presetsDrop")
    mixed = drag_data("/a/one.flowmap", "/a/notes.txt", "/a/TWO.FLOWMAP")
    assert drag(library, mixed)
    assert frame.isVisible()
    drop(library, mixed)
    assert got == [[Path("/a/one.flowmap"), Path("/a/TWO.FLOWMAP")]]
    assert not frame.isVisible()
    assert not drag(library, drag_data("/a/notes.txt"))
    assert not frame.isVisible()


def test_a_thumbnail_is_painted_and_a_broken_one_is_neutral(library):
    cut = png()[:40]
    library.set_presets([entry("good", thumbnail=png()), entry("bad", thumbnail=b"nonsense")])
    assert thumbnail_colour(library, 0) == QColor(RED)
    assert thumbnail_colour(library, 1) == QColor(LIGHT.window)
    library.set_presets([entry("cut", thumbnail=cut), entry("none")])
    assert thumbnail_colour(library, 0) == QColor(LIGHT.window)
    assert thumbnail_colour(library, 1) == QColor(LIGHT.window)


def test_pictures_are_decoded_when_seen_and_once(library):
    pictures = [png(QColor.fromHsv(i % 360, 255, 100 + i // 360).name()) for i in range(1000)]
    library.set_presets([entry(str(i), thumbnail=pictures[i]) for i in range(1000)])
    library.grab()
    seen = library._delegate.pictures_decoded()
    assert 0 < seen < 20
    library.grab()
    assert library._delegate.pictures_decoded() == seen


def test_a_shipped_preset_carries_its_badge(library):
    library.set_presets([entry("same"), entry("same", shipped=True)])
    view = child(library, QListView, "presetList")
    image = view.viewport().grab().toImage().convertToFormat(QImage.Format.Format_RGB32)
    pixels = np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), -1)
    first, second = (view.visualRect(view.model().index(row, 0)) for row in (0, 1))
    height = first.height()
    assert (pixels[second.top() :][:height] != pixels[first.top() :][:height]).any()
    assert view.model().index(1, 0).data(Qt.ItemDataRole.AccessibleTextRole).endswith(", shipped")


def test_ten_thousand_presets_are_searched(library, qtbot):
    library.set_presets([entry(f"Preset {i}") for i in range(10_000)])
    child(library, QLineEdit, "presetSearch").setText("preset 7777")
    assert rows(library) == ["Preset 7777"]


def test_a_title_is_never_taken_for_markup(library):
    library.set_presets([entry("<b>bold</b>")])
    index = child(library, QListView, "presetList").model().index(0, 0)
    assert "&lt;b&gt;bold" in index.data(Qt.ItemDataRole.ToolTipRole)
    assert index.data() == "<b>bold</b>"


def test_long_words_are_elided_not_scrolled(library):
    library.set_presets([entry("long " * 40, subtitle="more " * 60)])
    library.grab()
    bar = child(library, QListView, "presetList").horizontalScrollBar()
    assert not bar.isVisible()
    assert bar.maximum() == 0


def test_both_palettes_draw(library):
    library.set_presets(ENTRIES)
    for palette in (DARK, LIGHT):
        library.apply_palette(palette)
        assert not library.grab().isNull()


def test_search_down_and_enter_go_to_what_was_found(library, qtbot, opened):
    library.set_presets(ENTRIES)
    search = child(library, QLineEdit, "presetSearch")
    view = child(library, QListView, "presetList")
    qtbot.keyClicks(search, "alpha")
    qtbot.keyClick(search, Qt.Key.Key_Down)
    assert current(library) == "Alpha"
    assert view.hasFocus()
    assert opened == []
    search.setFocus()
    search.setText("zebra")
    qtbot.keyClick(search, Qt.Key.Key_Return)
    assert opened == [Path("/presets/Zebra.flowmap")]
    search.setText("nothing like it")
    qtbot.keyClick(search, Qt.Key.Key_Return)
    assert len(opened) == 1


def test_the_keys_stay_where_they_are_when_rows_move(library, qtbot):
    library.set_presets(ENTRIES)
    library.select(ENTRIES[2].path)  # on stage
    view = child(library, QListView, "presetList")
    view.setCurrentIndex(view.model().index(0, 0))
    here = current(library)
    assert here != "Moons"
    qtbot.keyClick(view, Qt.Key.Key_B, Qt.KeyboardModifier.ControlModifier)
    assert current(library) == here
    library.set_presets([entry("New"), *ENTRIES])
    assert current(library) == here
    search = child(library, QLineEdit, "presetSearch")
    search.setText(next(one.title for one in ENTRIES if one.title not in (here, "Moons")))
    assert current(library) is None  # neither that row nor the one on stage is there
    search.clear()
    assert current(library) == here


def test_after_a_deletion_the_keys_are_on_the_row_below(library, qtbot):
    library.set_presets(ENTRIES)
    library.select(ENTRIES[2].path)
    view = child(library, QListView, "presetList")
    titles = [view.model().index(row, 0).data() for row in range(view.model().rowCount())]
    at = next(
        row
        for row, title in enumerate(titles[:-1])
        if title != "Moons" and not view.model().index(row, 0).data(ENTRY_ROLE).shipped
    )
    view.setCurrentIndex(view.model().index(at, 0))
    with qtbot.waitSignal(library.command_wanted) as wanted:
        qtbot.keyClick(view, Qt.Key.Key_Delete)
    name, gone = wanted.args
    assert (name, gone.title) == ("delete", titles[at])
    library.set_presets([one for one in ENTRIES if one.path != gone.path])
    assert current(library) == titles[at + 1]
