"""What is painted for a cloud: at the right place, in the right ink, however many points."""

from __future__ import annotations

import numpy as np
import pyqtgraph as pg
import pytest
from PySide6.QtGui import QImage, QPainter

from flowmap_studio.core.drawing.axes import nice_spacing
from flowmap_studio.core.drawing.marker_look import FEW, MANY, coverage, marker_look
from flowmap_studio.views import density as density_module
from flowmap_studio.views import markers, points_item
from flowmap_studio.views.density import MOST_IN_A_PIXEL, Placing, density
from flowmap_studio.views.points_item import MARKERS_UP_TO, PointsItem

pytestmark = pytest.mark.qt_log_ignore("does not support propagateSizeHints")

SIDE = 200
"""The view shows [0, SIDE)² at one pixel per unit, y downwards."""


class Stage:
    """An item alone on a black plot without axes."""

    def __init__(self, qtbot) -> None:
        self.widget = pg.GraphicsView()
        self.widget.setBackground("#000000")
        self.widget.resize(SIDE, SIDE)
        self.box = pg.ViewBox(enableMouse=False, border=None, defaultPadding=0, invertY=True)
        self.widget.setCentralItem(self.box)
        self.item = PointsItem("#ffffff")
        self.box.addItem(self.item, ignoreBounds=True)
        qtbot.addWidget(self.widget)
        self.widget.show()
        qtbot.waitExposed(self.widget)
        self.show_range(0, SIDE)

    def show_range(self, low: float, high: float) -> None:
        self.box.setRange(xRange=(low, high), yRange=(low, high), padding=0)

    def painted(self) -> np.ndarray:
        """(rows, columns) brightness in [0, 1], in device pixels."""
        image = self.widget.grab().toImage().convertToFormat(QImage.Format.Format_Grayscale8)
        rows = np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), -1)
        return rows[:, : image.width()] / 255

    def colours(self) -> np.ndarray:
        """(rows, columns, 3) red, green and blue in [0, 1]."""
        image = self.widget.grab().toImage().convertToFormat(QImage.Format.Format_RGB32)
        pixels = np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), -1, 4)
        return pixels[..., 2::-1] / 255


@pytest.fixture(params=["compiled", "by Qt"])
def stage(request, qtbot, monkeypatch: pytest.MonkeyPatch) -> Stage:
    """Markers are drawn by the compiled library, or where there is none."""
    if request.param == "by Qt":
        monkeypatch.setattr(points_item, "can_stamp", lambda: False)
    elif not points_item.can_stamp():
        pytest.skip("there is no compiled library")
    return Stage(qtbot)


def centre_of(picture: np.ndarray) -> tuple[float, float]:
    rows, columns = np.mgrid[: picture.shape[0], : picture.shape[1]] + 0.5
    return (columns * picture).sum() / picture.sum(), (rows * picture).sum() / picture.sum()


@pytest.mark.parametrize("place", [(50.0, 120.0), (50.3, 120.8), (99.99, 0.6)])
def test_a_marker_is_painted_where_its_point_lies(stage: Stage, place: tuple[float, float]) -> None:
    far_from_edges = (max(place[0], 10), max(place[1], 10))
    stage.item.set_points(np.array([far_from_edges]))
    picture = stage.painted()
    assert picture.max() == pytest.approx(marker_look(1)[1], abs=0.02)
    assert centre_of(picture) == pytest.approx(far_from_edges, abs=0.15)


def test_points_glide_by_less_than_a_pixel(stage: Stage) -> None:
    seen = []
    for x in np.arange(80, 82, 0.25):
        stage.item.set_points(np.array([[x, 100.1]]))
        seen.append(centre_of(stage.painted())[0])
    assert np.diff(seen) == pytest.approx(0.25, abs=0.07)


def test_a_density_image_lies_where_the_markers_would(stage: Stage) -> None:
    points = np.full((MARKERS_UP_TO + 1, 2), (70.5, 130.25))
    stage.item.set_points(points)
    assert centre_of(stage.painted()) == pytest.approx((70.5, 130.25), abs=0.6)


