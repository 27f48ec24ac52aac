"""The icons have the palette's colours in each state, and are drawn in the size that is asked."""

import pytest
from PySide6.QtCore import QSize
from PySide6.QtGui import QColor, QIcon, QImage

from flowmap_studio.resources import asset
from flowmap_studio.views.icons import icon
from flowmap_studio.views.theme import DARK, LIGHT, Palette

MODES, STATES = QIcon.Mode, QIcon.State
NAMES = sorted(
    path.stem
    for path in asset("icons", "play.svg").parent.glob("*.svg")
    if "currentColor" in path.read_text(encoding="utf-8")
)


def drawn(
    name: str,
    palette: Palette,
    mode: QIcon.Mode = MODES.Normal,
    state: QIcon.State = STATES.Off,
    scale: float = 1.0,
) -> QImage:
    return icon(name, palette).pixmap(QSize(20, 20), scale, mode, state).toImage()


def solid_colours(image: QImage) -> list[tuple[int, ...]]:
    """Red, green and blue of the pixels that are covered as a whole."""
    places = [(x, y) for x in range(image.width()) for y in range(image.height())]
    colours = [image.pixelColor(*place).getRgb() for place in places]
    return [colour[:3] for colour in colours if colour[3] == 255]


@pytest.mark.parametrize("palette", [LIGHT, DARK], ids=["light", "dark"])
@pytest.mark.parametrize("name", NAMES)
def test_each_icon_is_drawn_in_the_colour_of_its_state(qapp, name, palette):
    for mode, state, colour in (
        (MODES.Normal, STATES.Off, palette.text),
        (MODES.Active, STATES.Off, palette.text),
        (MODES.Normal, STATES.On, palette.accent),
        (MODES.Disabled, STATES.Off, palette.faint),
        (MODES.Disabled, STATES.On, palette.faint),
    ):
        found = solid_colours(drawn(name, palette, mode, state))
        assert found
        for seen in found:  # but for rounding
            assert seen == pytest.approx(QColor(colour).getRgb()[:3], abs=1)


@pytest.mark.parametrize("scale", [1.0, 1.25, 1.5, 2.0, 3.0])
def test_an_icon_has_as_many_pixels_as_the_scale_asks_for(qapp, scale):
    assert drawn("play", LIGHT, scale=scale).size() == QSize(20, 20) * scale
