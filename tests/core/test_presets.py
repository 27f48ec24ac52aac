"""A preset comes back bit-equal; anything else is refused in one sentence and never half read."""

from __future__ import annotations

import dataclasses
import hashlib
import io
import json
import os
import random
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import safetensors.numpy
from PIL import Image

from flowmap_studio.core.errors import PresetError
from flowmap_studio.core.presets import (
    FORMAT_VERSION,
    LayerLook,
    Preset,
    StageView,
    clean_text,
    read_preset,
    write_preset,
)
from flowmap_studio.core.presets.codec import decode, encode
from flowmap_studio.core.presets.view import describe_view
from flowmap_studio.core.run import Run
from flowmap_studio.core.targets import open_again

GOLDEN = Path(__file__).parent / "golden"


# Round trips


def test_round_trip_is_bit_equal(
    tmp_path: Path, preset: Preset, assert_equal: Callable[[Preset, Preset], None]
) -> None:
    path = tmp_path / "mine.flowmap"
    write_preset(path, preset)
    found = read_preset(path)
    assert_equal(found, preset)
    assert encode(found) == path.read_bytes()
    assert [p.name for p in tmp_path.iterdir()] == ["mine.flowmap"]
    assert not found.snapshot.weights["net.0.bias"].flags.writeable


def test_the_least_preset(
    tmp_path: Path, preset: Preset, assert_equal: Callable[[Preset, Preset], None]
) -> None:
    bare = Preset(snapshot=dataclasses.replace(preset.snapshot, metrics={}), title="")
    write_preset(tmp_path / "bare.flowmap", bare)
    assert_equal(read_preset(tmp_path / "bare.flowmap"), bare)


def test_safetensors_reads_it_too(preset: Preset) -> None:
    tensors = safetensors.numpy.load(encode(preset))
    np.testing.assert_array_equal(tensors["map.net.0.bias"], preset.snapshot.weights["net.0.bias"])
    assert tensors["thumbnail"].tobytes() == preset.thumbnail


@pytest.mark.parametrize("separator", ["/", "\\"])
def test_the_users_folders_stay_private(preset: Preset, separator: str) -> None:
    target = separator.join(["", "home", "jane", "secret project", "points.csv"])
    config = preset.snapshot.config.replace(target=target)
    snapshot = dataclasses.replace(preset.snapshot, config=config)
    content = encode(dataclasses.replace(preset, snapshot=snapshot))
    assert b"jane" not in content
    assert b"secret" not in content
    assert decode(content).snapshot.config.target == "points.csv"


def test_figures_that_are_no_numbers_are_left_out(preset: Preset) -> None:
    snapshot = preset.snapshot.with_metrics({"odd": float("nan"), "far": float("inf")})
    found = decode(encode(dataclasses.replace(preset, snapshot=snapshot)))
    assert found.snapshot.metrics == preset.snapshot.metrics


def test_texts_are_plain(preset: Preset) -> None:
    dirty = "a\x00b\x1b[31mc\u202ed\u200be\ud800f\ng\r\th"
    assert clean_text(dirty) == "ab[31mcdef\ngh"
    assert len(clean_text("é" * 5000)) == 4096
    cleaned = dataclasses.replace(preset, title=dirty, notes=dirty, tags=(dirty,) * 100)
    assert cleaned.title == cleaned.notes == cleaned.tags[0] == clean_text(dirty)
    assert len(cleaned.tags) == 64


@pytest.mark.parametrize("version", [1, 2, 3, 4, 5])
def test_golden_files_of_every_version_stay_readable(version: int) -> None:
    found = read_preset(GOLDEN / f"version_{version}.flowmap")
    truth = json.loads((GOLDEN / f"version_{version}.json").read_text("utf-8"))
    assert found.title == truth["title"]
    assert found.notes == truth["notes"]
    assert list(found.tags) == truth["tags"]
    assert found.snapshot.step == truth["step"]
    assert found.snapshot.metrics == truth["metrics"]
    assert found.snapshot.config.as_dict() | truth["config"] == found.snapshot.config.as_dict()
    assert hashlib.sha256(found.thumbnail or b"").hexdigest() == truth["thumbnail_sha256"]
    from flowmap_studio.core.loaded_map import LoadedMap

    points = np.array(truth["points"], np.float32)
    moved = LoadedMap(found.snapshot).carry(points, 0.0, 1.0, 2)
    np.testing.assert_allclose(moved, truth["moved"], rtol=1e-5, atol=1e-5)


