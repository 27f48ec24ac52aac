"""Open a shipped preset in the installed program's window, see its first frame, and close.

Usage: python -I open_installed.py CHECKOUT
"""

import sys
from pathlib import Path

from PySide6.QtCore import QEventLoop, QTimer
from PySide6.QtWidgets import QApplication

import flowmap_studio
from flowmap_studio.app import FIRST_PRESET, create_window
from flowmap_studio.core.native import loading, sources
from flowmap_studio.resources import asset

DEADLINE_MS = 120_000

checkout = Path(sys.argv[1]).resolve()
environment = Path(sys.prefix).resolve()
preset = asset("presets", FIRST_PRESET)
for found in (Path(flowmap_studio.__file__).resolve(), preset.resolve()):
    if checkout in found.parents or environment not in found.parents:
        sys.exit(f"{found} is not the installed wheel's")

for name in sources.LIBRARIES:
    if (checkout / "flowmap_studio/core/native" / name).exists():
        compiled = sources.FOLDER / name
        if loading.sources_of(compiled) != sources.source_digest():
            sys.exit(f"{compiled} is missing, or was made from other sources than the wheel's")

app = QApplication([])
window = create_window(preset)
loop = QEventLoop()
window.session.frame_changed.connect(lambda _: loop.quit())
QTimer.singleShot(DEADLINE_MS, loop.quit)
window.show()
loop.exec()
shown = window.stage.displayed("one_step")
window.close()
if window.session.frame is None or not len(shown):
    sys.exit("no frame came to the stage")
print(f"{preset.name}: {len(shown):,} points on the stage of {flowmap_studio.__file__}")  # noqa: T201
