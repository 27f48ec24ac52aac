"""The settings form is the config's own description, and sends only valid configs."""

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import (
    QComboBox,
    QFileDialog,
    QLabel,
    QLineEdit,
    QPushButton,
    QScrollArea,
    QSpinBox,
    QToolButton,
    QWidget,
)

from flowmap_studio.core import config as config_module
from flowmap_studio.core.config import RunConfig, defaults, settings, types
from flowmap_studio.core.setting import Setting
from flowmap_studio.views import config_form, field_row, field_texts
from flowmap_studio.views.config_form import ConfigForm
from flowmap_studio.views.field_editors import FieldEditor, read_number, write_number
from flowmap_studio.views.style_sheet import style_sheet
from flowmap_studio.views.theme import DARK, LIGHT, interface_font, load_fonts

# The offscreen platform says this of every window that is shown.
pytestmark = pytest.mark.qt_log_ignore("This plugin does not support propagateSizeHints")

EXCLUDED = ("target", "method", "coupling")


@pytest.fixture
def form(qtbot):
    widget = ConfigForm(LIGHT, exclude=EXCLUDED)
    qtbot.addWidget(widget)
    widget.resize(300, 620)
    with qtbot.waitExposed(widget):
        widget.show()
    return widget


@pytest.fixture
def sent(form):
    got = []
    form.configEdited.connect(got.append)
    return got


@pytest.fixture
def rejected(form):
    got = []
    form.configRejected.connect(got.append)
    return got


def child(widget, kind, name):
    found = widget.findChild(kind, name)
    assert found is not None, name
    return found


def retype(qtbot, editor, text: str) -> None:
    editor.setFocus()
    editor.selectAll()
    qtbot.keyClicks(editor, text)
    qtbot.keyClick(editor, Qt.Key.Key_Return)


def roll(widget) -> None:
    """One notch down over a widget, by way of the window, as a mouse does it."""
    window = widget.window()
    place = QPointF(widget.mapTo(window, widget.rect().center()))
    QTest.wheelEvent(window.windowHandle(), place, QPoint(0, -120))


def test_every_field_but_the_excluded_has_its_editor_and_label(form):
    for name, setting in settings().items():
        wanted = "deviceCombo" if name == "device" else f"{name}Edit"
        editor = form.findChild(QWidget, wanted)
        if name in EXCLUDED:
            assert editor is None
            continue
        kind = type(defaults()[name])
        listed = setting.choices or setting.suggestions
        expected = QComboBox if listed else QSpinBox if kind is int else QLineEdit
        assert isinstance(editor, expected), name
        assert editor.accessibleName() == setting.label
        assert setting.label in {label.text() for label in form.findChildren(QLabel)}


def test_a_new_field_of_the_config_appears_by_itself(qtbot, monkeypatch):
    metadata = {"setting": Setting(group="New group", label="Bold", help="B", minimum=0, maximum=9)}
    grown = dataclasses.make_dataclass(
        "RunConfig",
        [("boldness", int, dataclasses.field(default=3, metadata=metadata))],
        bases=(RunConfig,),
        frozen=True,
        kw_only=True,
    )
    monkeypatch.setattr(config_module, "RunConfig", grown)
    monkeypatch.setattr(config_form, "RunConfig", grown)
    for described in (settings, defaults, types):
        name, anew = described.__name__, described.__wrapped__  # it remembers the former fields
        for module in (config_module, config_form, field_row, field_texts):
            if hasattr(module, name):
                monkeypatch.setattr(module, name, anew)
    widget = ConfigForm(LIGHT)
    qtbot.addWidget(widget)
    assert child(widget, QToolButton, "group_New group").text() == "New group"
    sent = []
    widget.configEdited.connect(sent.append)
    retype(qtbot, child(widget, QSpinBox, "boldnessEdit"), "7")
    assert [config.boldness for config in sent] == [7]


def test_typing_a_number_sends_one_config_when_it_is_committed(form, qtbot, sent):
    editor = child(form, QSpinBox, "hidden_dimEdit")
    editor.setFocus()
    editor.selectAll()
    qtbot.keyClicks(editor, "64")
    assert sent == []
    qtbot.keyClick(editor, Qt.Key.Key_Return)
    assert [config.hidden_dim for config in sent] == [64]
    assert form.config() == RunConfig(hidden_dim=64)


@pytest.mark.parametrize(
    ("typed", "value"), [("1e-4", 1e-4), ("0.02", 0.02), ("0,5", 0.5), ("2.5E-3", 2.5e-3)]
)
def test_the_learning_rate_is_typed_as_people_write_it(form, qtbot, sent, typed, value):
    retype(qtbot, child(form, QLineEdit, "learning_rateEdit"), typed)
    assert [config.learning_rate for config in sent] == [value]


