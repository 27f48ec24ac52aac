"""The library in the window as a person uses it: marked, described, copied, deleted, had back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import (
    QApplication,
    QDialogButtonBox,
    QLineEdit,
    QListView,
    QMenu,
    QPlainTextEdit,
    QToolButton,
    QWidget,
)

from flowmap_studio.core.presets import LayerLook, read_preset
from flowmap_studio.resources import asset
from flowmap_studio.views.settings import presets_folder

pytestmark = pytest.mark.qt_log_ignore("This plugin does not support ")

CONTROL = Qt.KeyboardModifier.ControlModifier
SHIPPED = len(list(asset("presets").glob("*.flowmap")))


class Library:
    """The library as its user sees it."""

    def __init__(self, studio: Any) -> None:
        self.studio = studio
        self.view = studio.find("presetList", QListView)

    def titles(self) -> list[str]:
        model = self.view.model()
        return [model.index(row, 0).data() for row in range(model.rowCount())]

    def until_listed(self, *titles: str) -> None:
        self.studio.until(lambda: self.titles()[: len(titles)] == list(titles))

    def go_to(self, title: str) -> None:
        """Reach a row by the arrow keys."""
        self.view.setFocus()
        self.studio.key(Qt.Key.Key_Home)
        self.view.setCurrentIndex(self.view.model().index(0, 0))
        while self.view.currentIndex().data() != title:
            before = self.view.currentIndex().row()
            self.studio.key(Qt.Key.Key_Down)
            assert self.view.currentIndex().row() > before, title

    def menu(self, text: str) -> None:
        """Choose from the menu of the current row."""
        self.studio.click("presetMore")
        menu = self.studio.find("presetMenu", QMenu)
        action = next(a for a in menu.actions() if a.text() == text)
        place = menu.actionGeometry(action).center()
        self.studio.qtbot.mouseClick(menu, Qt.MouseButton.LeftButton, pos=place)

    def spoken(self) -> str:
        return self.view.currentIndex().data(Qt.ItemDataRole.AccessibleTextRole)


@pytest.fixture
def library(studio: Any) -> Library:
    """A window whose user has saved one map, "mine"."""
    presets_folder().mkdir(parents=True)
    assert studio.window.save_preset(presets_folder() / "mine.flowmap")
    made = Library(studio)
    studio.until(lambda: len(made.titles()) == SHIPPED + 1)
    made.until_listed("mine")
    return made


def drop(widget: QWidget, data: QMimeData) -> None:
    how = (Qt.DropAction.CopyAction, data, Qt.MouseButton.LeftButton, Qt.KeyboardModifier(0))
    QApplication.sendEvent(widget, QDragEnterEvent(QPoint(50, 90), *how))
    QApplication.sendEvent(widget, QDropEvent(QPointF(50, 90), *how))


def accept(dialog: QWidget) -> None:
    dialog.findChild(QDialogButtonBox).button(QDialogButtonBox.StandardButton.Ok).click()


def test_a_saved_map_is_listed_with_the_shipped_ones(studio: Any, library: Library) -> None:
    assert library.view.currentIndex().data() == "mine"
    assert "Two moons" in library.titles()


def test_pictures_are_read_for_the_rows_that_are_seen(studio: Any, library: Library) -> None:
    pictures = studio.window.library._pictures
    studio.until(lambda: pictures.get(presets_folder() / "mine.flowmap") is not None)
    assert len(pictures) < SHIPPED  # a few rows are seen at 1280 × 800


def test_a_row_moves_while_the_pointer_is_over_it(studio: Any, library: Library) -> None:
    view = library.view
    place = view.visualRect(view.model().index(0, 0))
    shown = studio.window.library._motion

    def looks() -> bytes:
        return view.viewport().grab(place).toImage().bits().tobytes()

    still = looks()
    studio.qtbot.mouseMove(view.viewport(), QPoint(5, place.bottom() + 400))
    studio.qtbot.mouseMove(view.viewport(), place.center())
    studio.until(lambda: shown.picture(presets_folder() / "mine.flowmap") is not None)
    first = looks()
    studio.until(lambda: looks() not in (still, first))
    QApplication.sendEvent(view, _leave())
    assert shown.picture(presets_folder() / "mine.flowmap") is None


def _leave() -> Any:
    from PySide6.QtCore import QEvent

    return QEvent(QEvent.Type.Leave)


def test_f2_renames_title_and_file(studio: Any, library: Library) -> None:
    library.go_to("mine")
    studio.key(Qt.Key.Key_F2)
    dialog = studio.find("presetNameDialog", QWidget)
    line = dialog.findChild(QLineEdit, "presetName")
    assert line.text() == "mine"
    studio.qtbot.keyClicks(line, "Three rings")  # in the place of what is selected
    studio.qtbot.keyClick(line, Qt.Key.Key_Return)
    library.until_listed("Three rings")
    assert [p.name for p in presets_folder().iterdir()] == ["Three rings.flowmap"]
    assert library.view.currentIndex().data() == "Three rings"


def test_words_are_changed_found_and_shown(studio: Any, library: Library) -> None:
    library.go_to("mine")
    studio.key(Qt.Key.Key_Return, Qt.KeyboardModifier.AltModifier)
    dialog = studio.find("presetDetailsDialog", QWidget)
    dialog.findChild(QLineEdit, "detailsTags").setText("round, quick,, round")
    dialog.findChild(QPlainTextEdit, "detailsNotes").setPlainText("Learned on a train")
    accept(dialog)
    path = presets_folder() / "mine.flowmap"
    assert read_preset(path).tags == ("round", "quick")
    search = studio.find("presetSearch", QLineEdit)
    for words in ("quick", "learned TRAIN"):
        search.clear()
        studio.qtbot.keyClicks(search, words)
        studio.until(lambda: library.titles() == ["mine"])
    tip = library.view.model().index(0, 0).data(Qt.ItemDataRole.ToolTipRole)
    assert "Learned on a train" in tip
    # Saving over it keeps its words.
    assert studio.window.save_preset(path)
    assert read_preset(path).notes == "Learned on a train"


def test_a_copy_is_made_also_of_a_shipped_one(studio: Any, library: Library) -> None:
    library.go_to("Spiral")
    studio.key(Qt.Key.Key_D, CONTROL)
    library.until_listed("mine", "Spiral (copy)")
    assert (presets_folder() / "spiral.flowmap").is_file()
    assert studio.message() == "Copied Spiral to spiral.flowmap."


def test_what_is_deleted_can_be_had_back(studio: Any, library: Library) -> None:
    path = presets_folder() / "mine.flowmap"
    content = path.read_bytes()
    library.go_to("mine")
    studio.key(Qt.Key.Key_Delete)
    studio.until(lambda: "mine" not in library.titles())
    assert not path.exists()
    assert studio.message() == "Deleted mine."
    studio.click("messageRemedy")
    library.until_listed("mine")
    assert path.read_bytes() == content


def test_ctrl_z_in_the_list_has_a_deleted_preset_back_and_leaves_the_settings(
    studio: Any, library: Library
) -> None:
    settings = studio.session.config
    path = presets_folder() / "mine.flowmap"
    content = path.read_bytes()
    library.go_to("mine")
    studio.key(Qt.Key.Key_Delete)
    studio.until(lambda: "mine" not in library.titles())
    studio.key(Qt.Key.Key_Z, CONTROL)
    library.until_listed("mine")
    assert path.read_bytes() == content
    assert studio.message() == "mine.flowmap is back."
    assert studio.session.config == settings
    studio.click("messageClose")
    studio.key(Qt.Key.Key_Z, CONTROL)  # once only: from now on it is about settings
    assert studio.message() == ""


def test_a_renamed_preset_stays_among_the_recent_files(studio: Any, library: Library) -> None:
    library.go_to("mine")
    studio.key(Qt.Key.Key_F2)
    dialog = studio.find("presetNameDialog", QWidget)
    dialog.findChild(QLineEdit, "presetName").setText("Three rings")
    accept(dialog)
    library.until_listed("Three rings")
    menu = studio.find("recentMenu", QMenu)
    menu.aboutToShow.emit()
    assert next(action.text() for action in menu.actions()) == "&1  Three rings.flowmap"


def test_shipped_presets_are_neither_renamed_nor_deleted(studio: Any, library: Library) -> None:
    library.go_to("Spiral")
    for key in (Qt.Key.Key_F2, Qt.Key.Key_Delete):
        studio.key(key)
    assert studio.window.findChild(QWidget, "presetNameDialog") is None
    assert (asset("presets") / "spiral.flowmap").is_file()
    studio.click("presetMore")
    menu = studio.find("presetMenu", QMenu)
    enabled = {a.text(): a.isEnabled() for a in menu.actions() if a.text()}
    menu.close()
    assert not enabled["Delete"]
    assert not enabled["Rename…"]
    assert enabled["Duplicate"]


def test_a_name_that_is_taken_is_refused_in_one_sentence(studio: Any, library: Library) -> None:
    library.go_to("mine")
    studio.key(Qt.Key.Key_D, CONTROL)
    library.until_listed("mine", "mine (copy)")
    library.go_to("mine (copy)")
    studio.key(Qt.Key.Key_F2)
    dialog = studio.find("presetNameDialog", QWidget)
    dialog.findChild(QLineEdit).setText("mine")
    accept(dialog)
    assert studio.message() == "There is already a preset mine.flowmap; choose another name."


def test_favourites_are_marked_filtered_and_remembered(
    studio: Any, library: Library, open_studio: Any
) -> None:
    for title in ("mine", "Spiral"):
        library.go_to(title)
        studio.key(Qt.Key.Key_B, CONTROL)
        assert "favourite" in library.spoken()
    studio.find("presetFavourites", QToolButton).click()
    assert library.titles() == ["mine", "Spiral"]
    library.go_to("mine")
    studio.key(Qt.Key.Key_B, CONTROL)
    assert library.titles() == ["Spiral"]
    studio.window.close()
    other = Library(open_studio())
    other.studio.until(lambda: "Spiral" in other.titles())
    other.studio.find("presetFavourites", QToolButton).click()
    assert other.titles() == ["Spiral"]


def test_the_list_is_sorted_as_the_user_wants(studio: Any, library: Library) -> None:
    orders = {a.text(): a for a in studio.find("presetOrder", QToolButton).menu().actions()}
    orders["By name"].trigger()
    titles = library.titles()
    assert titles == sorted(titles, key=str.casefold)
    orders["Newest first"].trigger()
    assert library.titles()[0] == "mine"
    orders["Best one step first"].trigger()
    assert library.titles()[-1] == "Mean collapse"
    orders["Own first"].trigger()
    assert library.titles()[0] == "mine"


def test_a_preset_remembers_time_steps_layers_and_view(
    studio: Any, library: Library, small_preset: Path
) -> None:
    studio.find("timeSlider").setValue(250)
    studio.find("stepsSpin").setValue(3)
    studio.key(Qt.Key.Key_2)
    stage = studio.window.stage
    stage.set_layer_opacity("composed", 0.2)
    stage.panel.menus["composed"].colours[5].trigger()
    colour = stage.layer_colour("composed")
    stage.panel.menus["source"].forward.trigger()
    order = stage.layer_order()
    studio.key(Qt.Key.Key_5)
    studio.window.stage._plot.move_to((-1.0, -0.5), (1.0, 1.5))
    area = studio.window.stage.area()
    path = presets_folder() / "looked at.flowmap"
    assert studio.window.save_preset(path)
    saved = read_preset(path).view
    assert (saved.t, saved.steps, saved.area) == (0.25, 3, area)
    assert saved.layers["data"] == LayerLook(False, 0.45)
    assert saved.layers["composed"] == LayerLook(True, 0.2, colour)
    assert saved.layers["grid"].visible
    assert saved.order == order

    studio.find("timeSlider").setValue(900)
    studio.find("stepsSpin").setValue(8)
    studio.key(Qt.Key.Key_2)
    studio.key(Qt.Key.Key_5)
    stage.panel.menus["composed"].own_colour.trigger()
    stage.panel.menus["source"].backward.trigger()
    assert studio.window.open_preset(small_preset)  # an old file: all stays as it is
    studio.settled()
    assert studio.session.t == 0.9
    assert studio.window.stage.is_layer_visible("data")
    assert studio.window.open_preset(path)
    studio.settled()
    assert (studio.session.t, studio.session.steps) == (0.25, 3)
    assert not studio.window.stage.is_layer_visible("data")
    assert stage.layer_opacity("composed") == 0.2
    assert stage.layer_colour("composed") == colour != ""
    assert stage.layer_order() == order
    assert stage.is_layer_visible("grid")
    # The message is gone and the stage higher: at least what was seen is seen, from its middle.
    left, right, bottom, top = studio.window.stage.area()
    assert (left, right) == pytest.approx(area[:2], abs=0.01)
    assert (bottom + top) / 2 == pytest.approx((area[2] + area[3]) / 2, abs=0.01)
    assert top - bottom >= area[3] - area[2] - 0.01


def test_dropped_presets_are_taken_in(
    studio: Any, library: Library, small_preset: Path, tmp_path: Path
) -> None:
    second = tmp_path / "second.flowmap"
    second.write_bytes(small_preset.read_bytes())
    bad = tmp_path / "bad.flowmap"
    bad.write_bytes(b"bad")
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(path)) for path in (second, small_preset)])
    studio.find("presetSearch").clear()
    drop(studio.window.library, data)
    assert {p.name for p in presets_folder().iterdir()} == {
        "mine.flowmap",
        "second.flowmap",
        "small.flowmap",
    }
    assert studio.window.windowTitle().startswith("second")
    assert studio.message() == "Took in 2 presets."
    data.setUrls([QUrl.fromLocalFile(str(bad))])
    drop(studio.window.library, data)
    assert studio.message().startswith("Could not open bad.flowmap")


def test_a_copy_is_exported(
    studio: Any, library: Library, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from flowmap_studio.views import library_desk

    chosen = (str(tmp_path / "given"), "")
    monkeypatch.setattr(library_desk.QFileDialog, "getSaveFileName", lambda *_: chosen)
    library.go_to("mine")
    library.menu("Export a copy…")
    given = tmp_path / "given.flowmap"
    assert given.read_bytes() == (presets_folder() / "mine.flowmap").read_bytes()


def test_recent_files_are_opened_from_the_menu(
    studio: Any, library: Library, small_preset: Path, tmp_path: Path
) -> None:
    gone = tmp_path / "gone & lost.flowmap"
    gone.write_bytes(small_preset.read_bytes())
    assert studio.window.open_preset(gone)
    menu = studio.find("recentMenu", QMenu)
    texts = [action.text() for action in menu.actions()]
    assert texts == ["&1  gone && lost.flowmap", "&2  mine.flowmap", "&3  small.flowmap"]
    gone.unlink()
    menu.aboutToShow.emit()
    menu.actions()[0].trigger()
    assert studio.window.windowTitle().startswith("mine")
