"""A small classifier of a set of images, by whose eyes samples are judged."""

from __future__ import annotations

import contextlib
import hashlib
import math
from collections.abc import Iterator
from pathlib import Path

import platformdirs
import safetensors
import safetensors.torch
import torch
from torch import nn
from torch.nn import functional as F

from flowmap_studio.core.files import replace_atomically
from flowmap_studio.core.images import ImageShape
from flowmap_studio.core.randomness import Stream, generator
from flowmap_studio.core.targets import ImageTarget

APP = "flowmap-studio"
VERSION = 1
"""To be raised with every change of network or training: older files are not used then."""
FEATURES = 32
STEPS, BATCH = 600, 128
RATE, DECAY, SMOOTHING = 2e-3, 0.05, 0.1
LARGEST_NOISE = 0.15
"""Of the noise that images are trained with, in [0, 1] of their values: each gets its own share."""
ROWS = 4096


class Classifier(nn.Module):
    """Two convolutions, `FEATURES` features, one linear layer.

    Args:
        shape: Of the images.
        classes: Number of classes.
    """

    spread: torch.Tensor

    def __init__(self, shape: ImageShape, classes: int) -> None:
        super().__init__()
        self._shape = shape
        coarse = math.ceil(shape.height / 2) * math.ceil(shape.width / 2)
        self.first = nn.Conv2d(shape.channels, 16, 3, padding=1)
        self.second = nn.Conv2d(16, 32, 3, padding=1, stride=2)
        self.third = nn.Linear(32 * coarse, FEATURES)
        self.last = nn.Linear(FEATURES, classes)
        self.register_buffer("spread", torch.ones(()))

    def forward(self, points: torch.Tensor) -> torch.Tensor:
        """(batch, classes) logits of images (batch, dim) in data units."""
        out: torch.Tensor = self.last(F.silu(self._inner(points)))
        return out

    def _inner(self, points: torch.Tensor) -> torch.Tensor:
        height, width, channels, _ = self._shape
        pixels = points.reshape(len(points), height, width, channels).permute(0, 3, 1, 2)
        hidden = F.silu(self.second(F.silu(self.first(2 * pixels - 1))))
        out: torch.Tensor = self.third(hidden.flatten(1))
        return out

    @torch.inference_mode()
    def features(self, points: torch.Tensor) -> torch.Tensor:
        """(n, 32) features of images (n, dim), of mean variance 1 over the training images."""
        return torch.cat([self._inner(part) / self.spread for part in torch.split(points, ROWS)])

    @torch.inference_mode()
    def guesses(self, points: torch.Tensor) -> torch.Tensor:
        """(n,) the class of each image (n, dim)."""
        return torch.cat([self(part).argmax(dim=1) for part in torch.split(points, ROWS)])


def classifier_of(target: ImageTarget, folder: Path | None = None) -> Classifier:
    """The classifier of a target's training images: trained at first use, then kept in a file.

    Training is deterministic, so that figures are the same whoever trained it.

    Args:
        target: Images with classes.
        folder: Where it is kept; the user's cache folder when None.
    """
    kept = folder or platformdirs.user_cache_path(APP, appauthor=False) / "classifiers"
    path = kept / f"{_fingerprint(target)}.safetensors"
    made = Classifier(target.shape, len(target.classes))
    if not _loaded(made, path):
        with _one_thread():
            _train(made, target)
        _keep(made, path)
    return made.eval().requires_grad_(requires_grad=False)


def _fingerprint(target: ImageTarget) -> str:
    """What the training depends on."""
    points, labels = target.learned(generator(0, Stream.SPLIT), target.learned_count)
    state = hashlib.sha256(f"{VERSION} {target.shape} {target.classes}".encode())
    state.update(points.numpy().tobytes())
    state.update(labels.numpy().tobytes())
    return state.hexdigest()


def _loaded(made: Classifier, path: Path) -> bool:
    """Whether a sound file was there, whose weights the classifier has now."""
    try:
        made.load_state_dict(safetensors.torch.load(path.read_bytes()))
    except (OSError, RuntimeError, safetensors.SafetensorError):
        return False
    return all(bool(torch.isfinite(part).all()) for part in made.state_dict().values())


def _keep(made: Classifier, path: Path) -> None:
    # A full or read-only disk costs the next use some seconds, nothing else.
    with contextlib.suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        replace_atomically(path, safetensors.torch.save(made.state_dict()))


@contextlib.contextmanager
def _one_thread() -> Iterator[None]:
    """Sums of several threads depend, in the last bit, on their number."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _train(made: Classifier, target: ImageTarget) -> None:
    draw = generator(0, Stream.JUDGES)
    with torch.no_grad():
        for module in made.children():
            assert isinstance(module, (nn.Conv2d, nn.Linear))  # noqa: S101 - what it is made of
            module.weight.normal_(generator=draw).mul_(module.weight[0].numel() ** -0.5)
            assert module.bias is not None  # noqa: S101 - it has one
            module.bias.zero_()
        made.spread.fill_(1)
    optimiser = torch.optim.AdamW(made.parameters(), RATE, weight_decay=DECAY)
    for step in range(STEPS):
        for group in optimiser.param_groups:
            group["lr"] = RATE * 0.5 * (1 + math.cos(math.pi * step / STEPS))
        points, labels = target.sample_labelled(BATCH, draw)
        share = torch.rand(BATCH, 1, generator=draw)
        points = points + LARGEST_NOISE * share * torch.randn(points.shape, generator=draw)
        loss = F.cross_entropy(made(points), labels, label_smoothing=SMOOTHING)
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
    points, _ = target.learned(draw, 10_000)
    made.spread.copy_(made.features(points).var(dim=0).mean().sqrt())