def test_choosing_from_a_list_sends_a_config(form, qtbot, sent):
    combo = child(form, QComboBox, "deviceCombo")
    combo.setFocus()
    qtbot.keyClick(combo, Qt.Key.Key_Down)
    assert [config.device for config in sent] == ["cpu"]


def test_a_source_is_chosen_from_a_list_typed_or_a_file(form, qtbot, sent, monkeypatch):
    combo = child(form, QComboBox, "sourceEdit")
    combo.setFocus()
    qtbot.keyClick(combo, Qt.Key.Key_Down)
    assert [config.source for config in sent] == ["moons"]
    retype(qtbot, combo.lineEdit(), "mine.csv")
    assert sent[-1].source == "mine.csv"
    answers = ["/data/other.csv", ""]
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_: (answers.pop(0), ""))
    last = combo.count() - 1
    for source in ("/data/other.csv", "/data/other.csv"):  # given up, it stays as it was
        combo.setCurrentIndex(last)
        combo.activated.emit(last)
        assert sent[-1].source == source
        assert combo.currentText() == source


def test_setting_a_config_shows_it_without_a_signal(form, sent, rejected):
    config = RunConfig(
        target="spiral", method="article", parametrisation="free", learning_rate=2.5e-4, seed=12345
    )
    form.set_config(config)
    assert (sent, rejected) == ([], [])
    assert form.config() == config
    assert child(form, QComboBox, "parametrisationEdit").currentText() == "free"
    assert child(form, QLineEdit, "learning_rateEdit").text() == "2.5e-4"
    assert child(form, QSpinBox, "seedEdit").value() == 12345


def test_fields_edited_elsewhere_keep_their_values(form, qtbot, sent):
    form.set_config(RunConfig(target="spiral", method="article", coupling="independent"))
    retype(qtbot, child(form, QSpinBox, "depthEdit"), "3")
    assert sent == [RunConfig(target="spiral", method="article", coupling="independent", depth=3)]


def test_a_contradiction_is_told_under_its_field_and_vanishes(form, sent, rejected):
    combo = child(form, QComboBox, "parametrisationEdit")
    error = child(form, QLabel, "error_parametrisation")
    combo.setCurrentText("free")
    assert error.isVisible()
    assert "needs the residual form" in error.text()
    assert rejected == [error.text()]
    assert sent == []
    assert form.config() == RunConfig()
    combo.setCurrentText("residual")
    assert not error.isVisible()
    assert sent == []


@pytest.mark.parametrize("typed", ["hello", "", "-1", "nan", "inf", "1e9"])
def test_an_impossible_number_is_told_once_and_can_be_repaired(form, qtbot, sent, rejected, typed):
    editor = child(form, QLineEdit, "learning_rateEdit")
    retype(qtbot, editor, typed) if typed else (editor.clear(), editor.editingFinished.emit())
    error = child(form, QLabel, "error_learning_rate")
    assert error.isVisible()
    retype(qtbot, child(form, QSpinBox, "depthEdit"), "3")  # what is still wrong is no news
    assert rejected == [error.text()]
    assert form.config() == RunConfig()
    qtbot.mouseClick(child(form, QToolButton, "reset_learning_rate"), Qt.MouseButton.LeftButton)
    assert not error.isVisible()
    assert editor.text() == "2e-3"
    assert sent == [RunConfig(depth=3)]


def test_an_error_in_a_closed_group_opens_it_and_is_scrolled_to(form, qtbot):
    form.resize(300, 260)
    group = child(form, QToolButton, "group_Optimiser")
    group.click()
    editor = child(form, QLineEdit, "weight_decayEdit")
    assert not editor.isVisible()
    editor.setText("7")
    editor.editingFinished.emit()
    error = child(form, QLabel, "error_weight_decay")
    assert error.isVisible()
    area = child(form, QScrollArea, "settingsScroll")

    def in_view() -> bool:
        top = error.mapTo(area, QPoint(0, 0)).y()
        return top >= 0 and top + error.height() <= area.height()

    qtbot.waitUntil(in_view)


def test_an_error_of_an_excluded_field_is_told_at_the_foot(qtbot):
    form = ConfigForm(LIGHT, exclude=("parametrisation",))
    qtbot.addWidget(form)
    form.set_config(RunConfig(method="article", parametrisation="free"))
    child(form, QComboBox, "methodEdit").setCurrentText("semigroup")
    error = child(form, QLabel, "error_general")
    assert not error.isHidden()
    assert "residual" in error.text()


