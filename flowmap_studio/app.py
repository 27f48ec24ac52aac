"""The composition root of the window: style, session, window, and the order of starting."""

from __future__ import annotations

import gc
import logging
import os
import signal
import sys
import threading
import traceback
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

import PySide6
from PySide6.QtCore import Qt, QTimer
from PySide6.QtWidgets import QApplication, QMainWindow

from flowmap_studio.core.errors import unforeseen
from flowmap_studio.resources import asset
from flowmap_studio.runtime.session import Session
from flowmap_studio.runtime.workers import Worker
from flowmap_studio.views import language, theme
from flowmap_studio.views.icons import application_icon
from flowmap_studio.views.settings import Settings, heads_file, recovery_folder
from flowmap_studio.views.window import StudioWindow

if TYPE_CHECKING:
    from pyqtgraph.util.garbage_collector import GarbageCollector

FIRST_PRESET = "moons.flowmap"
log = logging.getLogger(__name__)
_collector: GarbageCollector | None = None


def create_window(preset: Path | None = None) -> QMainWindow:
    """The wired window on the existing QApplication, not yet shown; no event loop is entered.

    Args:
        preset: What to show first; when None, what was on stage last. The shipped moons where
            that can't be opened.

    Raises:
        RuntimeError: There is no QApplication.
    """
    app = QApplication.instance()
    if not isinstance(app, QApplication):
        raise RuntimeError("create a QApplication before the window")
    first = _collect_garbage_here()
    palette = theme.system_palette(app)
    theme.apply(app, palette)
    window = StudioWindow(Session(recovery=recovery_folder(), heads=heads_file()), palette)
    window.setWindowIcon(application_icon())
    app.styleHints().colorSchemeChanged.connect(window.follow_system)
    app.aboutToQuit.connect(window.session.shutdown)  # also where nobody closes the window
    if first:  # what is here by now stays; and so does torch, which comes with the first frame
        gc.freeze()
        single = Qt.ConnectionType.SingleShotConnection
        window.session.frame_changed.connect(lambda _frame: gc.freeze(), single)
    _open_first(window, preset)
    if not window.message_bar.text():  # a refused file is told first; the run waits
        window.offer_recovery()
    return window


def _collect_garbage_here() -> bool:
    """Let Python look for cyclic garbage in this thread alone; returns whether it did not yet.

    It would look in whichever thread allocates, and Qt aborts the process when a closed window is
    taken apart in a thread that trains. What is imported should then be set aside (`gc.freeze`):
    some 230,000 objects. To look through 327,000 took 0.27 s, in which the window stood still.
    """
    global _collector
    if _collector is not None:
        return False
    from pyqtgraph.util.garbage_collector import GarbageCollector  # after the views: qt_names

    _collector = GarbageCollector()
    return True


def _open_first(window: StudioWindow, preset: Path | None) -> None:
    try:
        shipped = asset("presets", FIRST_PRESET)
    except FileNotFoundError:  # the stage then says what to do
        shipped = None
    refusal = ""
    if preset is not None and not window.open_preset(preset):
        refusal = window.message_bar.text()
    if preset is None and window.open_last():
        return
    if shipped is not None and (preset is None or refusal):
        window.open_preset(shipped)
    if refusal:
        window.message_bar.show_message("error", refusal)


def main(argv: list[str] | None = None) -> int:
    """Open the window and stay until it is closed.

    Args:
        argv: Arguments after the program's name: at most one preset.

    Returns:
        The exit status.
    """
    arguments = sys.argv[1:] if argv is None else argv
    problem = unfit_qt()
    if problem:
        print(f"flowmap-studio: {problem}", file=sys.stderr)  # noqa: T201 - before any window
        return 2
    app = QApplication.instance() or QApplication(["flowmap-studio", *arguments])
    app.setApplicationName("Flow Map Studio")
    app.setDesktopFileName("flowmap-studio")
    language.speak(app, language.chosen(Settings()))
    window = create_window(Path(arguments[0]) if arguments else None)
    _report_exceptions(window)
    _close_on_signals(app, window)
    window.show()
    status = app.exec()
    if Worker.running():  # a long step of training, or torch half imported: neither can be ended
        logging.shutdown()
        os._exit(status)
    return status


def unfit_qt() -> str | None:
    """One sentence when this PySide6 would abort the process, else None.

    6.12 on Python 3.11 loses a reference to True or None at every signal and aborts after some
    hundred of them.
    """
    version = tuple(int(part) for part in PySide6.__version__.split(".")[:2])
    if version >= (6, 12) and sys.version_info[:2] == (3, 11):
        return (
            f"PySide6 {PySide6.__version__} crashes on Python 3.11; install "
            '"PySide6-Essentials<6.12".'
        )
    return None


def _report_exceptions(window: StudioWindow) -> None:
    """Bring what nobody caught to the user as one sentence; the application goes on."""

    def report(
        kind: type[BaseException], error: BaseException, trace: TracebackType | None
    ) -> None:
        details = "".join(traceback.format_exception(kind, error, trace))
        log.error(details)
        # May be called from any thread: a queued signal carries it to the window's.
        window.session.failed.emit(unforeseen("Something went wrong", error), details)

    sys.excepthook = report
    threading.excepthook = lambda args: report(
        args.exc_type, args.exc_value or args.exc_type(), args.exc_traceback
    )


def _close_on_signals(app: QApplication, window: QMainWindow) -> None:
    """Ctrl-C and SIGTERM close the window in good order; the next start has the run."""
    wanted = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: wanted.set())

    # While Qt idles Python sees no signals: a timer gives it its turn. Closing from here and not
    # from the handler also works for a signal that comes before the event loop.
    def look() -> None:
        if wanted.is_set():
            wanted.clear()
            window.session.preserve()
            window.close()

    timer = QTimer(app)
    timer.timeout.connect(look)
    timer.start(50)


if __name__ == "__main__":
    sys.exit(main())
