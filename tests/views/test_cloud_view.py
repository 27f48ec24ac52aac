"""The stage as a user sees and handles it: clouds, layers, view, overlays."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import QEvent, QObject, QPoint, QPointF, Qt
from PySide6.QtGui import QColor, QImage, QWheelEvent
from PySide6.QtWidgets import QApplication, QLabel, QSlider, QToolButton

from flowmap_studio.core.drawing.axes import tick_texts
from flowmap_studio.core.drawing.layers import LAYERS
from flowmap_studio.views import theme
from flowmap_studio.views.cloud_view import CloudView

pytestmark = pytest.mark.qt_log_ignore("does not support propagateSizeHints")


def cloud(count: int = 400, centre: float = 0.0, spread: float = 1.0) -> np.ndarray:
    return np.random.default_rng(count).normal(centre, spread, (count, 2)).astype(np.float32)


def four_clouds() -> dict[str, np.ndarray]:
    return {layer: cloud(400 + i) for i, layer in enumerate(LAYERS)}


@pytest.fixture
def stage(qtbot) -> CloudView:
    theme.load_fonts()
    view = CloudView(theme.LIGHT)
    qtbot.addWidget(view)
    view.resize(900, 650)
    view.show()
    qtbot.waitExposed(view)
    return view


def child(stage: CloudView, kind: type, name: str):
    found = stage.findChild(kind, name)
    assert found is not None, name
    return found


def canvas(stage: CloudView):
    """The surface that takes the mouse."""
    return stage._plot.viewport()


def shown_range(stage: CloudView) -> np.ndarray:
    """(2, 2) lower and upper end of x and y."""
    return np.array(stage._plot.box.viewRange())


def wheel(stage: CloudView, turns: int) -> None:
    place = QPointF(canvas(stage).rect().center())
    event = QWheelEvent(
        place,
        QPointF(canvas(stage).mapToGlobal(place.toPoint())),
        QPoint(),
        QPoint(0, 120 * turns),
        Qt.MouseButton.NoButton,
        Qt.KeyboardModifier.NoModifier,
        Qt.ScrollPhase.NoScrollPhase,
        False,
    )
    QApplication.sendEvent(canvas(stage), event)


def near(picture: QImage, colour: str) -> int:
    """Pixels that have about this colour."""
    wanted = QColor(colour)
    rows = np.frombuffer(
        picture.convertToFormat(QImage.Format.Format_RGB32).constBits(), np.uint8
    ).reshape(picture.height(), -1, 4)[:, : picture.width(), :3]
    target = np.array([wanted.blue(), wanted.green(), wanted.red()])
    return int((np.abs(rows.astype(int) - target).max(axis=2) < 40).sum())


# --- clouds -----------------------------------------------------------------------------------


def test_displayed_gives_back_the_points_that_are_drawn(stage: CloudView) -> None:
    points = cloud()
    stage.set_cloud("one_step", points)
    np.testing.assert_array_equal(stage.displayed("one_step"), points)
    stage.displayed("one_step")[:] = 0
    np.testing.assert_array_equal(stage.displayed("one_step"), points)
    stage.set_cloud("one_step", points[:5])
    assert stage.displayed("one_step").shape == (5, 2)


def test_displayed_is_empty_for_hidden_and_for_empty_layers(stage: CloudView) -> None:
    assert all(stage.displayed(layer).shape == (0, 2) for layer in LAYERS)
    stage.set_clouds(four_clouds())
    stage.set_layer_visible("data", False)
    assert stage.displayed("data").shape == (0, 2)
    stage.set_layer_visible("data", True)
    assert stage.displayed("data").shape == (401, 2)


def test_only_the_first_two_columns_are_drawn(stage: CloudView) -> None:
    points = np.random.default_rng(0).normal(size=(30, 5))
    stage.set_cloud("data", points)
    np.testing.assert_array_equal(stage.displayed("data"), points[:, :2])


def test_wrong_layers_and_shapes_are_refused(stage: CloudView) -> None:
    with pytest.raises(KeyError):
        stage.set_cloud("velocity", cloud())
    for wrong in (np.zeros(4), np.zeros((4, 1))):
        with pytest.raises(ValueError, match="shape"):
            stage.set_cloud("data", wrong)


def test_any_number_of_new_clouds_is_painted_once(stage: CloudView, qtbot) -> None:
    stage.set_clouds(four_clouds())
    QApplication.processEvents()
    painted = []

    class Watch(QObject):
        def eventFilter(self, watched: QObject, event: QEvent) -> bool:
            if event.type() == QEvent.Type.Paint:
                painted.append(1)
            return False

    watch = Watch()
    canvas(stage).installEventFilter(watch)
    for turn in range(20):
        for layer in LAYERS:
            stage.set_cloud(layer, cloud(300 + turn))
    assert not painted
    qtbot.waitUntil(lambda: bool(painted))
    QApplication.processEvents()
    assert len(painted) == 1


@pytest.mark.parametrize("count", [400, 60_000])
@pytest.mark.parametrize("palette", [theme.LIGHT, theme.DARK], ids=["light", "dark"])
def test_each_layer_is_painted_in_its_colour(
    stage: CloudView, palette: theme.Palette, count: int
) -> None:
    stage.apply_palette(palette)
    for layer in LAYERS:
        stage.set_layer_opacity(layer, 1)
    stage.panel.hide()
    for layer in LAYERS:
        stage.set_clouds({name: np.empty((0, 2)) for name in LAYERS} | {layer: cloud(count)})
        stage.fit()
        inside = stage._plot.inner_area()  # without the axes' numbers
        assert near(stage.grab(inside).toImage(), palette.layer(layer)) > 100
        stage.set_layer_visible(layer, False)
        assert near(stage.grab(inside).toImage(), palette.layer(layer)) < 50
        stage.set_layer_visible(layer, True)


# --- layer panel ------------------------------------------------------------------------------


def test_a_click_on_an_eye_hides_and_shows_its_layer(stage: CloudView, qtbot) -> None:
    stage.set_clouds(four_clouds())
    eye = child(stage, QToolButton, "eye_composed")
    with qtbot.waitSignal(stage.layer_changed) as told:
        qtbot.mouseClick(eye, Qt.MouseButton.LeftButton)
    assert told.args[:2] == ["composed", False]
    assert not stage.is_layer_visible("composed")
    assert stage.displayed("composed").shape == (0, 2)
    with qtbot.waitSignal(stage.layerChanged):
        qtbot.mouseClick(eye, Qt.MouseButton.LeftButton)
    assert stage.is_layer_visible("composed")
    assert len(stage.displayed("composed"))


def test_toggling_by_key_moves_the_eye_and_tells_once(stage: CloudView) -> None:
    told = []
    stage.layer_changed.connect(lambda *given: told.append(given))
    stage.toggle_layer("source")
    assert not child(stage, QToolButton, "eye_source").isChecked()
    stage.set_layer_visible("source", False)
    assert told == [("source", False, stage.layer_opacity("source"))]


def test_opacities_slide_out_and_set_the_layer(stage: CloudView, qtbot) -> None:
    slider = child(stage, QSlider, "opacity_data")
    assert not slider.isVisible()
    right = stage.panel.geometry().right()
    eye_before = child(stage, QToolButton, "eye_data").mapTo(stage, QPoint())
    qtbot.mouseClick(child(stage, QToolButton, "layerPanelGrip"), Qt.MouseButton.LeftButton)
    assert slider.isVisible()
    assert stage.panel.geometry().right() == right
    assert child(stage, QToolButton, "eye_data").mapTo(stage, QPoint()) == eye_before
    slider.setFocus()
    with qtbot.waitSignal(stage.layer_changed) as told:
        qtbot.keyClick(slider, Qt.Key.Key_Home)
    assert told.args == ["data", True, 0.0]
    assert stage.layer_opacity("data") == 0
    qtbot.mouseClick(child(stage, QToolButton, "layerPanelGrip"), Qt.MouseButton.LeftButton)
    assert not slider.isVisible()


def test_an_opacity_set_from_outside_moves_the_slider_and_is_kept_exactly(
    stage: CloudView,
) -> None:
    told = []
    stage.layer_changed.connect(lambda *given: told.append(given))
    stage.set_layer_opacity("one_step", 0.333)
    assert child(stage, QSlider, "opacity_one_step").value() == 33
    assert told == [("one_step", True, 0.333)]
    stage.set_layer_opacity("one_step", 7)
    assert stage.layer_opacity("one_step") == 1


def test_on_a_narrow_stage_the_panel_keeps_to_eyes_and_colours(stage: CloudView) -> None:
    stage.resize(900, 600)
    wide = stage.panel.width()
    stage.resize(340, 400)
    assert stage.panel.width() < wide / 2
    assert all(stage.panel.eyes[layer].isVisible() for layer in LAYERS)
    name = next(n for n in stage.panel.findChildren(QLabel) if n.text() == "One step")
    assert not name.isVisible()
    stage.panel.set_expanded(True)
    assert name.isVisible()


def test_the_panel_counts_points_and_names_the_steps(stage: CloudView) -> None:
    stage.set_cloud("composed", cloud(12_345))
    assert child(stage, QLabel, "count_composed").text() == "12,345"
    texts = lambda: [label.text() for label in stage.panel.findChildren(QLabel)]  # noqa: E731
    width = stage.panel.width()
    stage.set_composed_steps(8)
    assert "Composed, 8 steps" in texts()
    stage.set_composed_steps(16)
    assert stage.panel.width() == width
    stage.set_composed_steps(1)
    assert "Composed, 1 step" in texts()


def test_widgets_say_what_they_are(stage: CloudView) -> None:
    assert stage.objectName() == "stage"
    for layer in LAYERS:
        for kind, name in ((QToolButton, "eye"), (QSlider, "opacity")):
            widget = child(stage, kind, f"{name}_{layer}")
            assert widget.accessibleName()
            assert widget.toolTip()


@pytest.mark.parametrize("size", [(320, 240), (640, 480), (1600, 1000)])
def test_overlays_stay_inside_at_every_size(stage: CloudView, qtbot, size) -> None:
    stage.set_clouds(four_clouds())
    stage.set_caption("t = 0.500 · step 12,400")
    stage.resize(*size)
    QApplication.processEvents()
    for widget in (
        stage.panel,
        child(stage, QLabel, "stageCaption"),
        child(stage, QToolButton, "fitButton"),
    ):
        assert stage.rect().contains(widget.geometry()), widget.objectName()


# --- view -------------------------------------------------------------------------------------


def test_the_first_clouds_are_fitted_and_later_ones_are_not(stage: CloudView) -> None:
    stage.set_clouds(four_clouds())
    (left, right), (bottom, top) = shown_range(stage)
    assert left < -2
    assert right > 2
    before = shown_range(stage)
    stage.set_clouds({"source": cloud(spread=50), "one_step": cloud(centre=9)})
    np.testing.assert_allclose(shown_range(stage), before)
    assert (right - left) / canvas(stage).width() == pytest.approx(
        (top - bottom) / canvas(stage).height(), rel=0.1
    )


def test_clouds_that_come_one_by_one_are_fitted_together(stage: CloudView) -> None:
    stage.set_cloud("source", cloud(centre=0, spread=0.1))
    stage.set_cloud("one_step", cloud(centre=500))
    stage.set_cloud("data", cloud(centre=20, spread=0.1))
    (left, right), _ = shown_range(stage)
    assert left < 0
    assert 20 < right < 100
    before = shown_range(stage)
    stage.set_cloud("data", cloud(centre=99))
    np.testing.assert_allclose(shown_range(stage), before)


def test_a_few_far_points_do_not_shrink_the_cloud(stage: CloudView) -> None:
    data = cloud(4000)
    data[0] = 1e6
    stage.set_clouds({"data": data})
    assert np.abs(shown_range(stage)).max() < 20


def test_reset_view_fits_the_next_clouds(stage: CloudView) -> None:
    stage.set_clouds(four_clouds())
    wheel(stage, 3)
    stage.reset_view()
    stage.set_clouds({"data": cloud(centre=100), "source": cloud(centre=100)})
    (left, right), _ = shown_range(stage)
    assert left < 100 < right
    assert right - left < 20


def test_wheel_zooms_and_double_click_and_button_fit(stage: CloudView, qtbot) -> None:
    stage.set_clouds(four_clouds())
    fitted = shown_range(stage)
    for restore in ("double click", "button"):
        wheel(stage, 2)
        assert np.ptp(shown_range(stage)[0]) < 0.9 * np.ptp(fitted[0])
        if restore == "button":
            qtbot.mouseClick(child(stage, QToolButton, "fitButton"), Qt.MouseButton.LeftButton)
        else:
            middle = canvas(stage).rect().center()
            qtbot.mouseDClick(canvas(stage), Qt.MouseButton.LeftButton, pos=middle)
            # QTest leaves the button held otherwise, in all later windows of the process.
            qtbot.mouseRelease(canvas(stage), Qt.MouseButton.LeftButton, pos=middle)
        np.testing.assert_allclose(shown_range(stage), fitted)


def test_dragging_moves_the_cloud_with_the_mouse(stage: CloudView, qtbot) -> None:
    stage.set_clouds(four_clouds())
    before = shown_range(stage)
    start = canvas(stage).rect().center()
    qtbot.mousePress(canvas(stage), Qt.MouseButton.LeftButton, pos=start)
    for step in range(1, 9):
        qtbot.mouseMove(canvas(stage), start + QPoint(10 * step, 0))
        QApplication.processEvents()
    qtbot.mouseRelease(canvas(stage), Qt.MouseButton.LeftButton, pos=start + QPoint(80, 0))
    after = shown_range(stage)
    assert after[0, 0] < before[0, 0]
    np.testing.assert_allclose(after[1], before[1], atol=1e-9)


def test_a_fitted_view_stays_fitted_when_resized_but_a_zoomed_one_is_left(
    stage: CloudView,
) -> None:
    stage.set_clouds(four_clouds())
    stage.resize(400, 640)
    QApplication.processEvents()
    (left, right), (bottom, top) = shown_range(stage)
    extent = np.percentile(stage.displayed("data"), [0.2, 99.8], axis=0)
    assert left < extent[0, 0]
    assert right > extent[1, 0]
    assert bottom < extent[0, 1]
    assert top > extent[1, 1]
    wheel(stage, 4)
    zoomed = np.ptp(shown_range(stage)[0])
    stage.resize(410, 640)
    QApplication.processEvents()
    assert np.ptp(shown_range(stage)[0]) < 1.3 * zoomed


@pytest.mark.parametrize(
    "points",
    [
        np.zeros((5, 2)),
        np.full((5, 2), 1e9),
        np.array([[0.0, 0.0], [1.0, 0.0]]),
        np.full((3, 2), 3e38, np.float32),
        np.array([[-1e300, 0.0], [1e300, 1.0]]),
        np.random.default_rng(0).normal(size=(50, 2)) * 1e-7,
        np.full((3, 2), np.nan),
    ],
    ids=["point", "far point", "line", "huge", "enormous", "tiny", "nothing finite"],
)
def test_strange_clouds_are_drawn_without_harm(stage: CloudView, points: np.ndarray) -> None:
    stage.set_clouds(dict.fromkeys(LAYERS, points))
    stage.grab()
    for turns in (60, 1000, -120, -2000):
        wheel(stage, turns)
        stage.grab()
    assert np.isfinite(shown_range(stage)).all()


def test_zooming_ends_before_numbers_fail(stage: CloudView) -> None:
    stage.set_clouds(four_clouds())
    for _ in range(80):
        wheel(stage, 5)
    assert np.ptp(shown_range(stage)[0]) > 1e-5
    for _ in range(160):
        wheel(stage, -5)
    assert np.ptp(shown_range(stage)[0]) < 1e5


# --- overlays ---------------------------------------------------------------------------------


def test_the_empty_stage_says_what_to_do_until_points_come(stage: CloudView) -> None:
    empty = child(stage, QLabel, "stageEmpty")
    assert empty.isVisible()
    stage.set_empty_text("Press Train to begin.")
    assert empty.text() == "Press Train to begin."
    stage.set_cloud("data", cloud())
    assert not empty.isVisible()
    stage.set_cloud("data", np.empty((0, 2)))
    assert empty.isVisible()


def test_the_caption_is_shown_as_given(stage: CloudView) -> None:
    caption = child(stage, QLabel, "stageCaption")
    assert not caption.isVisible()
    stage.set_caption("t = 0.500 · step 12,400")
    assert caption.isVisible()
    assert caption.text() == "t = 0.500 · step 12,400"
    assert caption.width() >= caption.sizeHint().width()


def test_the_wheel_works_over_the_caption(stage: CloudView) -> None:
    stage.set_clouds(four_clouds())
    stage.set_caption("t = 0.500")
    middle = child(stage, QLabel, "stageCaption").geometry().center()
    assert stage.childAt(middle) is not child(stage, QLabel, "stageCaption")


@pytest.mark.parametrize(
    ("values", "spacing", "texts"),
    [
        ([-0.5, 0.0, 0.5], 0.5, ["-0.5", "0", "0.5"]),
        ([-1e-17, 1.0], 1.0, ["0", "1"]),
        ([100000.5, 100001.0], 0.5, ["100000.5", "100001.0"]),
        ([0.002, 0.004], 0.002, ["0.002", "0.004"]),
        ([2e7, 4e7], 2e7, ["2e+07", "4e+07"]),
        ([0.0, 1e-7], 1e-7, ["0", "1e-07"]),
        ([], 1.0, []),
    ],
)
def test_axis_numbers_have_the_decimals_they_need(values, spacing, texts) -> None:
    assert tick_texts(values, spacing) == texts
