from __future__ import annotations

import itertools

import pytest

from protocols.errors import LocalProtocolError, RemoteProtocolError
from protocols.link.connection import LinkConnection, LinkMemory
from protocols.link.gateway import GatewayLink
from protocols.link.state import SENDER, TABLE, Role, State, Trigger

EXPECTED: dict[State, dict[Trigger, State]] = {
    State.IDLE: {Trigger.HELLO: State.GREETED},
    State.GREETED: {Trigger.CHALLENGE: State.CHALLENGED},
    State.CHALLENGED: {Trigger.PROOF: State.PROVED},
    State.PROVED: {Trigger.WELCOME: State.LIVE},
    State.LIVE: {Trigger.TRAFFIC: State.LIVE},
    State.CLOSED: {},
}


class _Connector(LinkConnection):
    role = Role.CONNECTOR


def _end(role: Role, state: State) -> LinkConnection:
    link = GatewayLink(0.0) if role is Role.GATEWAY else _Connector(LinkMemory(), 0.0)
    link.state = state
    return link


@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize("sender", Role)
@pytest.mark.parametrize(("state", "trigger"), list(itertools.product(State, Trigger)))
def test_every_state_with_every_trigger_by_either_sender(
    role: Role, sender: Role, state: State, trigger: Trigger
) -> None:
    """The table moves on, or whoever broke the rule is blamed: nothing else ever happens."""
    link = _end(role, state)
    ends = trigger in {Trigger.GOODBYE, Trigger.LOST} and state is not State.CLOSED
    target = State.CLOSED if ends else EXPECTED[state].get(trigger)
    if target is not None and SENDER.get(trigger, sender) is sender:
        link._step(trigger, sender)
        assert link.state is target
        return
    blamed = LocalProtocolError if sender is role else RemoteProtocolError
    with pytest.raises(blamed, match=f"{sender.name} sent {trigger.name} in state {state.name}"):
        link._step(trigger, sender)
    assert link.state is state


def test_every_state_is_reachable_and_reaches_the_end() -> None:
    assert TABLE.reachable() == set(State)
    for state in State:
        assert State.CLOSED in TABLE.reachable(state)


def test_nothing_leaves_the_end() -> None:
    assert not [row for row in TABLE.transitions if row[0] is State.CLOSED]


def test_each_handshake_message_has_one_sender_and_traffic_has_both() -> None:
    assert set(SENDER) == {Trigger.HELLO, Trigger.CHALLENGE, Trigger.PROOF, Trigger.WELCOME}
    assert Role.CONNECTOR.peer is Role.GATEWAY
    assert Role.GATEWAY.peer is Role.CONNECTOR
