"""Whatever is wrong: status 2, one line on stderr, nothing on stdout, nothing written."""

from __future__ import annotations

import dataclasses
import errno
import io
import json
import os
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from flowmap_studio.core.presets import Preset, read_preset, write_preset
from flowmap_studio.core.presets.codec import encode
from flowmap_studio.core.run import Run as Runs
from flowmap_studio.core.targets import open_for

Run = Callable[..., Any]
POINTS = "0,1\n2,3\n4,5\n"

TRAIN = "train --out new.flowmap"
CASES = [
    # the program
    ("trian", "did you mean train?"),
    ("nonsense", "no command 'nonsense' and no such file"),
    ("--nonsense", "--nonsense"),
    ("missing.flowmap", "there is no such file or folder"),
    ("photo.flowmap", "it is not a flow map file"),
    ("good.flowmap extra", "extra"),
    ("folder", "not a regular file"),
    # train: usage
    ("train", "--out"),
    ("train --out", "--out"),
    (f"{TRAIN} --stps 3", "--steps"),
    (f"{TRAIN} surplus", "surplus"),
    # train: settings
    (f"{TRAIN} --method articel", "choose from semigroup, lagrangian"),
    (f"{TRAIN} --coupling optimal", "choose from ot, independent"),
    (f"{TRAIN} --device tpu", "choose from auto, cpu, cuda, mps"),
    (f"{TRAIN} --steps -5", "--steps: Steps must lie between 1 and"),
    (f"{TRAIN} --steps 0", "--steps: Steps must lie between 1 and"),
    (f"{TRAIN} --steps many", "must be a number, not 'many'"),
    (f"{TRAIN} --steps 1.5", "whole number"),
    (f"{TRAIN} --lr nan", "--lr: Learning rate must be a finite number"),
    (f"{TRAIN} --lr 1e400", "finite"),
    (f"{TRAIN} --hidden-dim 1000000000", "between 1 and 4,096"),
    (f"{TRAIN} --seed -1", "--seed"),
    (f"{TRAIN} --steps 5 --seconds 5", "Give either --steps or --seconds, not both."),
    (f"{TRAIN} --method semigroup --parametrisation free", "needs the residual form"),
    # train: targets
    (f"{TRAIN} --target mons", "did you mean moons?"),
    (f"{TRAIN} --target xyzzy", "choose from moons"),
    (f"{TRAIN} --target nowhere.csv", "no file 'nowhere.csv'"),
    (f"{TRAIN} --target empty.csv", "empty.csv is empty"),
    (f"{TRAIN} --target words.csv", "'one' is not a number"),
    (f"{TRAIN} --target narrow.csv", "only one column"),
    (f"{TRAIN} --target hole.csv", "missing or infinite value at point 2"),
    (f"{TRAIN} --target ragged.csv", "line 2 has 3 columns"),
    (f"{TRAIN} --target same.csv", "are the same"),
    (f"{TRAIN} --target single.csv", "holds 1 point"),
    (f"{TRAIN} --target pickle.npy", "not a NumPy array file"),
    (f"{TRAIN} --target cut.npy", "not a NumPy array file"),
    (f"{TRAIN} --target cube.npy", "shape (2, 2, 2)"),
    (f"{TRAIN} --target white.png", "all white"),
    (f"{TRAIN} --target fake.png", "not a PNG or JPEG"),
    (f"{TRAIN} --target folder.csv", "not a regular file"),
    (f"{TRAIN} --target points.xlsx", "Unknown target"),
    # train: places
    ("train --out new.txt", "must end in .flowmap"),
    ("train --out new", "must end in .flowmap"),
    ("train --out nowhere/new.flowmap", "no folder 'nowhere'"),
    ("train --out points.csv/new.flowmap", "no folder 'points.csv'"),
    ("train --out directory.flowmap", "not a regular file"),
    (f"train --out {'n' * 300}.flowmap", "its name is too long"),
    (f"{TRAIN} --log nowhere/log.jsonl", "--log"),
    (f"{TRAIN} --log new.flowmap", "needed for something else"),
    (f"{TRAIN} --target points.csv --log points.csv", "needed for something else"),
    # train: start
    (f"{TRAIN} --start-from missing.flowmap", "there is no such file or folder"),
    (f"{TRAIN} --start-from good.flowmap --hidden-dim 9", "--hidden-dim 8; keep it"),
    (f"{TRAIN} --start-from good.flowmap --method article", "do not fit method article"),
    (f"{TRAIN} --start-from good.flowmap --target three.csv", "2 axes and the target 3"),
    # train: resume
    ("train --resume", "--resume"),
    ("train --resume missing.flowmap", "there is no such file or folder"),
    ("train --resume folder", "not a regular file"),
    ("train --resume photo.flowmap", "it is not a flow map file"),
    ("train --resume cut.flowmap", "incomplete"),
    ("train --resume points.csv", "not a flow map file"),
    ("train --resume newer.flowmap", "made by a newer version (99;"),
    ("train --resume flipped.flowmap", "checksum"),
    ("train --resume good.flowmap", "no unfinished run; --start-from begins a new run"),
    ("train --resume half-cut.flowmap", "incomplete"),
    ("train --resume half.flowmap --steps 500", "the run's own settings; leave --steps out"),
    ("train --resume half.flowmap --lr 0.1", "the run's own settings; leave --lr out"),
    ("train --resume half.flowmap --target rings", "own settings; leave --target out"),
    ("train --resume half.flowmap --device tpu", "choose from auto, cpu, cuda, mps"),
    ("train --resume half.flowmap --start-from good.flowmap", "either --resume or --start-from"),
    ("train --resume half.flowmap --out new.txt", "must end in .flowmap"),
    ("train --resume half.flowmap --out nowhere/new.flowmap", "no folder 'nowhere'"),
    ("train --resume half.flowmap --log half.flowmap", "needed for something else"),
    ("train --resume half.flowmap --log nowhere/log.jsonl", "--log"),
    # sample
    ("sample missing.flowmap --out a.npy", "there is no such file or folder"),
    ("sample photo.flowmap --out a.npy", "it is not a flow map file"),
    ("sample cut.flowmap --out a.npy", "incomplete"),
    ("sample empty.flowmap --out a.npy", "incomplete"),
    ("sample folder --out a.npy", "not a regular file"),
    ("sample points.csv --out a.npy", "not a flow map file"),
    ("sample good.flowmap", "--out"),
    ("sample --out a.npy", "FILE.flowmap"),
    ("sample good.flowmap --out a.jpg", "must end in .npy, .csv or .png"),
    ("sample good.flowmap --out nowhere/a.npy", "no folder 'nowhere'"),
    ("sample good.flowmap --num 0 --out a.npy", "--num must be a whole number from 1 to"),
    ("sample good.flowmap --num ten --out a.npy", "not 'ten'"),
    ("sample good.flowmap --steps -1 --out a.npy", "--steps must be a whole number"),
    ("sample good.flowmap --seed 1.5 --out a.npy", "--seed must be a whole number"),
    ("sample good.flowmap --label 1 --out a.npy", "--label"),
    # map
    ("map good.flowmap --from 0 --to 1 --out a.npy", "--points"),
    ("map good.flowmap --points points.csv --to 1 --out a.npy", "--from"),
    ("map good.flowmap --points points.csv --from 0 --to 1.5 --out a.npy", "--to must be"),
    ("map good.flowmap --points points.csv --from -0.1 --to 1 --out a.npy", "--from must be"),
    ("map good.flowmap --points points.csv --from nan --to 1 --out a.npy", "--from must be"),
    ("map good.flowmap --points points.csv --from x --to 1 --out a.npy", "--from must be"),
    ("map good.flowmap --points three.csv --from 0 --to 1 --out a.npy", "3 columns, but the map"),
    ("map good.flowmap --points narrow.csv --from 0 --to 1 --out a.npy", "1 column, but the map"),
    ("map good.flowmap --points cube.npy --from 0 --to 1 --out a.npy", "shape (2, 2, 2)"),
    ("map good.flowmap --points none.npy --from 0 --to 1 --out a.npy", "shape (0, 2)"),
    ("map good.flowmap --points hole.csv --from 0 --to 1 --out a.npy", "missing or infinite"),
    ("map good.flowmap --points nowhere.npy --from 0 --to 1 --out a.npy", "no file"),
    ("map good.flowmap --points white.png --from 0 --to 1 --out a.npy", "must end in .npy"),
    ("map good.flowmap --points points.csv --from 0 --to 1 --out a.png", "end in .npy or .csv"),
    ("map once.flowmap --points points.csv --from 1 --to 0 --out a.npy", "has no way back"),
    # sample: classes and solvers
    ("sample good.flowmap --guidance 2 --out a.npy", "--guidance: this map was trained without"),
    ("sample good.flowmap --guidance much --out a.npy", "--guidance must be a number from 0 to"),
    ("sample good.flowmap --guidance -1 --out a.npy", "--guidance must be a number from 0 to"),
    ("sample good.flowmap --solver rk4 --out a.npy", "jumps by itself, so leave it out"),
    ("sample good.flowmap --solver rk5 --out a.npy", "euler, midpoint, heun, rk4, dopri5"),
    # logprob
    ("logprob good.flowmap --out a.npy", "--points"),
    ("logprob good.flowmap --points points.csv", "--out"),
    ("logprob missing.flowmap --points points.csv --out a.npy", "there is no such file or folder"),
    ("logprob good.flowmap --points nowhere.npy --out a.npy", "no file 'nowhere.npy'"),
    ("logprob good.flowmap --points three.csv --out a.npy", "3 columns, but the map"),
    ("logprob good.flowmap --points hole.csv --out a.npy", "missing or infinite"),
    ("logprob good.flowmap --points white.png --out a.npy", "must end in .npy"),
    ("logprob good.flowmap --points points.csv --out a.png", "end in .npy or .csv"),
    ("logprob good.flowmap --points points.csv --label 1 --out a.npy", "without labels"),
    ("logprob good.flowmap --points points.csv --guidance 2 --out a.npy", "--guidance"),
    ("logprob rings.flowmap --points points.csv --out a.npy", "starts from rings, whose density"),
    # render
    ("render good.flowmap", "--out"),
    ("render --out a.gif", "FILE.flowmap"),
    ("render missing.flowmap --out a.gif", "there is no such file or folder"),
    ("render cut.flowmap --out a.png", "incomplete"),
    ("render good.flowmap --out a.avi", "must end in .gif, .mp4, .png or .svg"),
    ("render good.flowmap --out nowhere/a.gif", "no folder 'nowhere'"),
    ("render good.flowmap --out a.gif --size big", "such as 640x480, not 'big'"),
    ("render good.flowmap --out a.gif --size 10x10", "from 64 to 4,096 pixels"),
    ("render good.flowmap --out a.gif --size 64x64x64", "such as 640x480"),
    ("render good.flowmap --out a.mp4 --size 101x100", "choose 102 × 100"),
    ("render good.flowmap --out a.gif --fps 0", "--fps must be a whole number from 1 to 60"),
    ("render good.flowmap --out a.gif --fps 60", "at most 50 frames a second"),
    ("render good.flowmap --out a.gif --seconds nan", "--seconds must be a number from 0.1 to"),
    ("render good.flowmap --out a.gif --seconds 600 --size 4096x4096", "too much for a .gif"),
    ("render good.flowmap --out a.gif --layers cloud", "--layers: 'cloud' is unknown"),
    ("render good.flowmap --out a.gif --layers ,", "--layers: name one at least"),
    ("render good.flowmap --out a.gif --time 0.5", "--time is for pictures"),
    ("render good.flowmap --out a.png --fps 9", "--fps is for films"),
    ("render good.flowmap --out a.svg --seconds 9", "--seconds is for films"),
    ("render good.flowmap --out a.svg --time 2", "--time must be a number from 0 to 1"),
    ("render good.flowmap --out a.gif --steps 0", "--steps must be a whole number"),
    ("render good.flowmap --out a.gif --look blue", "--look must be one of light, dark"),
    ("render good.flowmap --out a.gif --label 1", "--label: this map was trained without"),
    ("render good.flowmap --out a.gif --solver rk4", "jumps by itself, so leave it out"),
    # evaluate, info, targets
    ("evaluate missing.flowmap", "there is no such file or folder"),
    ("evaluate good.flowmap --steps 1,x", "--steps must be a whole number"),
    ("evaluate good.flowmap --steps 0", "--steps must be a whole number"),
    ("evaluate good.flowmap --steps ,", "--steps must be a whole number"),
    ("evaluate good.flowmap --seed -1", "--seed must be a whole number"),
    ("evaluate nothing-kept.flowmap", "marshmallows holds 0 points"),
    ("compare", "--target to train on"),
    ("compare --methods semigroup", "--target to train on"),
    ("compare missing.flowmap", "there is no such file or folder"),
    ("compare good.flowmap cut.flowmap", "incomplete"),
    ("compare good.flowmap --target moons", "--target is for maps to be trained"),
    ("compare good.flowmap --seed x", "--seed"),
    ("compare good.flowmap nothing-kept.flowmap", "Only maps of one target can be compared"),
    ("compare nothing-kept.flowmap", "marshmallows holds"),
    ("compare --target moons --methods articel", "--methods: choose from semigroup"),
    ("compare --target moons --method article", "--method"),
    ("compare --target moons --points 3", "--points must be a whole number from 4"),
    ("compare --target nowhere.csv", "no file 'nowhere.csv'"),
    ("info missing.flowmap", "there is no such file or folder"),
    ("info newer.flowmap", "made by a newer version (99;"),
    ("info flipped.flowmap", "checksum"),
    ("info", "FILE.flowmap"),
    ("info good.flowmap --yaml", "--yaml"),
    ("targets all", "all"),
]


