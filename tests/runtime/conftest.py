"""Small runs, snapshots of them, and sessions that are shut down whatever happens."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from flowmap_studio.core.config import RunConfig
from flowmap_studio.core.packing import pack
from flowmap_studio.core.presets import write_preset
from flowmap_studio.core.snapshot import Snapshot
from flowmap_studio.core.targets import open_target
from flowmap_studio.core.trainer import Trainer
from flowmap_studio.runtime import evaluation
from flowmap_studio.runtime.session import Session
from flowmap_studio.runtime.workers import join

SMALL: dict[str, Any] = {
    "hidden_dim": 8,
    "time_embed_dim": 4,
    "depth": 1,
    "batch_size": 32,
    "ot_batch": 32,
    "steps": 60,
    "warmup_steps": 5,
    "device": "cpu",
}
ENDLESS = 100_000_000


@pytest.fixture(autouse=True)
def _cold_evaluators(monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything is imported here already; nothing wakes up on its own."""
    monkeypatch.setattr(evaluation, "WARM_UP", ())


@pytest.fixture
def small_config() -> RunConfig:
    """A run that takes a fraction of a second."""
    return RunConfig(**SMALL)


@pytest.fixture
def endless(small_config: RunConfig) -> RunConfig:
    """A run that goes on until it is stopped."""
    return small_config.replace(steps=ENDLESS)


def trained(config: RunConfig) -> Snapshot:
    """What the core alone makes of a config."""
    trainer = Trainer(config, open_target(config.target))
    for _ in trainer.run():
        pass
    return trainer.snapshot()


@pytest.fixture
def train() -> Callable[[RunConfig], Snapshot]:
    return trained


@pytest.fixture(scope="session")
def snapshot() -> Snapshot:
    """A map of the spiral after a few steps."""
    return trained(RunConfig(**SMALL | {"target": "spiral"}))


@pytest.fixture
def preset_path(snapshot: Snapshot, tmp_path: Path) -> Path:
    """A preset of that map."""
    path = tmp_path / "spiral.flowmap"
    write_preset(path, pack(snapshot, "Spiral", {"sliced_w2_1": 0.5, "sliced_w2_floor": 0.03}))
    return path


@pytest.fixture
def csv(tmp_path: Path) -> Path:
    """The user's own points: 500 of them on a slanted line with some width."""
    draw = np.random.default_rng(3)
    along, across = draw.normal(size=500), 0.2 * draw.normal(size=500)
    path = tmp_path / "mine.csv"
    np.savetxt(path, np.stack([50 + 9 * along, along + across], axis=1), delimiter=",")
    return path


@pytest.fixture
def session(qapp: object) -> Iterator[Session]:
    """A session that answers."""
    made = Session()
    made.begin()
    yield made
    made.shutdown()
    assert join([*made._control.workers(), *made.probes.workers(), made._evaluator], 10)


@pytest.fixture
def same() -> Callable[[Snapshot, Snapshot], bool]:
    """Whether two maps have the very same weights."""

    def same(one: Snapshot, other: Snapshot) -> bool:
        assert set(one.weights) == set(other.weights)
        return all(
            one.weights[name].tobytes() == other.weights[name].tobytes() for name in one.weights
        )

    return same
