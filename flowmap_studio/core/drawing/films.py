"""Moving pictures as files: GIF by Pillow, MP4 by PyAV. No Qt, no torch."""

from __future__ import annotations

import io
from collections.abc import Collection, Iterable, Sequence
from fractions import Fraction
from itertools import pairwise
from typing import Final

import numpy as np
from PIL import Image

from flowmap_studio.core.drawing.raster import Pixels
from flowmap_studio.core.errors import StudioError
from flowmap_studio.core.palettes import rgb

MOST_COLOURS = 256
ENCODER: Final = "libx264"
QUALITY = {"crf": "18", "preset": "medium"}
"""x264's: hardly to be told from the pictures themselves."""
BT709 = 1
"""FFmpeg's number of the colours of HD video, which players assume of it."""


def as_gif(
    pictures: Iterable[Pixels], fps: int, samples: Sequence[Pixels], exact: Collection[str]
) -> bytes:
    """The bytes of a .gif file that plays for ever.

    Args:
        pictures: (height, width, 3) frames, all of one size.
        fps: Frames per second. GIF counts hundredths of a second: frames differ by one of these
            where it must be, so that the whole lasts as long as it should.
        samples: Some of the frames, from which the one table of colours is made: tables of single
            frames would flicker.
        exact: #rrggbb of colours that the table must have.
    """
    table = colour_table(samples, exact)
    kept = [_indexed(picture, table, len(exact)) for picture in pictures]
    stream = io.BytesIO()
    kept[0].save(
        stream,
        "GIF",
        save_all=True,
        append_images=kept[1:],
        duration=[10 * delay for delay in gif_delays(len(kept), fps)],
        loop=0,
        optimize=False,
    )
    return stream.getvalue()


def gif_delays(count: int, fps: int) -> list[int]:
    """Hundredths of a second that each of `count` frames is shown."""
    ends = [round(100 * number / fps) for number in range(count + 1)]
    return [after - before for before, after in pairwise(ends)]


def colour_table(samples: Sequence[Pixels], exact: Collection[str]) -> Image.Image:
    """A palette image of these colours and of those that describe the samples best besides."""
    given = [channel for colour in exact for channel in rgb(colour)]
    stacked = Image.fromarray(np.concatenate(list(samples)))
    free = MOST_COLOURS - len(exact)
    found = stacked.quantize(free, Image.Quantize.MEDIANCUT).getpalette() or []
    table = Image.new("P", (1, 1))
    table.putpalette(given + found[: 3 * free])
    return table


def as_mp4(pictures: Iterable[Pixels], fps: int, size: tuple[int, int]) -> bytes:
    """The bytes of an .mp4 file (H.264, plays in browsers).

    Args:
        pictures: (height, width, 3) frames.
        fps: Frames per second.
        size: Their width and height, both even.

    Raises:
        StudioError: This PyAV was built without an H.264 encoder.
    """
    import av

    if ENCODER not in av.codecs_available:
        raise StudioError("The installed PyAV cannot write H.264; choose a .gif instead.")
    stream = io.BytesIO()
    with av.open(stream, "w", format="mp4") as container:
        video = container.add_stream(ENCODER, rate=Fraction(fps), options=QUALITY)
        video.width, video.height, video.pix_fmt = *size, "yuv420p"
        for name in ("color_primaries", "color_trc", "colorspace"):
            setattr(video.codec_context, name, BT709)
        for picture in pictures:
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="rgb24")
            container.mux(video.encode(frame.reformat(dst_colorspace="ITU709")))
        container.mux(video.encode(None))
    return stream.getvalue()


def _indexed(picture: Pixels, table: Image.Image, exact: int) -> Image.Image:
    """A picture in the colours of a table, of which so many first ones are met exactly."""
    # Dither would flicker. Pillow takes a near colour for the nearest: large grounds would show it.
    found = Image.fromarray(picture).quantize(palette=table, dither=Image.Dither.NONE)
    places = np.array(found)
    packed = picture.astype(np.uint32) @ np.array([1 << 16, 1 << 8, 1], np.uint32)
    channels = np.array((table.getpalette() or [])[: 3 * exact], np.uint32).reshape(-1, 3)
    for number, colour in enumerate(channels @ np.array([1 << 16, 1 << 8, 1], np.uint32)):
        places[packed == colour] = number
    image = Image.fromarray(places)
    image.putpalette(table.getpalette() or [])
    return image
