"""What a preset holds."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from pathlib import Path

import flowmap_studio
from flowmap_studio.core.config import RunConfig
from flowmap_studio.core.presets.view import StageView
from flowmap_studio.core.snapshot import Snapshot
from flowmap_studio.core.training_state import Checkpoint, TrainingState

FORMAT_VERSION = 5
"""The newest version that this program writes and reads.

2 brought classes, labels and sources; 3 unfinished runs; 4 how the stage looked; 5 images.
"""
PLAIN_VERSION, RUN_VERSION, VIEW_VERSION = 2, 3, 4
"""What files are written as that have no need of a newer one: older programs read them too."""
TEXT_LIMIT = 4096
"""Characters of a title, a note or a tag."""
TAG_LIMIT = 64
"""Tags of one preset."""


@dataclass(frozen=True, kw_only=True)
class Preset:
    """A trained map with its description.

    Attributes:
        snapshot: The map.
        title: One line.
        notes: Free text.
        tags: Short words.
        thumbnail: PNG bytes of at most 512 × 512 pixels, or None.
        created_by: Program and version that wrote it.
        training: How to go on with the run that the map is from; None for finished ones.
        view: How the stage looked; None where it was saved without a stage.
    """

    snapshot: Snapshot
    title: str
    notes: str = ""
    tags: tuple[str, ...] = ()
    thumbnail: bytes | None = None
    created_by: str = f"Flow Map Studio {flowmap_studio.__version__}"
    training: TrainingState | None = None
    view: StageView | None = None

    def __post_init__(self) -> None:
        for name in ("title", "notes", "created_by"):
            object.__setattr__(self, name, clean_text(getattr(self, name)))
        object.__setattr__(self, "tags", tuple(clean_text(tag) for tag in self.tags[:TAG_LIMIT]))

    @property
    def checkpoint(self) -> Checkpoint | None:
        """The unfinished run, if it is one."""
        return None if self.training is None else Checkpoint(self.snapshot, self.training)


def clean_text(text: str) -> str:
    """Plain text: no control or direction-changing characters but line ends, at most 4,096 long."""
    kept = (c for c in text if c == "\n" or unicodedata.category(c) not in ("Cc", "Cf", "Cs"))
    return "".join(kept)[:TEXT_LIMIT]


def describe(config: RunConfig, step: int) -> str:
    """One short line on a map: target, method, coupling, steps."""
    return f"{Path(config.target).name} · {config.method} · {config.coupling} · {step:,} steps"


def without_folders(config: RunConfig) -> RunConfig:
    """The config without the folders of the user's own file: presets are shared."""
    return config.replace(target=_file_name(config.target), source=_file_name(config.source))


def _file_name(name: str) -> str:
    return Path(name.replace("\\", "/")).name or name