def test_resets_appear_only_where_something_differs(form, qtbot, sent):
    reset = child(form, QToolButton, "reset_hidden_dim")
    everything = child(form, QPushButton, "resetAllButton")
    assert not reset.isVisible()
    assert not everything.isEnabled()
    form.set_config(RunConfig(hidden_dim=64, depth=5, target="spiral"))
    assert reset.isVisible()
    qtbot.mouseClick(reset, Qt.MouseButton.LeftButton)
    assert form.config() == RunConfig(depth=5, target="spiral")
    assert not reset.isVisible()
    everything.click()
    assert form.config() == RunConfig(target="spiral")
    assert len(sent) == 2


def test_an_editor_stays_in_place_when_its_reset_appears(form, qtbot):
    editor = child(form, QSpinBox, "hidden_dimEdit")
    before = editor.geometry()
    retype(qtbot, editor, "64")
    assert child(form, QToolButton, "reset_hidden_dim").isVisible()
    assert editor.geometry() == before


@pytest.fixture
def themed_form(qapp, qtbot):
    """In the program's own look, whose style sheet gives inputs heights of its own."""
    font = qapp.font()
    load_fonts()
    qapp.setFont(interface_font())
    widget = ConfigForm(LIGHT, exclude=EXCLUDED)
    widget.setStyleSheet(style_sheet(LIGHT))
    qtbot.addWidget(widget)
    widget.resize(300, 620)
    with qtbot.waitExposed(widget):
        widget.show()
    yield widget
    qapp.setFont(font)


def test_rows_keep_their_places_when_an_error_comes_and_goes(themed_form, qtbot):
    form = themed_form
    content = child(form, QScrollArea, "settingsScroll").widget()

    def places() -> list[tuple[int, int]]:
        editors = [row.editor for row in form._rows.values() if row.editor.isVisible()]
        return [(e.mapTo(content, QPoint(0, 0)).y(), e.height()) for e in editors]

    # Laid out in full: neither squeezed nor stretched.
    qtbot.waitUntil(lambda: content.height() == content.minimumSizeHint().height())
    before = places()
    names = [name for name, row in form._rows.items() if row.editor.isVisible()]
    above = names.index("parametrisation") + 1

    def pushed() -> set[tuple[int, int]]:
        pairs = zip(before[above:], places()[above:], strict=True)
        return {(after[0] - old[0], after[1] - old[1]) for old, after in pairs}

    combo = child(form, QComboBox, "parametrisationEdit")
    combo.setCurrentText("free")
    # All that lies below moves down together and keeps its height; nothing above moves.
    qtbot.waitUntil(lambda: len(pushed()) == 1 and pushed() != {(0, 0)})
    assert child(form, QLabel, "error_parametrisation").isVisible()
    assert places()[:above] == before[:above]
    combo.setCurrentText("residual")
    qtbot.waitUntil(lambda: places() == before)


def test_editors_of_all_kinds_end_at_the_same_edge(form):
    edges = {
        row.editor.input.mapTo(form, row.editor.input.rect().topRight()).x()
        for row in form._rows.values()
        if row.editor.isVisible()
    }
    assert len(edges) == 1


@pytest.mark.parametrize(
    ("kind", "name", "typed", "expected"),
    [
        (QSpinBox, "hidden_dimEdit", "64", RunConfig(hidden_dim=64)),
        (QLineEdit, "learning_rateEdit", "1e-4", RunConfig(learning_rate=1e-4)),
    ],
)
def test_what_is_typed_but_not_finished_can_be_taken(
    form, qtbot, sent, kind, name, typed, expected
):
    editor = child(form, kind, name)
    editor.setFocus()
    editor.selectAll()
    qtbot.keyClicks(editor, typed)
    assert sent == []
    assert form.commit()
    assert sent == [expected]
    assert form.commit()
    assert sent == [expected]  # once is enough


def test_a_reset_elsewhere_leaves_what_is_half_typed(form, qtbot):
    form.set_config(RunConfig(depth=5))
    editor = child(form, QSpinBox, "hidden_dimEdit")
    editor.setFocus()
    editor.selectAll()
    qtbot.keyClicks(editor, "64")
    qtbot.mouseClick(child(form, QToolButton, "reset_depth"), Qt.MouseButton.LeftButton)
    qtbot.keyClick(editor, Qt.Key.Key_Return)
    assert form.config() == RunConfig(hidden_dim=64)


def test_a_number_larger_than_a_spin_box_counts_is_typed_exactly(qtbot):
    setting = Setting(group="G", label="Big", help="H", minimum=0, maximum=1e18)
    editor = FieldEditor("big", setting, int)
    qtbot.addWidget(editor)
    editor.set_value(2**53 + 1)
    assert editor.value() == 2**53 + 1
    assert editor.input.text() == "9007199254740993"


