"""Presets taken apart and put together again with changes and a checksum that fits."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import numpy as np

from flowmap_studio.core.config import RunConfig
from flowmap_studio.core.network_shapes import weight_shapes
from flowmap_studio.core.normalisation import Normalisation
from flowmap_studio.core.presets import Preset
from flowmap_studio.core.presets.checksum import digest
from flowmap_studio.core.presets.codec import encode
from flowmap_studio.core.snapshot import Snapshot

SMALL: dict[str, Any] = {
    "hidden_dim": 4,
    "time_embed_dim": 4,
    "depth": 1,
    "batch_size": 16,
    "ot_batch": 16,
    "steps": 20,
    "warmup_steps": 2,
    "device": "cpu",
}
PNG = (
    b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\1\0\0\0\1\x08\0\0\0\0:~\x9bU"
    b"\0\0\0\nIDATx\x9cc`\0\0\0\2\0\1H\xaf\xa4q\0\0\0\0IEND\xaeB`\x82"
)


@dataclass
class Parts:
    """A preset file in parts, sound or not.

    Attributes:
        words: The studio's own metadata.
        entries: The container's header: dtype, shape and offsets by tensor name.
        data: The bytes of the tensors.
    """

    words: dict[str, Any]
    entries: dict[str, dict[str, Any]]
    data: bytes

    def joined(self, *, signed: bool) -> bytes:
        """The file's bytes.

        Args:
            signed: Whether to make the checksum fit, where that is possible.
        """
        if signed:
            self._sign()
        inner = json.dumps(self.words, sort_keys=True, separators=(",", ":"))
        head = {"__metadata__": {"flowmap": inner}} | self.entries
        text = json.dumps(head, separators=(",", ":")).encode()
        return len(text).to_bytes(8, "little") + text + self.data

    def _sign(self) -> None:
        kinds = {"F32": np.dtype("<f4"), "U8": np.dtype(np.uint8)}
        tensors = {}
        try:
            for name, entry in self.entries.items():
                start, stop = entry["data_offsets"]
                flat = np.frombuffer(self.data[start:stop], kinds[entry["dtype"]])
                tensors[name] = flat.reshape(entry["shape"])
            self.words["sha256"] = digest(self.words, tensors)
        except (ArithmeticError, KeyError, LookupError, TypeError, ValueError):
            return  # too broken to be signed: the reader has to see that first


def parted(content: bytes) -> Parts | None:
    """The parts of a file that still has them."""
    try:
        length = int.from_bytes(content[:8], "little")
        head = json.loads(content[8 : 8 + length])
        words = json.loads(head.pop("__metadata__")["flowmap"])
    except (AttributeError, LookupError, RecursionError, TypeError, ValueError):
        return None
    sound = isinstance(words, dict) and all(isinstance(one, dict) for one in head.values())
    return Parts(words, head, content[8 + length :]) if sound else None


def plain_preset(**changes: Any) -> Preset:
    """A small preset of random weights with every part but a run."""
    config = RunConfig(**SMALL | changes)
    draw = np.random.default_rng(5)
    classes = ("0", "1") if config.labels == "on" else ()
    shapes = weight_shapes(config, 2, len(classes))
    data = draw.normal(size=(40, 2)).astype(np.float32)
    snapshot = Snapshot(
        config=config,
        step=12,
        weights={n: draw.normal(size=s).astype(np.float32) for n, s in shapes.items()},
        normalisation=Normalisation((0.1, -2.0), (1.5, 1.5)),
        data=data,
        metrics={"sliced_w2_1": 0.3},
        classes=classes,
        labels=np.zeros(40, np.float32) if classes else None,
        source=data.copy() if config.source != "normal" else None,
    )
    return Preset(snapshot=snapshot, title="Moons", notes="A\nB", tags=("a", "b"), thumbnail=PNG)


def unfinished_preset(**changes: Any) -> Preset:
    """A small run that was cut off; imports torch."""
    from flowmap_studio.core.run import Run
    from flowmap_studio.core.targets import open_for

    config = RunConfig(**SMALL | changes)
    run = Run(config, *open_for(config))
    steps = run.run()
    for progress in steps:
        if progress.fraction >= 0.5:
            break
    steps.close()
    made = run.checkpoint()
    return Preset(snapshot=made.snapshot, title="Run", training=made.state)


def seeds() -> list[bytes]:
    """The sound files that fuzzing begins with, one of each kind."""
    presets = [
        plain_preset(),
        plain_preset(labels="on"),
        plain_preset(source="rings", method="article"),
        unfinished_preset(),
        unfinished_preset(method="trajectory"),
    ]
    return [encode(preset) for preset in presets]
