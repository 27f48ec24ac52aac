"""Gaussians, whose flow maps are known in closed form, small presets, and the compiled library."""

from __future__ import annotations

import importlib.util
import os
import platform
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch

from flowmap_studio.core.closed_forms import GaussianTarget
from flowmap_studio.core.config import RunConfig
from flowmap_studio.core.errors import PresetError
from flowmap_studio.core.native import library, loading
from flowmap_studio.core.native.sources import FOLDER, LIBRARIES, source_digest
from flowmap_studio.core.network_shapes import weight_shapes
from flowmap_studio.core.normalisation import Normalisation
from flowmap_studio.core.presets import Preset, read_preset
from flowmap_studio.core.snapshot import Snapshot
from flowmap_studio.core.thumbnails import thumbnail

COMPILER = shutil.which(os.environ.get("CC", "cc").split()[0])


def make_gaussian(dim: int) -> GaussianTarget:
    """A Gaussian with a random mean and covariance, deviations from about 0.5 to 1.6."""
    draw = torch.Generator().manual_seed(100 + dim)
    turned = torch.randn(dim, dim, generator=draw, dtype=torch.float64)
    axes = torch.linalg.qr(turned).Q
    deviations = torch.linspace(0.5, 1.6, dim, dtype=torch.float64)
    mean = torch.randn(dim, generator=draw, dtype=torch.float64)
    return GaussianTarget(mean, axes @ torch.diag(deviations**2) @ axes.T)


@pytest.fixture(params=[2, 4], ids=lambda dim: f"dim{dim}")
def gaussian(request: pytest.FixtureRequest) -> GaussianTarget:
    return make_gaussian(request.param)


@pytest.fixture(scope="session")
def plane_gaussian() -> GaussianTarget:
    return make_gaussian(2)


SMALL: dict[str, Any] = {
    "hidden_dim": 8,
    "time_embed_dim": 4,
    "depth": 1,
    "batch_size": 32,
    "ot_batch": 32,
    "steps": 40,
    "warmup_steps": 5,
    "device": "cpu",
}


@pytest.fixture
def small_config() -> RunConfig:
    """A run that takes a fraction of a second."""
    return RunConfig(**SMALL)


@pytest.fixture
def preset(small_config: RunConfig) -> Preset:
    """A preset with every part filled."""
    random = np.random.default_rng(5)
    weights = {
        name: random.normal(size=shape).astype(np.float32)
        for name, shape in weight_shapes(small_config, 2).items()
    }
    data = random.normal(size=(50, 2)).astype(np.float32)
    snapshot = Snapshot(
        config=small_config,
        step=1234,
        weights=weights,
        normalisation=Normalisation((0.1, -2.0), (1.5, 1.5)),
        data=data,
        metrics={"sliced_w2_1": 0.1 + 0.2, "spread_ratio": 0.98},
    )
    return Preset(
        snapshot=snapshot,
        title="Two moons, φ_t",
        notes="First line\nsecond line 🙂",
        tags=("moons", "demo"),
        thumbnail=thumbnail(data),
    )


@pytest.fixture
def assert_equal() -> Callable[[Preset, Preset], None]:
    """Asserts that two presets are equal to the bit, weights included."""

    def assert_equal(found: Preset, expected: Preset) -> None:
        for part in ("config", "step", "normalisation", "metrics"):
            assert getattr(found.snapshot, part) == getattr(expected.snapshot, part), part
        assert set(found.snapshot.weights) == set(expected.snapshot.weights)
        for name, array in expected.snapshot.weights.items():
            assert found.snapshot.weights[name].tobytes() == array.tobytes()
            assert found.snapshot.weights[name].shape == array.shape
        assert found.snapshot.data.tobytes() == expected.snapshot.data.tobytes()
        for part in ("title", "notes", "tags", "thumbnail", "created_by"):
            assert getattr(found, part) == getattr(expected, part), part

    return assert_equal


@pytest.fixture
def refusal(tmp_path: Path) -> Callable[..., str]:
    """Gives the sentence with which a file of some content is refused."""

    def refused(content: bytes, name: str = "mine.flowmap") -> str:
        path = tmp_path / name
        path.write_bytes(content)
        with pytest.raises(PresetError) as raised:
            read_preset(path)
        sentence = str(raised.value)
        assert sentence.startswith(f"Could not open {name}: ")
        assert sentence.endswith(" Your current map is unchanged.")
        assert str(tmp_path) not in sentence
        assert sentence.isprintable()
        return sentence

    return refused


@pytest.fixture(scope="session")
def build() -> ModuleType:
    """The module that hatchling loads."""
    spec = importlib.util.spec_from_file_location("build_of_native", FOLDER / "build.py")
    assert spec is not None
    assert spec.loader is not None
    found = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(found)
    return found


@pytest.fixture(scope="session")
def every_compiled(build: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The libraries by their names, made from the sources as they are."""
    if COMPILER is None:
        pytest.skip("needs a C compiler")
    if platform.machine() not in build.MACHINES or sys.platform not in {"linux", "darwin"}:
        pytest.skip("the libraries are for x86-64 on Linux and macOS")
    return {one.name: one for one in build.compiled(tmp_path_factory.mktemp("native"))}


@pytest.fixture(params=LIBRARIES, ids=lambda name: name.partition(".")[0])
def compiled(every_compiled: dict[str, Path], request: pytest.FixtureRequest) -> Path:
    """A library that this processor can run."""
    name: str = request.param
    # A fault in the sources must not make the tests of it skip.
    assert name in every_compiled, f"{name} was not compiled; what the compiler said is on stderr"
    made = every_compiled[name]
    assert loading.sources_of(made) == source_digest()
    if loading.load(made) is None:
        kind = torch.backends.cpu.get_cpu_capability()
        assert name.startswith("avx512") or kind == "DEFAULT", f"{name} suits {kind}"
        pytest.skip(f"this processor has not all of what {name} needs")
    return made


@pytest.fixture
def use(compiled: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[bool], None]]:
    """Says whether the library is used from now on; it is at first."""
    loaded = loading.load(compiled)
    assert loaded is not None
    found = library.declared(loaded)

    def use(yes: bool) -> None:
        monkeypatch.setattr(library, "library", lambda: found if yes else None)

    use(True)
    yield use
    torch.set_num_threads(1)