def test_taking_an_impossible_value_fails_and_says_why(form, qtbot, sent):
    editor = child(form, QLineEdit, "learning_rateEdit")
    editor.setFocus()
    editor.selectAll()
    qtbot.keyClicks(editor, "hello")
    assert not form.commit()
    assert child(form, QLabel, "error_learning_rate").isVisible()
    assert sent == []


@pytest.mark.parametrize(
    ("kind", "name", "shown"),
    [(QSpinBox, "hidden_dimEdit", "256 units"), (QLineEdit, "learning_rateEdit", "2e-3")],
)
def test_locking_drops_what_is_half_typed(form, qtbot, sent, kind, name, shown):
    editor = child(form, kind, name)
    editor.setFocus()
    editor.selectAll()
    qtbot.keyClicks(editor, "1")
    form.set_editable(False, "Training runs.")
    assert editor.text() == shown
    assert sent == []
    assert form.config() == RunConfig()


def test_a_locked_form_says_why_but_can_be_read(form, qtbot):
    editor = child(form, QSpinBox, "hidden_dimEdit")
    form.set_editable(False, "Training runs. Stop it to change settings.")
    assert not editor.isEnabled()
    assert "Training runs." in editor.parentWidget().toolTip()
    more = child(form, QToolButton, "more_Network")
    hidden = child(form, QSpinBox, "time_embed_dimEdit")
    qtbot.mouseClick(more, Qt.MouseButton.LeftButton)
    assert hidden.isVisible()
    form.set_editable(True, "")
    assert editor.isEnabled()
    assert "Training runs." not in editor.parentWidget().toolTip()


def test_advanced_fields_are_folded_until_wanted(form):
    editor = child(form, QSpinBox, "pair_reuseEdit")
    more = child(form, QToolButton, "more_Data")
    assert not editor.isVisible()
    more.click()
    assert editor.isVisible()
    more.click()
    assert not editor.isVisible()


@pytest.mark.parametrize("name", ["hidden_dimEdit", "parametrisationEdit"])
def test_the_wheel_scrolls_the_form_and_changes_nothing(form, sent, rejected, name):
    bar = child(form, QScrollArea, "settingsScroll").verticalScrollBar()
    child(form, QLineEdit, "lambda_consEdit").setFocus()
    roll(form.findChild(QWidget, name))
    assert (sent, rejected) == ([], [])
    assert bar.value() > 0


def test_the_wheel_turns_the_number_that_has_the_focus(form, sent):
    editor = child(form, QSpinBox, "hidden_dimEdit")
    editor.setFocus()
    roll(editor)
    assert [config.hidden_dim < 256 for config in sent] == [True]


@pytest.mark.parametrize("width", [280, 300, 340])
def test_nothing_is_cut_off_in_a_narrow_dock(form, qtbot, width):
    for button in form.findChildren(QToolButton):
        if button.objectName().startswith("more_"):
            button.click()
    form.resize(width, 620)
    area = child(form, QScrollArea, "settingsScroll")
    qtbot.waitUntil(lambda: area.width() == width)
    assert area.widget().minimumSizeHint().width() <= area.viewport().width()
    for label in form.findChildren(QLabel):
        if label.isVisible() and not label.wordWrap():
            assert label.width() >= label.sizeHint().width(), label.text()


def test_tooltips_teach_help_range_and_default(form):
    tip = child(form, QSpinBox, "hidden_dimEdit").parentWidget().toolTip()
    for part in ("Units of each hidden layer", "From 1 to 4,096 units", "Default: 256 units"):
        assert part in tip


def test_both_palettes_draw(form):
    for palette in (DARK, LIGHT):
        form.apply_palette(palette)
        assert not form.grab().isNull()


@given(st.floats(allow_nan=False, allow_infinity=False), st.booleans())
def test_a_written_number_is_read_back_the_same(value, scientific):
    assert read_number(write_number(value, scientific=scientific)) == value


def test_numbers_are_written_and_read_as_people_do():
    assert write_number(1e-3, scientific=True) == "1e-3"
    assert write_number(2.5e-4, scientific=True) == "2.5e-4"
    assert write_number(0.1, scientific=True) == "0.1"
    assert write_number(1e-3, scientific=False) == "0.001"
    assert write_number(5.0, scientific=False) == "5"
    assert write_number(0.0, scientific=True) == "0"
    assert read_number("1,000") == 1000
    assert read_number("0,005") == 0.005
    with pytest.raises(ValueError, match="could not convert"):
        read_number("ten")