@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_markers_become_a_density_image_without_a_visible_change(stage: Stage, kind: type) -> None:
    points = np.random.default_rng(0).normal(SIDE / 2, 40, (MARKERS_UP_TO + 1, 2)).astype(kind)
    stage.item.set_points(points[:-1])
    markers = stage.painted()
    stage.item.set_points(points)
    image = stage.painted()
    assert image.mean() == pytest.approx(markers.mean(), rel=0.06)
    blocks = [p.reshape(20, 10, 20, 10).mean(axis=(1, 3)) for p in (markers, image)]
    assert np.abs(blocks[0] - blocks[1]).max() < 0.1


def test_classes_keep_their_colours_in_a_density_image(stage: Stage) -> None:
    draw = np.random.default_rng(0)
    labels = draw.integers(0, 3, MARKERS_UP_TO + 1)
    points = draw.normal((60, 100), 14, (len(labels), 2)) + labels[:, None] * (40, 0)
    stage.item.set_class_colours(("#ff0000", "#00ff00", "#0000ff"))
    stage.item.set_points(points[:-1], labels[:-1])
    markers = stage.colours()
    stage.item.set_points(points, labels)
    image = stage.colours()
    for colour, place in enumerate((45, 100, 155)):
        assert image[90:110, place - 8 : place + 8].mean(axis=(0, 1)).argmax() == colour
    blocks = [p.sum(axis=2).reshape(20, 10, 20, 10).mean(axis=(1, 3)) for p in (markers, image)]
    assert np.abs(blocks[0] - blocks[1]).max() < 0.06
    stage.item.set_points(points, np.zeros(len(points), int))
    assert stage.colours()[..., 1:].max() == 0


@pytest.mark.parametrize("count", [1_000, MARKERS_UP_TO + 1])
def test_points_outside_leave_no_trace_and_do_no_harm(stage: Stage, count: int) -> None:
    outside = np.array([[-40, 50], [SIDE + 40, 50], [50, -40], [1e30, 50], [50, -1e30]])
    points = np.resize(outside, (count, 2))
    stage.item.set_points(points)
    assert stage.painted().max() == 0
    stage.item.set_points(points.astype(np.float32))
    assert stage.painted().max() == 0


@pytest.mark.parametrize("count", [100, MARKERS_UP_TO + 1])
def test_a_marker_half_outside_is_cut_at_the_edge_not_dropped(stage: Stage, count: int) -> None:
    stage.item.set_points(np.full((count, 2), (SIDE / 2, SIDE + 0.4)))
    picture = stage.painted()
    assert picture[-1].max() > 0.1
    assert picture[: SIDE - 6].max() == 0


def test_points_that_are_not_finite_are_left_out(stage: Stage) -> None:
    stage.item.set_points(np.array([[np.nan, 1], [2, 3], [4, np.inf]]))
    np.testing.assert_array_equal(stage.item.points, [[2, 3]])
    assert len(stage.item) == 1


def test_the_points_are_a_copy_both_ways(stage: Stage) -> None:
    given = np.array([[1.0, 2.0]])
    stage.item.set_points(given)
    given[:] = 9
    stage.item.points[:] = 8
    np.testing.assert_array_equal(stage.item.points, [[1, 2]])


@pytest.mark.parametrize("shape", [(3,), (3, 1), (3, 3), (2, 2, 2)])
def test_other_shapes_are_refused(stage: Stage, shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="shape"):
        stage.item.set_points(np.zeros(shape))


@pytest.mark.parametrize("count", [500, MARKERS_UP_TO + 1])
def test_opacity_and_colour_change_the_ink(stage: Stage, count: int) -> None:
    stage.item.set_points(np.random.default_rng(0).uniform(20, 180, (count, 2)))
    full = stage.painted().mean()
    stage.item.set_opacity(0.5)
    assert stage.painted().mean() == pytest.approx(full / 2, rel=0.1)
    stage.item.set_opacity(0)
    assert stage.painted().max() == 0
    stage.item.set_opacity(1)
    stage.item.set_colour("#000000")
    assert stage.painted().max() == 0