def newer(content: bytes) -> bytes:
    """The file as a later version of the program might write it."""
    length = int.from_bytes(content[:8], "little")
    head = json.loads(content[8 : 8 + length])
    inner = json.loads(head["__metadata__"]["flowmap"])
    head["__metadata__"]["flowmap"] = json.dumps(inner | {"version": 99})
    text = json.dumps(head).encode()
    return struct.pack("<Q", len(text)) + text + content[8 + length :]


@pytest.fixture(scope="module")
def half(trained: Path) -> bytes:
    """The file of a run that was cut off before its end."""
    config = read_preset(trained).snapshot.config
    run = Runs(config, *open_for(config))
    next(run.run())
    checkpoint = run.checkpoint()
    preset = Preset(snapshot=checkpoint.snapshot, title="Half", training=checkpoint.state)
    return encode(preset)


@pytest.fixture
def folder(
    tmp_path: Path,
    trained: Path,
    one_time: Path,
    half: bytes,
    monkeypatch: pytest.MonkeyPatch,
) -> Path:
    """A working folder with good files and bad ones."""
    monkeypatch.chdir(tmp_path)
    texts = {
        "points.csv": POINTS,
        "three.csv": "1,2,3\n4,5,6\n7,8,10\n",
        "empty.csv": "",
        "words.csv": "1,one\n2,two\n",
        "narrow.csv": "1\n2\n3\n",
        "hole.csv": "0,1\n2,nan\n4,5\n",
        "ragged.csv": "0,1\n2,3,4\n",
        "same.csv": "1,2\n1,2\n",
        "single.csv": "1,2\n",
        "points.xlsx": "1,2\n",
        "fake.png": "no picture",
        "empty.flowmap": "",
    }
    for name, text in texts.items():
        Path(name).write_text(text)
    for name in ("folder", "folder.csv", "directory.flowmap"):
        Path(name).mkdir()
    np.save("pickle.npy", np.array([{"a": 1}, None]), allow_pickle=True)
    np.save("cube.npy", np.arange(8.0).reshape(2, 2, 2))
    np.save("none.npy", np.empty((0, 2)))
    np.save("cut.npy", np.arange(80.0).reshape(-1, 2))
    Path("cut.npy").write_bytes(Path("cut.npy").read_bytes()[:-9])
    Image.new("L", (20, 20), 255).save("white.png")
    Image.new("RGB", (20, 20), "navy").save("photo.png")
    Path("photo.png").rename("photo.flowmap")
    content = trained.read_bytes()
    Path("good.flowmap").write_bytes(content)
    Path("half.flowmap").write_bytes(half)
    Path("half-cut.flowmap").write_bytes(half[:-100])
    Path("once.flowmap").write_bytes(one_time.read_bytes())
    Path("cut.flowmap").write_bytes(content[:-100])
    Path("newer.flowmap").write_bytes(newer(content))
    Path("flipped.flowmap").write_bytes(content[:-5] + bytes([content[-5] ^ 1]) + content[-4:])
    preset = read_preset(trained)
    config = preset.snapshot.config.replace(target="marshmallows")
    snapshot = dataclasses.replace(preset.snapshot, config=config, data=np.zeros((0, 2)))
    from_rings = dataclasses.replace(
        preset.snapshot,
        config=preset.snapshot.config.replace(source="rings"),
        source=np.eye(2, dtype=np.float32),
    )
    write_preset(Path("rings.flowmap"), dataclasses.replace(preset, snapshot=from_rings))
    write_preset(Path("nothing-kept.flowmap"), dataclasses.replace(preset, snapshot=snapshot))
    return tmp_path


