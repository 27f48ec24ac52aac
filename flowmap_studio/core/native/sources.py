"""What the library is made from. Imports nothing of the studio: the package's build runs it too."""

from __future__ import annotations

import hashlib
from pathlib import Path

FOLDER = Path(__file__).parent
LIBRARY = "native.compiled"
"""There is no Python in it: any Python can load it, and none may take it for a module."""


def source_digest() -> str:
    """What a library is known by: it is not used beside other sources or flags than its own."""
    digest = hashlib.sha256()
    for path in (*sorted(FOLDER.glob("*.[ch]")), FOLDER / "build.py"):
        digest.update(path.read_bytes())
    return digest.hexdigest()
