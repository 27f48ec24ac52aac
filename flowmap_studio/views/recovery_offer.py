"""Offers the run that a crash cut off, once the window is there, or that lost its device."""

from __future__ import annotations

from PySide6.QtCore import QObject, Slot

from flowmap_studio.core.errors import StudioError
from flowmap_studio.runtime.recovery import LeftOver
from flowmap_studio.runtime.session import Session, State
from flowmap_studio.views.message_bar import MessageBar
from flowmap_studio.views.texts import told, tr


class RecoveryOffer(QObject):
    """Asks in the message bar; without an answer the run is offered again at the next start.

    Args:
        session: Recovers.
        bar: Where to ask.
        parent: Its owner.
    """

    def __init__(self, session: Session, bar: MessageBar, parent: QObject) -> None:
        super().__init__(parent)
        self._session = session
        self._bar = bar
        self._left: LeftOver | None = None
        self._lost = ""  # what was told of a device
        bar.answered.connect(self._on_answer)
        session.device_lost.connect(self._on_device_lost)
        session.state_changed.connect(self._on_state_changed)

    def look(self) -> None:
        """Ask if there is such a run."""
        self._left = self._session.recovery.left_over()
        if self._left is not None:
            self._ask(tr("A run was cut off"))

    def withdraw(self) -> None:
        """Leave an unanswered offer to the next start."""
        left, self._left = self._left, None
        if left is not None:
            left.release()

    def _ask(self, beginning: str) -> None:
        if self._left is not None:
            self._bar.ask(
                f"{beginning}: {told(self._left.description)}.", tr("Recover"), tr("Discard")
            )

    def _on_answer(self, yes: bool) -> None:
        left = self._left
        if left is None:
            return
        if not yes:
            self._left = None
            left.discard()
        elif self._session.state not in (State.IDLE, State.FAILED):
            self._ask(tr("Stop the present run before you recover the one that was cut off"))
        else:
            self._recover(left)

    def _recover(self, left: LeftOver) -> None:
        try:
            self._session.recover(left)
        except StudioError as error:
            self._bar.show_message("error", str(error))
            return
        self._left = None
        self._bar.show_message(
            "info",
            tr("Recovered: {run}. Resume goes on with it.", run=told(left.description)),
        )

    @Slot(str, str)
    def _on_device_lost(self, sentence: str, details: str) -> None:
        self._bar.offer(sentence, tr("Go on on the CPU"), self._go_on, "error", details)
        self._lost = self._bar.text()

    @Slot(object)
    def _on_state_changed(self, state: State) -> None:
        """Another run takes the place of the lost one."""
        if state is State.RUNNING and self._lost and self._bar.text() == self._lost:
            self._bar.hide()

    def _go_on(self) -> None:
        try:
            self._session.go_on_on_cpu()
        except StudioError as error:
            self._bar.show_message("error", str(error))
