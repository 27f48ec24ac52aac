"""Maps of images: trained, saved, opened again to the last bit; forgeries are refused."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.numpy
import torch
from safetensors import safe_open

from flowmap_studio.core.config import RunConfig
from flowmap_studio.core.errors import ConfigError, PresetError
from flowmap_studio.core.images import ImageShape
from flowmap_studio.core.loaded_map import LoadedMap
from flowmap_studio.core.packing import pack
from flowmap_studio.core.presets import Preset, read_preset, write_preset
from flowmap_studio.core.presets.checksum import digest
from flowmap_studio.core.presets.codec import decode, encode
from flowmap_studio.core.run import Run
from flowmap_studio.core.targets import ImageTarget, digits, open_again, open_for

TINY = {
    "target": "digits",
    "coupling": "independent",
    "hidden_dim": 32,
    "depth": 1,
    "time_embed_dim": 4,
    "batch_size": 16,
    "steps": 12,
    "warmup_steps": 2,
    "device": "cpu",
}


def trained(**changes: Any) -> Run:
    config = RunConfig(**{**TINY, **changes})
    run = Run(config, *open_for(config))
    for _ in run.run():
        pass
    return run


def packed(**changes: Any) -> Preset:
    return pack(trained(**changes).snapshot(), "tiny", {})


@pytest.mark.parametrize("network", ["auto", "mlp", "unet"])
@pytest.mark.parametrize("labels", ["off", "on"])
def test_a_map_of_images_opens_again_to_the_last_bit(
    network: str, labels: str, tmp_path: Path
) -> None:
    preset = packed(network=network, labels=labels)
    write_preset(tmp_path / "d.flowmap", preset)
    found = read_preset(tmp_path / "d.flowmap")
    assert found.snapshot.image == ImageShape(8, 8, 1, 17)
    assert found.snapshot.classes == (tuple("0123456789") if labels == "on" else ())
    one, other = LoadedMap(preset.snapshot), LoadedMap(found.snapshot)
    assert np.array_equal(one.sample(9, 2, 3), other.sample(9, 2, 3))
    assert found.thumbnail == preset.thumbnail is not None
    assert encode(found) == encode(preset)


@pytest.mark.parametrize("method", ["flow-matching", "lagrangian", "eulerian", "trajectory"])
@pytest.mark.parametrize("network", ["resmlp", "unet"])
def test_every_kind_of_method_trains_maps_of_images(method: str, network: str) -> None:
    run = trained(method=method, network=network, steps=4)
    assert run.step == 4
    before = trained(method=method, network=network, steps=4).snapshot()
    assert all(
        np.array_equal(part, before.weights[n]) for n, part in run.snapshot().weights.items()
    )


def test_one_scale_for_all_pixels_and_the_mean_of_each() -> None:
    """The dark edge of the digits hardly varies: scaled by itself it would be mostly noise."""
    snapshot = trained(steps=1).snapshot()
    assert len(set(snapshot.normalisation.scale)) == 1
    points, _ = digits().learned(torch.Generator().manual_seed(1), 2000)
    normalised = snapshot.normalisation.apply(points.numpy())
    assert np.abs(normalised.mean(axis=0)).max() < 0.05
    assert normalised.var(axis=0).mean() == pytest.approx(1, rel=0.02)
    assert len(snapshot.data) == digits().learned_count


def test_an_unfinished_run_goes_on_exactly() -> None:
    whole = trained(labels="on").snapshot()
    config = RunConfig(**TINY, labels="on")
    run = Run(config, *open_for(config))
    events = run.run()
    while next(events).step < 5:
        pass
    events.close()
    content = encode(dataclasses.replace(packed(), training=run.checkpoint().state, **_of(run)))
    checkpoint = decode(content).checkpoint
    assert checkpoint is not None
    resumed = Run(config, *open_again(checkpoint), resumed=checkpoint)
    for _ in resumed.run():
        pass
    assert resumed.step == 12
    again = resumed.snapshot()
    assert all(np.array_equal(part, again.weights[name]) for name, part in whole.weights.items())


def _of(run: Run) -> dict[str, Any]:
    return {"snapshot": run.snapshot(), "title": "half"}


def test_a_maps_own_sample_stands_in_for_a_file_that_is_gone(tmp_path: Path) -> None:
    values = np.random.default_rng(1).integers(0, 256, (40, 4, 4)).astype(np.uint8)
    np.savez(tmp_path / "own.npz", images=values, labels=np.arange(40) % 2)
    changes = {"target": str(tmp_path / "own.npz"), "labels": "on"}
    snapshot = trained(**changes).snapshot()
    (tmp_path / "own.npz").unlink()
    target, _ = open_for(snapshot.config, snapshot)
    assert isinstance(target, ImageTarget)
    assert (target.shape, target.classes) == (ImageShape(4, 4, 1, 0), ("0", "1"))
    assert target.learned_count == 32
    run = Run(snapshot.config, target)
    assert run.snapshot().image == ImageShape(4, 4, 1, 0)


def test_networks_that_do_not_go_with_the_data_are_refused() -> None:
    for changes in ({"target": "moons", "network": "unet"}, {"density_head": "on"}):
        config = RunConfig(**{**TINY, **changes})
        with pytest.raises(ConfigError):
            Run(config, *open_for(config))


# --- forgeries ------------------------------------------------------------------------------------


def forged(content: bytes, tmp_path: Path, **changes: Any) -> bytes:
    """The file with other fields of its header, its checksum right again."""
    path = tmp_path / "f.flowmap"
    path.write_bytes(content)
    with safe_open(str(path), "np") as file:
        metadata = json.loads(file.metadata()["flowmap"])
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - no dict
    image = changes.pop("image", {})
    metadata["config"] |= changes.pop("config", {})
    metadata["image"] = image if not isinstance(image, dict) else metadata["image"] | image
    metadata |= changes
    metadata["sha256"] = digest(metadata, tensors)
    return safetensors.numpy.save(tensors, metadata={"flowmap": json.dumps(metadata)})


FORGERIES: dict[str, tuple[dict[str, Any], str]] = {
    "other sides": ({"image": {"height": 4}}, "do not fit its data"),
    "same dim": ({"image": {"height": 1, "width": 64}}, ""),
    "huge": ({"image": {"height": 10**9, "width": 10**9}}, "do not fit its data"),
    "channels": ({"image": {"channels": 2, "width": 4}}, "do not fit its data"),
    "negative": ({"image": {"height": -8, "width": -8}}, "do not fit its data"),
    "text": ({"image": {"height": "8"}}, "wrong kind"),
    "truth": ({"image": {"channels": True}}, "wrong kind"),
    "levels": ({"image": {"levels": 1}}, "do not fit its data"),
    "share": ({"image": {"held_out": 2}}, "do not fit its data"),
    "unknown": ({"image": {"depth": 1}}, "unknown fields"),
    "list": ({"image": [8, 8, 1, 17]}, "unknown fields"),
    "network": ({"config": {"network": "mlp"}}, "weights do not fit"),
    "width": ({"config": {"hidden_dim": 4096, "depth": 16}}, "weights do not fit"),
    "head": ({"config": {"density_head": "on"}}, "network does not fit"),
    "points": ({"image": None, "config": {"network": "unet"}}, "network does not fit"),
}


@pytest.fixture(scope="module")
def content() -> bytes:
    return encode(packed())


@pytest.mark.parametrize("name", FORGERIES)
def test_forged_images_are_refused(name: str, content: bytes, tmp_path: Path) -> None:
    changes, words = FORGERIES[name]
    made = forged(content, tmp_path, **changes)
    if not words:  # another shape of as many pixels is odd but sound: the network does not see it
        assert decode(made).snapshot.image == ImageShape(1, 64, 1, 17)
        return
    with pytest.raises(PresetError, match=words):
        decode(made)
