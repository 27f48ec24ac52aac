"""Between what sets the next run (form, tool bar, remedies, drops) and the session."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject
from PySide6.QtGui import QUndoStack

from flowmap_studio.core.advice import Advice
from flowmap_studio.core.config import RunConfig
from flowmap_studio.core.errors import StudioError
from flowmap_studio.runtime.session import State
from flowmap_studio.views.file_dialogs import ask_image_folder, ask_target
from flowmap_studio.views.offers import offer_text
from flowmap_studio.views.texts import tr
from flowmap_studio.views.undo import ConfigChange

if TYPE_CHECKING:
    from flowmap_studio.views.window import StudioWindow


class SettingsDesk(QObject):
    """Makes each change of settings one that can be undone.

    Args:
        window: Its form, tool bar, session and message bar are used; it is the owner.
        undo: Where the changes go.
    """

    def __init__(self, window: StudioWindow, undo: QUndoStack) -> None:
        super().__init__(window)
        self._window = window
        self._session = session = window.session
        self._undo = undo
        self._newest: ConfigChange | None = None
        self._advice: Advice | None = None
        bar = window.tool_bar
        bar.setting_chosen.connect(self.choose)
        bar.file_wanted.connect(lambda: self._learn(ask_target(window)))
        bar.folder_wanted.connect(lambda: self._learn(ask_image_folder(window)))
        window.form.config_edited.connect(self.edit)
        window.message_bar.remedy_chosen.connect(self._on_remedy)
        session.advised.connect(self._show_advice)
        session.target_refused.connect(self._on_target_refused)

    def edit(self, config: RunConfig) -> None:
        """Make a config the present one in a way that can be undone."""
        if config != self._session.config:
            self._newest = ConfigChange(self._session.config, config, self._session.set_config)
            self._undo.push(self._newest)

    def set_target(self, target: str) -> None:
        """Choose a name, a point file or a picture to learn; not while a run goes on."""
        if self._session.state in (State.IDLE, State.FAILED):
            self.choose("target", target)
        else:
            self._say_error(tr("Stop the run to choose another target."))

    def choose(self, field: str, value: str) -> None:
        """Set one field, and what it can't do without."""
        changes = {field: value}
        if field == "method" and value != "article":
            changes["parametrisation"] = "residual"  # the only form of two-time maps
        if changes.get("method") == "schrodinger-bridge":
            changes["coupling"] = "sinkhorn"  # with others it is a mixture of bridges only
        try:
            self.edit(self._session.config.replace(**changes))
        except StudioError as error:
            self._say_error(str(error))
        self._window.tool_bar.show_config(self._session.config)

    def train(self) -> None:
        """Start, pause or resume, with what is typed but not finished."""
        active = self._session.state in (State.RUNNING, State.PAUSED)
        if active or self._window.form.commit():
            self._session.toggle()
        else:
            self._say_error(tr("Correct the marked setting before training."))

    # --- inside -------------------------------------------------------------------------------

    def _learn(self, path: Path | None) -> None:
        """Choose the user's own data; the list shows what is chosen now, whatever was asked."""
        if path is not None:
            self.set_target(str(path))
        self._window.tool_bar.show_config(self._session.config)

    def _show_advice(self, advice: Advice) -> None:
        self._advice = advice
        remedy = offer_text(advice.change)
        self._window.message_bar.show_message("warning", advice.sentence, remedy=remedy)

    def _on_remedy(self) -> None:
        if self._advice is None:
            return
        session = self._session
        cured = session.config.replace(**self._advice.change)
        if session.state in (State.IDLE, State.FAILED):
            self.edit(cured)
            session.start()
        else:
            session.restart_with(cured)

    def _on_target_refused(self, config: RunConfig) -> None:
        newest, self._newest = self._newest, None
        if newest is not None and newest.new == config == self._session.config:
            newest.setObsolete(True)  # and so it can't be redone
            self._undo.undo()
        self._window.tool_bar.forget_target(config.target)

    def _say_error(self, sentence: str) -> None:
        self._window.message_bar.show_message("error", sentence)
