"""Images as data: digits, archives, idx files and folders; dequantised, split, refused in words."""

from __future__ import annotations

import gzip
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from flowmap_studio.core.errors import DataError
from flowmap_studio.core.images import ImageShape, as_pictures, contact_sheet
from flowmap_studio.core.targets import ImageTarget, digits, open_target


def draw(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def levels(count: int = 30, *shape: int, high: int = 256) -> np.ndarray:
    return np.random.default_rng(0).integers(0, high, (count, *(shape or (6, 5)))).astype(np.uint8)


def idx(array: np.ndarray) -> bytes:
    head = bytes([0, 0, 8, array.ndim]) + b"".join(n.to_bytes(4, "big") for n in array.shape)
    return head + array.tobytes()


def back(target: ImageTarget, points: torch.Tensor) -> np.ndarray:
    """The levels that points were made from."""
    return np.floor(points.numpy() * target.shape.levels).astype(int)


def test_digits_are_those_of_scikit_learn() -> None:
    """Counts and sum as scikit-learn's documentation and load_digits give them."""
    target = digits()
    assert (target.dim, target.shape) == (64, ImageShape(8, 8, 1, 17))
    assert target.classes == tuple("0123456789")
    whole = [target.learned(draw(), 2000), target.held_out(draw(), 2000)]
    values = np.concatenate([back(target, points) for points, _ in whole])
    labels = torch.cat([labels for _, labels in whole])
    assert values.shape == (1797, 64)
    assert (values.min(), values.max(), values.sum()) == (0, 16, 561718)
    assert labels.bincount().tolist() == [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]


def test_noise_fills_each_level_evenly_and_no_more() -> None:
    target = ImageTarget("flat", np.array([[0, 3]] * 9 + [[3, 1]]), ImageShape(1, 2, 1, 4))
    points, _ = target.learned(draw(), 10)
    assert len(points) == target.learned_count == 8
    many = target.sample(40_000, draw(1))
    assert 0 <= float(many.min()) < 0.01 < 0.99 < float(many.max()) < 1
    inside = many[back(target, many)[:, 1] == 3][:, 1] * 4 - 3
    assert float(inside.mean()) == pytest.approx(0.5, abs=0.01)
    assert float(inside.var()) == pytest.approx(1 / 12, rel=0.03)


def test_held_out_images_are_never_drawn_and_the_same_for_every_run() -> None:
    values = np.arange(50, dtype=np.uint8)[:, None].repeat(4, axis=1)
    target = ImageTarget("ramp", values, ImageShape(2, 2, 1, 256))
    out = set(back(target, target.held_out(draw(), 50)[0])[:, 0])
    learned = set(back(target, target.learned(draw(3), 50)[0])[:, 0])
    drawn = set(back(target, target.sample(5000, draw(4)))[:, 0])
    assert len(out) == target.held_out_count == 10
    assert out | learned == set(range(50))
    assert drawn == learned
    first, second = target.split(100, draw(5))
    assert set(back(target, first)[:, 0]) == out
    assert len(second) == 10
    assert set(back(target, second)[:, 0]) <= learned
    again = ImageTarget("ramp", values, ImageShape(2, 2, 1, 256))
    assert set(back(again, again.held_out(draw(9), 50)[0])[:, 0]) == out


def test_labels_stay_with_their_images() -> None:
    labels = np.arange(40) % 4
    values = (labels * 60)[:, None].repeat(6, axis=1)
    names = ("a", "b", "c", "d")
    target = ImageTarget("stripes", values, ImageShape(2, 3, 1, 256), labels, names)
    for points, found in (
        target.sample_labelled(200, draw()),
        target.learned(draw(), 40),
        target.held_out(draw(), 40),
    ):
        assert np.array_equal(back(target, points)[:, 0], found.numpy() * 60)


ARCHIVES: dict[str, tuple[Callable[[], dict[str, np.ndarray]], ImageShape, tuple[str, ...]]] = {
    "bytes": (lambda: {"images": levels()}, ImageShape(6, 5, 1, 256), ()),
    "few levels": (lambda: {"x": levels(30, 6, 5, high=17)}, ImageShape(6, 5, 1, 17), ()),
    "two levels": (lambda: {"x": levels(30, 6, 5, high=2)}, ImageShape(6, 5, 1, 2), ()),
    "colour": (lambda: {"arr_0": levels(30, 4, 4, 3)}, ImageShape(4, 4, 3, 256), ()),
    "continuous": (
        lambda: {"data": levels().astype(np.float64) / 255},
        ImageShape(6, 5, 1, 0),
        (),
    ),
    "keras": (
        lambda: {"x_train": levels(), "y_train": np.arange(30) % 3, "x_test": levels(5)},
        ImageShape(6, 5, 1, 256),
        ("0", "1", "2"),
    ),
    "medmnist": (
        lambda: {"train_images": levels(), "train_labels": (np.arange(30) % 2)[:, None] + 5},
        ImageShape(6, 5, 1, 256),
        ("5", "6"),
    ),
}


@pytest.mark.parametrize("name", ARCHIVES)
def test_archives_open_as_they_are(name: str, tmp_path: Path) -> None:
    make, shape, classes = ARCHIVES[name]
    arrays = make()
    np.savez_compressed(tmp_path / "own.npz", **arrays)
    target = open_target(str(tmp_path / "own.npz"))
    assert isinstance(target, ImageTarget)
    assert (target.shape, target.classes) == (shape, classes)
    assert target.learned_count + target.held_out_count == 30
    found = torch.cat([target.learned(draw(), 99)[0], target.held_out(draw(), 99)[0]]).numpy()
    found = np.floor(found * shape.levels) if shape.levels else found
    truth = next(iter(arrays.values())).reshape(30, -1)
    order, wanted = np.lexsort(found.T), np.lexsort(truth.T)
    np.testing.assert_allclose(found[order], truth[wanted], atol=1e-6)


@pytest.mark.parametrize("ending", ["", ".gz"])
@pytest.mark.parametrize("dot", ["-", "."])
def test_files_of_mnists_kind_open_with_the_labels_beside_them(
    ending: str, dot: str, tmp_path: Path
) -> None:
    pack = gzip.compress if ending else bytes
    images, labels = levels(20, 7, 4), (np.arange(20) % 10).astype(np.uint8)
    path = tmp_path / f"train-images{dot}idx3-ubyte{ending}"
    path.write_bytes(pack(idx(images)))
    assert open_target(str(path)).classes == ()
    (tmp_path / f"train-labels{dot}idx1-ubyte{ending}").write_bytes(pack(idx(labels)))
    target = open_target(str(path))
    assert isinstance(target, ImageTarget)
    assert (target.shape, len(target.classes)) == (ImageShape(7, 4, 1, 256), 10)
    points, found = target.learned(draw(), 20)
    where = {images[i].tobytes(): labels[i] for i in range(20)}
    made = back(target, points).astype(np.uint8)
    assert [where[row.tobytes()] for row in made] == found.tolist()


def _write(path: Path, array: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(array).save(path)


def test_a_folder_of_pictures_and_its_sub_folders_as_classes(tmp_path: Path) -> None:
    pictures = levels(24, 9, 6)
    for i, picture in enumerate(pictures):
        _write(tmp_path / "set" / ("cats" if i % 2 else "dogs") / f"{i:02}.png", picture)
    target = open_target(str(tmp_path / "set"))
    assert isinstance(target, ImageTarget)
    assert (target.shape, target.classes) == (ImageShape(9, 6, 1, 256), ("cats", "dogs"))
    points, labels = target.learned(draw(), 99)
    where = {pictures[i].tobytes(): 0 if i % 2 else 1 for i in range(24)}
    made = back(target, points).astype(np.uint8)
    assert [where[row.tobytes()] for row in made] == labels.tolist()


def test_pictures_of_several_sizes_become_squares(tmp_path: Path) -> None:
    for i in range(12):
        colour = np.full((40 + i, 60, 3), (250, 20 * i, 3), np.uint8)
        _write(tmp_path / "photos" / f"{i}.png", colour)
    target = open_target(str(tmp_path / "photos"))
    assert isinstance(target, ImageTarget)
    assert (target.shape, target.classes) == (ImageShape(32, 32, 3, 256), ())
    first = back(target, target.learned(draw(), 1)[0]).reshape(-1, 3)
    assert set(first[:, 0]) == {250}
    assert set(first[:, 2]) == {3}


def npz(**arrays: np.ndarray) -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        np.savez(folder / "bad.npz", **arrays)
        return folder / "bad.npz"

    return write


def raw(name: str, content: bytes) -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        (folder / name).write_bytes(content)
        return folder / name

    return write


def folder_of(name: str, content: bytes | None) -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        (folder / "set").mkdir()
        if content is not None:
            (folder / "set" / name).write_bytes(content)
        return folder / "set"

    return write


def bomb(folder: Path) -> Path:
    """A head that promises far more than the file holds."""
    with zipfile.ZipFile(folder / "bomb.npz", "w") as archive:
        head = b"{'descr': '|u1', 'fortran_order': False, 'shape': (9000000, 60, 60), }"
        head = head.ljust(117) + b"\n"
        archive.writestr(
            "images.npy", b"\x93NUMPY\x01\x00" + len(head).to_bytes(2, "little") + head
        )
    return folder / "bomb.npz"


MANY = np.arange(200)
FAULTS: dict[str, tuple[Callable[[Path], Path], str]] = {
    "no images": (npz(pixels=levels()), "has no array named images, x_train"),
    "flat": (npz(images=levels(30, 8)), "give \\(images, height, width\\)"),
    "channels": (npz(images=levels(30, 4, 4, 4)), "has shape \\(30, 4, 4, 4\\)"),
    "too large": (npz(images=levels(10, 70, 4)), "at most 64 pixels"),
    "too many values": (npz(images=levels(10, 64, 64, 3)), "4,096 values"),
    "few": (npz(images=levels(9)), "holds 9 images; give at least 10"),
    "none": (npz(images=levels(0)), "holds no images"),
    "alike": (npz(images=np.ones((20, 3, 3), np.uint8)), "are the same"),
    "range": (npz(images=levels() * 2.5), "values from 0 to 6"),
    "negative": (npz(images=levels() / 255 - 0.5), "give whole numbers from 0 to 255"),
    "missing": (npz(images=np.full((20, 3, 3), np.nan)), "missing or infinite"),
    "words": (npz(images=np.full((20, 3, 3), "a")), "save real numbers"),
    "labels": (npz(images=levels(), labels=np.arange(29)), "30 images but 29 labels"),
    "classes": (npz(images=levels(200), labels=MANY), "200 different labels"),
    "no archive": (raw("own.npz", b"PK\x03\x04 nothing"), "is not a sound NumPy archive"),
    "promises": (bomb, "holds more than 1 GiB"),
    "idx": (raw("a-idx3-ubyte", b"\0\0\x08\x01" + bytes(20)), "is not an idx file of images"),
    "short idx": (raw("a-idx3-ubyte", idx(levels())[:-1]), "does not hold what its head says"),
    "long idx": (raw("a-idx3-ubyte", idx(levels()) + b"x"), "does not hold what its head says"),
    "gzip": (raw("a-idx3-ubyte.gz", b"no gzip at all"), "Could not read a-idx3-ubyte.gz"),
    "empty folder": (folder_of("", None), "holds no pictures"),
    "no picture": (folder_of("a.png", b"words"), "a.png is not a PNG"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_bad_images_are_refused_in_one_sentence(name: str, tmp_path: Path) -> None:
    write, words = FAULTS[name]
    path = write(tmp_path)
    with pytest.raises(DataError, match=words) as caught:
        open_target(str(path))
    assert str(caught.value).endswith(".")
    assert "\n" not in str(caught.value)
    assert str(tmp_path) not in str(caught.value)


def test_pictures_and_sheets_place_every_pixel() -> None:
    shape = ImageShape(2, 3)
    points = np.array([[0, 0.2, 0.4, 0.6, 0.8, 1], [-1, 2, 0, 0, 0, 0]], np.float32)
    pictures = as_pictures(points, shape)
    assert pictures[..., 0].tolist() == [
        [[0, 51, 102], [153, 204, 255]],
        [[0, 255, 0], [0, 0, 0]],
    ]
    sheet = contact_sheet(pictures[[0, 1, 1]], 2, gap=1, paper=7)
    assert sheet[..., 0].tolist() == [
        [0, 51, 102, 7, 0, 255, 0],
        [153, 204, 255, 7, 0, 0, 0],
        [7] * 7,
        [0, 255, 0, 7, 7, 7, 7],
        [0, 0, 0, 7, 7, 7, 7],
    ]