def test_the_golden_unfinished_run_goes_on() -> None:
    checkpoint = read_preset(GOLDEN / "version_3.flowmap").checkpoint
    assert checkpoint is not None
    run = Run(checkpoint.state.config, *open_again(checkpoint), resumed=checkpoint)
    assert (run.step, len(run.history), run.finished) == (27, 27, False)
    assert [progress.step for progress in run.run()][-1] == 40


def test_the_golden_view_is_read() -> None:
    found = read_preset(GOLDEN / "version_4.flowmap").view
    truth = json.loads((GOLDEN / "version_4.json").read_text("utf-8"))["view"]
    assert found is not None
    assert describe_view(found) == truth
    assert read_preset(GOLDEN / "version_3.flowmap").view is None


def test_a_view_comes_back(preset: Preset) -> None:
    for area in (None, (-1.5, 2.0, 0.0, 1e-3)):
        view = StageView(0.375, 12, area, {"data": LayerLook(visible=False, opacity=0.25)})
        content = encode(dataclasses.replace(preset, view=view))
        assert b'\\"version\\":4' in content
        assert decode(content).view == view


def test_finished_maps_stay_readable_by_older_programs(preset: Preset) -> None:
    assert b'\\"version\\":2' in encode(preset)


def test_there_is_a_golden_file_of_the_newest_version() -> None:
    assert (GOLDEN / f"version_{FORMAT_VERSION}.flowmap").is_file()


# Damage


def test_every_truncation_is_refused(preset: Preset) -> None:
    content = encode(preset)
    for size in [*range(0, len(content), 97), len(content) - 1]:
        with pytest.raises(PresetError):
            decode(content[:size])
    for more in (1, 4, 100):
        with pytest.raises(PresetError, match="beyond its end"):
            decode(content + bytes(more))


def test_a_cut_file_is_called_incomplete(preset: Preset, refusal: Callable[..., str]) -> None:
    content = encode(preset)
    for size in (0, 5, 100, len(content) - 1):
        assert "the file is incomplete" in refusal(content[:size])


def test_flipped_bits_are_refused(
    preset: Preset, assert_equal: Callable[[Preset, Preset], None]
) -> None:
    content = encode(preset)
    head = 8 + int.from_bytes(content[:8], "little")
    chance = random.Random(7)  # noqa: S311
    places = [chance.randrange(len(content)) for _ in range(150)]
    places += [chance.randrange(head) for _ in range(150)]
    accepted = []
    for place in places:
        damaged = bytearray(content)
        damaged[place] ^= 1 << chance.randrange(8)
        try:
            found = decode(bytes(damaged))
        except PresetError:
            continue
        accepted.append(place)
        assert_equal(found, preset)  # another spelling of the same number
    assert len(accepted) <= 3


NOT_PRESETS = {
    "empty": b"",
    "words": b"hello, this is not a preset at all",
    "zip": b"PK\x03\x04" + bytes(200),
    "pickle": b"\x80\x04\x95" + bytes(200),
    "torch": b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19.",
    "json": b'{"format": "flowmap"}',
    "zeros": bytes(500),
    "ones": b"\xff" * 500,
    "other safetensors": safetensors.numpy.save({"w": np.ones(3, np.float32)}),
    "no metadata": (2).to_bytes(8, "little") + b"{}",
}


@pytest.mark.parametrize("kind", list(NOT_PRESETS))
def test_other_files_are_refused(kind: str, refusal: Callable[..., str]) -> None:
    sentence = refusal(NOT_PRESETS[kind])
    assert "not a flow map file" in sentence or "incomplete" in sentence


def test_a_renamed_picture_is_refused(refusal: Callable[..., str]) -> None:
    stream = io.BytesIO()
    Image.new("RGB", (50, 50)).save(stream, "PNG")
    assert "not a flow map file" in refusal(stream.getvalue())


def test_folders_pipes_and_missing_files_are_refused(tmp_path: Path) -> None:
    folder = tmp_path / "folder.flowmap"
    folder.mkdir()
    pipe = tmp_path / "pipe.flowmap"
    os.mkfifo(pipe)
    cases = {folder: "not a regular file", pipe: "not a regular file"}
    cases[tmp_path / "gone.flowmap"] = "there is no such file"
    cases[tmp_path / "gone" / "mine.flowmap"] = "there is no such file or folder"
    cases[tmp_path / ("x" * 300)] = "its name is too long"
    cases[Path("a\0b.flowmap")] = "its name is not allowed"
    for path, words in cases.items():
        with pytest.raises(PresetError, match=words):
            read_preset(path)