def contents(folder: Path) -> dict[str, bytes | None]:
    return {
        str(path.relative_to(folder)): path.read_bytes() if path.is_file() else None
        for path in folder.rglob("*")
    }


@pytest.mark.parametrize(("command", "words"), CASES, ids=[command[:60] for command, _ in CASES])
def test_one_line_and_status_2(run: Run, folder: Path, command: str, words: str) -> None:
    before = contents(folder)
    done = run(*command.split())
    assert done.status == 2, done
    assert done.out == ""
    assert done.err.startswith("flowmap-studio: ")
    assert words in done.err
    assert done.err.count("\n") == 1
    assert done.err.endswith("\n")
    assert "Traceback" not in done.err
    assert "current map" not in done.err
    assert contents(folder) == before


@pytest.mark.parametrize(
    "command",
    [
        "train --out new.flowmap --target mons",
        "train --out new.flowmap --steps -5",
        "sample photo.flowmap --out a.npy",
        "trian",
    ],
)
def test_as_a_process(shell: Run, folder: Path, command: str) -> None:
    before = contents(folder)
    done = shell(*command.split())
    assert (done.status, done.out, done.err.count("\n")) == (2, "", 1), done
    assert contents(folder) == before


def test_names_cannot_steer_the_terminal(run: Run, folder: Path) -> None:
    done = run("info", "\x1b[31mred\nfile.flowmap")
    assert done.status == 2
    assert done.err.count("\n") == 1
    assert "\x1b" not in done.err


@pytest.mark.parametrize(
    ("option", "places"),
    [
        ("--out", ["--out", "folder/new.flowmap"]),
        ("--log", ["--out", "new.flowmap", "--log", "folder/new.flowmap"]),
    ],
)
def test_a_place_that_cannot_be_written_is_found_before_training(
    run: Run,
    folder: Path,
    small: list[str],
    monkeypatch: pytest.MonkeyPatch,
    option: str,
    places: list[str],
) -> None:
    """Such as a read-only disk, which no permission bits tell of."""

    def temporary_file(**where: Path) -> io.BytesIO:
        if where["dir"] == folder / "folder":
            raise OSError(errno.EROFS, os.strerror(errno.EROFS))
        return io.BytesIO()

    monkeypatch.setattr("tempfile.TemporaryFile", temporary_file)
    done = run("train", *small, *places)
    assert done.status == 2
    assert done.err == (
        f"flowmap-studio: {option}: can't write to 'new.flowmap': that place is read-only.\n"
    )
