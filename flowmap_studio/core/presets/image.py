"""The part of a `.flowmap` file that says what images a map makes, as strictly read as the rest."""

from __future__ import annotations

from typing import Any

from flowmap_studio.core.errors import PresetError
from flowmap_studio.core.images import HELD_OUT, ImageShape

FIELDS = {"height", "width", "channels", "levels", "held_out"}


def describe_image(image: ImageShape) -> dict[str, Any]:
    """The header's object for images."""
    return {**image._asdict(), "held_out": HELD_OUT}


def image_part(described: Any, dim: int) -> ImageShape | None:
    """The images of a header's object; None where it has none.

    Args:
        described: The object.
        dim: Axes of the data.

    Raises:
        PresetError: It is not as it must be.
    """
    if described is None:
        return None
    if not isinstance(described, dict) or set(described) != FIELDS:
        raise PresetError("its images have missing or unknown fields")
    share = described["held_out"]
    counts = [described[name] for name in ImageShape._fields]
    if any(type(count) is not int for count in counts) or type(share) not in (int, float):
        raise PresetError("its images have a field of the wrong kind")
    image = ImageShape(*counts)
    if not image.sensible or image.dim != dim or not 0 <= share < 1:
        raise PresetError("its images do not fit its data")
    return image
