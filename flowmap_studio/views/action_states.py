"""Which actions are enabled: one pure function of the run's state."""

from __future__ import annotations

from dataclasses import dataclass

from flowmap_studio.runtime.session import State


@dataclass(frozen=True)
class ActionStates:
    """What the window lets the user do.

    Attributes:
        enabled: By action name.
        train_text: What the train action says.
        train_icon: Its icon's name.
        editable: Whether settings can be changed.
    """

    enabled: dict[str, bool]
    train_text: str
    train_icon: str
    editable: bool


def action_states(state: State, *, has_map: bool) -> ActionStates:
    """The actions of a state.

    Args:
        state: Of the run.
        has_map: Whether there is a map on stage.
    """
    active = state in (State.RUNNING, State.PAUSED)
    return ActionStates(
        enabled={
            "trainAction": state is not State.STOPPING,
            "stopAction": active,
            "resetAction": state is not State.STOPPING,
            "savePresetAction": has_map,
            "exportAction": has_map,
            "copyPictureAction": has_map,
        },
        train_text={State.RUNNING: "Pause", State.PAUSED: "Resume"}.get(state, "Train"),
        train_icon="pause" if state is State.RUNNING else "play",
        editable=not active and state is not State.STOPPING,
    )
