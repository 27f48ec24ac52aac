"""What the window lets the user do in each state: one pure function."""

import pytest

from flowmap_studio.runtime.session import State
from flowmap_studio.views.action_states import action_states

TABLE = {
    # state: train's text, train, stop, reset, settings can be edited
    State.IDLE: ("Train", True, False, True, True),
    State.RUNNING: ("Pause", True, True, True, False),
    State.PAUSED: ("Resume", True, True, True, False),
    State.STOPPING: ("Train", False, False, False, False),
    State.FAILED: ("Train", True, False, True, True),
}


@pytest.mark.parametrize("has_map", [True, False])
@pytest.mark.parametrize("state", State)
def test_actions_of_a_state(state: State, has_map: bool) -> None:
    text, train, stop, reset, editable = TABLE[state]
    states = action_states(state, has_map=has_map)
    assert states.train_text == text
    assert states.train_icon == ("pause" if state is State.RUNNING else "play")
    assert states.editable == editable
    assert states.enabled == {
        "trainAction": train,
        "stopAction": stop,
        "resetAction": reset,
        "savePresetAction": has_map,
        "exportAction": has_map,
        "copyPictureAction": has_map,
    }