@pytest.mark.parametrize("count", [500, MARKERS_UP_TO + 1])
def test_new_points_and_a_moved_view_are_painted_anew(stage: Stage, count: int) -> None:
    stage.item.set_points(np.full((count, 2), (50.0, 50.0)))
    stage.painted()
    stage.item.set_points(np.full((count, 2), (150.0, 50.0)))
    assert centre_of(stage.painted()) == pytest.approx((150, 50), abs=0.6)
    stage.show_range(100, 100 + SIDE)
    stage.item.set_points(np.full((count, 2), (150.0, 250.0)))
    assert centre_of(stage.painted()) == pytest.approx((50, 150), abs=0.6)
    stage.show_range(0, 2 * SIDE)
    assert centre_of(stage.painted()) == pytest.approx((75, 125), abs=0.6)


def test_a_density_image_is_made_once_and_recoloured(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = []
    counted = density_module._counts

    def counting(*given):
        made.append(1)
        return counted(*given)

    monkeypatch.setattr(density_module, "_counts", counting)
    stage.item.set_points(np.random.default_rng(0).uniform(0, SIDE, (MARKERS_UP_TO + 1, 2)))
    stage.painted()
    before = len(made)
    assert before >= 1
    stage.item.set_opacity(0.3)
    stage.item.set_colour("#ff0000")
    stage.painted()
    assert len(made) == before


@pytest.mark.parametrize("ratio", [1.0, 1.25, 1.5, 2.0, 3.0])
def test_density_keeps_place_and_ink_at_every_pixel_ratio(ratio: float) -> None:
    at = np.array([31.3 * ratio])
    piled = density(at, at + 5, 120 * 3, 130 * 3, ratio)
    picture = piled.levels * piled.depth
    assert centre_of(picture) == pytest.approx((at[0], at[0] + 5), abs=0.51)
    diameter, opacity = marker_look(1)
    ink = -np.log1p(-opacity) * coverage(diameter, ratio, 1).sum()
    assert picture.sum() == pytest.approx(ink, rel=0.05)


@pytest.mark.parametrize("count", [2**16 - 1, 2**16, 3 * 2**16])
def test_a_pixel_that_holds_all_points_is_the_darkest(count: int) -> None:
    at = np.full(count, 20.0, np.float32)
    at[0] = 35
    levels = density(at, at, 50, 50, 1.0).levels
    assert levels.max() == levels[18:22, 18:22].max()
    assert levels.max() >= min(MOST_IN_A_PIXEL, 200)


def test_the_look_is_constant_for_few_and_changes_without_a_jump() -> None:
    assert marker_look(1) == marker_look(1024) == marker_look(FEW)
    for count in (FEW, MANY, MARKERS_UP_TO, 300_000):
        before, after = marker_look(count), marker_look(count + 1)
        assert after == pytest.approx(before, rel=1e-3)
    looks = [marker_look(n) for n in (5_000, 10_000, 20_000, 100_000, 1_000_000)]
    opacities = [opacity for _, opacity in looks]
    assert opacities == sorted(opacities, reverse=True)
    assert opacities[-1] > 0


@pytest.mark.parametrize("diameter", [3.2, 5.0])
@pytest.mark.parametrize("ratio", [1.0, 1.5, 2.0])
def test_a_markers_picture_is_not_cut(diameter: float, ratio: float) -> None:
    tiles = coverage(diameter, ratio, 4)
    whole = coverage(diameter, ratio, 1).sum()
    assert tiles.shape[2] % 2 == 1
    assert tiles.sum(axis=(2, 3)) == pytest.approx(whole, rel=0.03)


@pytest.mark.parametrize(
    ("units_per_pixel", "spacing"), [(0.01, 1.0), (0.0089, 0.5), (1e-6, 1e-4), (3.0, 200)]
)
def test_grid_spacing_is_a_round_number(units_per_pixel: float, spacing: float) -> None:
    assert nice_spacing(units_per_pixel, 56) == pytest.approx(spacing)


def test_all_points_are_in_the_density_image_however_they_are_divided(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    draw = np.random.default_rng(0)
    x, y = draw.normal(100, 20, size=(2, 70_001)).astype(np.float32)
    whole = density(x, y, SIDE, SIDE, 1.0)
    monkeypatch.setattr(density_module, "BLOCK", 999)
    parts = density(x, y, SIDE, SIDE, 1.0)
    assert np.array_equal(whole.levels, parts.levels)
    placed = density(x / 2 + 7, -y, SIDE, SIDE, 1.0, Placing(2.0, -14.0, -1.0, 0.0))
    assert np.mean(placed.levels != whole.levels) < 0.01  # rounding at the edges of pixels


def test_a_frozen_cloud_that_comes_again_is_kept_and_another_is_not(stage: Stage) -> None:
    frozen = np.array([[50.0, 50.0]])
    frozen.flags.writeable = False
    stage.item.set_points(frozen)
    kept = stage.item._x
    stage.item.set_points(frozen)
    assert stage.item._x is kept
    stage.item.set_points(np.array([[60.0, 50.0]]))
    assert stage.item.points.tolist() == [[60.0, 50.0]]
    stage.item.set_points(frozen)
    assert stage.item.points.tolist() == [[50.0, 50.0]]
    stage.item.set_points(frozen, [1])
    stage.item.set_points(frozen)
    assert stage.item._labels is None
    mutable = np.array([[10.0, 10.0]])
    stage.item.set_points(mutable)
    mutable[0, 0] = 20
    stage.item.set_points(mutable)
    assert stage.item.points.tolist() == [[20.0, 10.0]]


def test_the_library_paints_what_qt_paints(qtbot, monkeypatch: pytest.MonkeyPatch) -> None:
    if not points_item.can_stamp():
        pytest.skip("there is no compiled library")
    stage, draw = Stage(qtbot), np.random.default_rng(0)
    points = draw.normal(SIDE / 2, 60, (2_000, 2))
    labels = draw.integers(0, 3, len(points))
    stage.item.set_class_colours(("#e69f00", "#56b4e9", "#009e73"))
    for classes in (None, labels):
        stage.item.set_points(points, classes)
        with monkeypatch.context() as patch:
            patch.setattr(points_item, "can_stamp", lambda: False)
            by_qt = stage.colours()
        assert by_qt.mean() > 0.1
        assert np.abs(stage.colours() - by_qt).max() <= 4 / 255  # roundings of many layers


def test_clouds_are_drawn_anew_only_where_something_changed(
    qtbot, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not points_item.can_stamp():
        pytest.skip("there is no compiled library")
    stage, drawn = Stage(qtbot), []
    stamped = markers.stamp

    def counted(*given, **named) -> None:
        drawn.append(1)
        stamped(*given, **named)

    monkeypatch.setattr(markers, "stamp", counted)
    points = np.random.default_rng(0).uniform(20, 180, (50, 2))
    for labels, times in ((None, 1), (np.arange(50) % 2, 2)):
        stage.item.set_class_colours(("#ff0000", "#00ff00"))
        stage.item.set_points(points, labels)
        drawn.clear()
        stage.painted()
        assert len(drawn) == times
        stage.item.set_points(points.copy(), labels)
        stage.painted()
        assert len(drawn) == times
        stage.item.set_points(points + 1, labels)
        stage.painted()
        assert len(drawn) == 2 * times
        stage.show_range(0, SIDE - 1 - times)
        stage.painted()
        assert len(drawn) == 3 * times


@pytest.mark.parametrize("ratio", [1.0, 1.25, 1.5, 2.0])
def test_a_picture_is_copied_pixel_by_pixel(ratio: float) -> None:
    """On a device of any pixel ratio."""
    side = round(40 * ratio)
    pixels = np.random.default_rng(0).integers(0, 2**24, (side, side)).astype(np.uint32)
    pixels |= np.uint32(0xFF << 24)
    form = QImage.Format.Format_ARGB32_Premultiplied
    device = QImage(side + 9, side + 9, form)
    device.setDevicePixelRatio(ratio)
    device.fill(0)
    painter = QPainter(device)
    image = QImage(pixels.data, side, side, 4 * side, form)
    markers.Picture(image, 5, 3).paint(painter, ratio)
    painter.end()
    seen = np.frombuffer(device.constBits(), np.uint32).reshape(side + 9, side + 9)
    np.testing.assert_array_equal(seen[3 : side + 3, 5 : side + 5], pixels)
