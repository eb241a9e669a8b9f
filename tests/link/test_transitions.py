from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detente.link.transitions import LINE, TRANSITIONS, Event, State, after

events = st.lists(st.sampled_from(list(Event)))


def test_every_state_has_a_row_and_can_be_left():
    assert set(TRANSITIONS) == set(State)
    for state, row in TRANSITIONS.items():
        assert any(after(state, event) is not state for event in row)


@given(events)
def test_nothing_but_the_digits_lets_an_unverified_peer_in(happened):
    state = State.UNVERIFIED
    for event in happened:
        if event is Event.CONFIRMED:
            return
        state = after(state, event)
        assert state is State.UNVERIFIED or Event.FORKED in happened


@given(events)
def test_no_heartbeat_ends_a_fork(happened):
    state = State.FORK
    for event in happened:
        if event is not Event.REBASED:
            state = after(state, event)
    assert state is State.FORK


@given(events)
def test_a_fork_is_seen_from_every_state(happened):
    state = State.UNVERIFIED
    for event in happened:
        state = after(state, event)
    assert after(state, Event.FORKED) is State.FORK


@pytest.mark.parametrize("state", sorted(set(State) - LINE))
def test_the_line_moves_no_state_that_stands_above_it(state):
    assert {after(state, event) for event in (Event.WELL, Event.POOR, Event.SILENT)} == {state}


@pytest.mark.parametrize(
    ("state", "event"),
    [(State.SUSPENDED, Event.RESUMED), (State.ROLLBACK, Event.RECOVERED), (State.FORK, Event.REBASED)],
)
def test_whoever_leaves_such_a_state_is_down_until_the_next_heartbeat(state, event):
    assert after(state, event) is State.DOWN
    assert after(State.DOWN, Event.WELL) is State.UP
