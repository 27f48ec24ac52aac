"""The settings form, made entirely from the config's own description of its fields."""

from __future__ import annotations

from collections.abc import Collection

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtWidgets import (
    QGridLayout,
    QLabel,
    QPushButton,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from flowmap_studio.core.config import RunConfig, settings, types
from flowmap_studio.core.errors import ConfigError
from flowmap_studio.views.disclosure import Disclosure
from flowmap_studio.views.field_row import FieldRow, error_label
from flowmap_studio.views.texts import told, tr
from flowmap_studio.views.theme import LIGHT, Palette

LABEL_WIDTH = 108


class ConfigForm(QWidget):
    """Groups of labelled editors; sends a config whenever the fields make a new valid one.

    Args:
        palette: Colours.
        exclude: Fields that are edited elsewhere; `set_config` alone changes them.
    """

    configEdited = config_edited = Signal(object)  # noqa: N815 - Qt's habit; a RunConfig
    configRejected = config_rejected = Signal(str)  # noqa: N815

    def __init__(
        self, palette: Palette = LIGHT, exclude: Collection[str] = (), parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.setObjectName("settingsForm")
        self.setAccessibleName(tr("Settings"))
        self._config = RunConfig()
        self._rows: dict[str, FieldRow] = {}
        self._disclosures: dict[str, list[Disclosure]] = {}
        self._shown_error: QLabel | None = None
        self._editable = True
        self._build(exclude)
        self.apply_palette(palette)
        self.set_config(self._config)

    # --- building -----------------------------------------------------------------------------

    def _build(self, exclude: Collection[str]) -> None:
        self._scroll = QScrollArea(self)
        # From the outside in: what gets another parent computes the style of all its children anew.
        content = QWidget(self._scroll.viewport())
        body = QVBoxLayout(content)
        body.setContentsMargins(12, 6, 8, 10)
        body.setSpacing(2)
        groups: dict[str, list[str]] = {}
        for name, setting in settings().items():
            if name not in exclude:
                groups.setdefault(setting.group, []).append(name)
        for group, names in groups.items():
            self._add_group(body, group, names)
        self._general_error = error_label("error_general")
        body.addWidget(self._general_error)
        body.addSpacing(6)
        self._reset_all = QPushButton(tr("Reset all"))
        self._reset_all.setObjectName("resetAllButton")
        self._reset_all.setToolTip(tr("Set every setting of this form back to its default"))
        self._reset_all.clicked.connect(self._on_reset_all)
        body.addWidget(self._reset_all)
        body.addStretch(1)
        self._scroll.setObjectName("settingsScroll")
        self._scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)  # it follows the focus within it
        self._scroll.setWidgetResizable(True)
        self._scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        # Always there, so that the editors keep their width when a group is opened.
        self._scroll.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOn)
        self._scroll.setWidget(content)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.addWidget(self._scroll)

    def _add_group(self, body: QVBoxLayout, group: str, names: list[str]) -> None:
        described = settings()
        content = QWidget(body.parentWidget())
        box = QVBoxLayout(content)
        box.setContentsMargins(0, 0, 0, 8)
        box.setSpacing(2)
        heading = Disclosure(tr(group), content, opened=True)
        heading.setObjectName(f"group_{group}")
        plain = [name for name in names if not described[name].advanced]
        advanced = [name for name in names if described[name].advanced]
        if plain:
            box.addWidget(self._fields(plain, [heading], content))
        if advanced:
            hidden = QWidget(content)
            more = Disclosure(tr("More"), hidden, opened=False, quiet=True)
            more.setObjectName(f"more_{group}")
            holder = QVBoxLayout(hidden)
            holder.setContentsMargins(0, 0, 0, 0)
            holder.addWidget(self._fields(advanced, [heading, more], hidden))
            box.addWidget(more)
            box.addWidget(hidden)
        body.addWidget(heading)
        body.addWidget(content)

    def _fields(self, names: list[str], disclosures: list[Disclosure], parent: QWidget) -> QWidget:
        holder = QWidget(parent)
        grid = QGridLayout(holder)
        grid.setContentsMargins(6, 0, 0, 0)
        grid.setHorizontalSpacing(6)
        grid.setVerticalSpacing(4)
        grid.setColumnMinimumWidth(0, LABEL_WIDTH)
        grid.setColumnStretch(1, 1)
        for index, name in enumerate(names):
            row = FieldRow(name, types()[name], self)
            row.edited.connect(self._on_edited)
            row.place(grid, 2 * index)
            self._rows[name] = row
            self._disclosures[name] = disclosures
        # What a wrapped error leaves over goes below the rows, not between them.
        grid.setRowStretch(2 * len(names), 1)
        return holder

    # --- use ----------------------------------------------------------------------------------

    def config(self) -> RunConfig:
        """The config in force: the newest valid one."""
        return self._config

    def set_config(self, config: RunConfig) -> None:
        """Show a config without telling listeners; clears what was wrong before."""
        self._config = config
        for name, row in self._rows.items():
            row.editor.set_value(getattr(config, name))
        self._show_error(None)
        self._mark_changed()

    def commit(self) -> bool:
        """Take what is typed but not finished, as before a run starts by a key or a tool button.

        Returns:
            Whether all that the form shows is in force; if not, the error is shown.
        """
        for row in self._rows.values():
            row.editor.commit()
        self._on_edited()
        return self._shown_error is None

    def set_editable(self, editable: bool, reason: str = "") -> None:
        """Let the user edit, or grey the fields out; locked, they show the config in force.

        Args:
            editable: Whether the fields can be changed; groups open and close all the same.
            reason: Why not, for the tooltips.
        """
        self._editable = editable
        if not editable:
            # A half-typed value would be sent when its field loses the focus: after the start.
            self.set_config(self._config)
        for row in self._rows.values():
            row.set_editable(editable, reason)
        self._mark_changed()

    def apply_palette(self, palette: Palette) -> None:
        """Take the palette's colours."""
        for row in self._rows.values():
            row.apply_palette(palette)

    # --- inside -------------------------------------------------------------------------------

    def _on_edited(self) -> None:
        changes = {name: row.editor.value() for name, row in self._rows.items()}
        try:
            config = self._config.replace(**changes)
        except ConfigError as error:
            self._mark_changed()
            self._reject(error)
            return
        self._show_error(None)
        changed, self._config = config != self._config, config
        for row in self._rows.values():
            row.editor.tidy()
        self._mark_changed()
        if changed:
            self.configEdited.emit(config)

    def _reject(self, error: ConfigError) -> None:
        label = self._error_place(error)
        if self._shown_error is label and label.text() == told(str(error)):
            return  # said already: leaving a field that is still wrong is no news
        self._show_error(error)
        self.configRejected.emit(str(error))

    def _error_place(self, error: ConfigError) -> QLabel:
        row = self._rows.get(error.field or "")
        return self._general_error if row is None else row.error

    def _show_error(self, error: ConfigError | None) -> None:
        if self._shown_error is not None:
            self._shown_error.clear()
            self._shown_error.hide()
            self._shown_error = None
        if error is None:
            return
        for disclosure in self._disclosures.get(error.field or "", ()):
            disclosure.setChecked(True)
        self._shown_error = self._error_place(error)
        self._shown_error.setText(told(str(error)))
        self._shown_error.show()
        # It has no place before the layout has been made anew.
        QTimer.singleShot(0, self, self._reveal_error)

    def _reveal_error(self) -> None:
        if self._shown_error is not None:
            self._scroll.ensureWidgetVisible(self._shown_error, 0, 40)

    def _on_reset_all(self) -> None:
        for row in self._rows.values():
            row.set_default()
        self._on_edited()

    def _mark_changed(self) -> None:
        changed = [row.mark_changed() for row in self._rows.values()]
        self._reset_all.setEnabled(self._editable and any(changed))
