# mypy: allow-untyped-calls
from __future__ import annotations

import pytest
from doipclient.messages import AliveCheckRequest

from protocols.doip.codec import encode
from protocols.doip.connection import (
    SOCKET_TABLE,
    EntityConnection,
    SocketState,
    SocketTrigger,
)
from protocols.doip.events import CloseReason
from protocols.errors import LocalProtocolError

S, T = SocketState, SocketTrigger
LIVING = {S.INITIALISED, S.ACTIVATING, S.CONFIRMING, S.REGISTERED, S.CHECKING}

#: Written again by hand, so that a slip in the table shows.
EXPECTED = {
    (S.INITIALISED, T.ACTIVATION_ASKED): S.ACTIVATING,
    (S.ACTIVATING, T.GRANTED): S.REGISTERED,
    (S.ACTIVATING, T.CONFIRMATION_WANTED): S.CONFIRMING,
    (S.CONFIRMING, T.GRANTED): S.REGISTERED,
    (S.REGISTERED, T.ALIVE_ASKED): S.CHECKING,
    (S.CHECKING, T.ALIVE_ANSWERED): S.REGISTERED,
}

#: The way to each state from a new socket.
WAYS: dict[SocketState, list[SocketTrigger]] = {
    S.INITIALISED: [],
    S.ACTIVATING: [T.ACTIVATION_ASKED],
    S.CONFIRMING: [T.ACTIVATION_ASKED, T.CONFIRMATION_WANTED],
    S.REGISTERED: [T.ACTIVATION_ASKED, T.GRANTED],
    S.CHECKING: [T.ACTIVATION_ASKED, T.GRANTED, T.ALIVE_ASKED],
    S.FINALISING: [T.ENDED],
    S.CLOSED: [T.LOST],
}


def connection(state: SocketState, now: float = 0.0) -> EntityConnection:
    found = EntityConnection(1, now, max_length=64, has_room=lambda: True)
    for trigger in WAYS[state]:
        found.step(trigger, now)
    assert found.state is state
    return found


@pytest.mark.parametrize("trigger", SocketTrigger)
@pytest.mark.parametrize("state", SocketState)
def test_every_state_and_trigger(state: SocketState, trigger: SocketTrigger) -> None:
    target = EXPECTED.get((state, trigger))
    if trigger is T.ENDED and state in LIVING:
        target = S.FINALISING
    if trigger is T.LOST and state is not S.CLOSED:
        target = S.CLOSED
    socket = connection(state)
    if target is None:
        with pytest.raises(LocalProtocolError, match=f"{trigger.name}.*{state.name}"):
            socket.step(trigger, 1.0)
        assert socket.state is state
    else:
        socket.step(trigger, 1.0)
        assert socket.state is target


def test_every_state_is_reached_and_reaches_the_end() -> None:
    assert SOCKET_TABLE.reachable() == frozenset(SocketState)
    for state in SocketState:
        assert S.CLOSED in SOCKET_TABLE.reachable(state)


@pytest.mark.parametrize(
    ("state", "seconds", "reason"),
    [
        (S.INITIALISED, 2.0, CloseReason.INITIAL_INACTIVITY),
        (S.CONFIRMING, 300.0, CloseReason.GENERAL_INACTIVITY),
        (S.REGISTERED, 300.0, CloseReason.GENERAL_INACTIVITY),
        (S.CHECKING, 0.5, CloseReason.ALIVE_CHECK),
    ],
)
def test_timers(state: SocketState, seconds: float, reason: CloseReason) -> None:
    socket = connection(state, now=10.0)
    assert socket.next_deadline() == 10.0 + seconds
    assert socket.overdue(10.0 + seconds - 0.001) is None
    assert socket.overdue(10.0 + seconds) is reason


@pytest.mark.parametrize("state", [S.ACTIVATING, S.FINALISING, S.CLOSED])
def test_states_without_a_timer(state: SocketState) -> None:
    socket = connection(state)
    assert socket.next_deadline() is None
    assert socket.overdue(1e9) is None


def test_traffic_either_way_keeps_a_registered_socket() -> None:
    socket = connection(S.REGISTERED)
    socket.receive(b"\x02", 100.0)
    assert socket.next_deadline() == 400.0
    socket.write(AliveCheckRequest(), 250.0)
    assert socket.next_deadline() == 550.0


@pytest.mark.parametrize(("state", "due"), [(S.INITIALISED, 2.0), (S.CHECKING, 0.5)])
def test_traffic_does_not_help_where_an_answer_is_due(state: SocketState, due: float) -> None:
    socket = connection(state)
    socket.receive(encode(AliveCheckRequest()), 0.3)
    socket.write(AliveCheckRequest(), 0.3)
    assert socket.next_deadline() == due


@pytest.mark.parametrize("state", [S.FINALISING, S.CLOSED])
def test_an_ended_socket_takes_nothing_but_says_what_is_left(state: SocketState) -> None:
    socket = connection(S.REGISTERED)
    socket.write(AliveCheckRequest(), 0.0)
    socket.step(T.ENDED if state is S.FINALISING else T.LOST, 0.0)
    assert not socket.open
    assert socket.receive(encode(AliveCheckRequest()), 0.0) == []
    assert socket.data_to_send() == encode(AliveCheckRequest())
    assert socket.data_to_send() == b""


def test_answers_repeat_the_version_of_the_client() -> None:
    socket = connection(S.REGISTERED)
    socket.version = 3
    socket.write(AliveCheckRequest(), 0.0)
    assert socket.data_to_send() == bytes.fromhex("03FC000700000000")
