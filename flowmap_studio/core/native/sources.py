"""What the libraries are made from. Imports nothing of the studio: its build runs it too."""

from __future__ import annotations

import hashlib
from pathlib import Path

FOLDER = Path(__file__).parent
LIBRARIES = {
    "avx512.compiled": tuple(f"-mavx512{part}" for part in ("f", "bw", "dq", "vl", "vnni")),
    "avx2.compiled": (),
}
"""The same sources made for several kinds of vectors, the longest first: each one's file and the
flags that it has beside those of all. There is no Python in them: any Python can load them, and
none may take them for modules."""


def source_digest() -> str:
    """What a library is known by: it is not used beside other sources or flags than its own."""
    digest = hashlib.sha256()
    for path in (*sorted(FOLDER.glob("*.[ch]")), FOLDER / "build.py", FOLDER / "sources.py"):
        digest.update(path.read_bytes())
    return digest.hexdigest()
