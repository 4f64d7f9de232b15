"""Whatever a peer sends, in whatever state: the link lives on or closes with a code and a reason.

``receive`` never raises, a closed link says goodbye once, and the program hears of it once.
"""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocols.link.connection import LinkConnection
from protocols.link.connector import ConnectorLink
from protocols.link.envelope import MAX_NUMBER, pack, unpack
from protocols.link.events import Closed, Event
from protocols.link.gateway import GatewayLink
from protocols.link.messages import (
    MAX_ENVELOPE,
    Ack,
    Challenge,
    Channel,
    CloseCode,
    Credit,
    Goodbye,
    Hello,
    Message,
    MonitorStart,
    Ping,
    Pong,
    Proof,
    Resume,
    SessionClose,
    Welcome,
    decode_body,
    encode_body,
)
from protocols.link.state import State
from protocols.link.vehicle import Capabilities
from tests.support.link_pair import Pair, outgoing, request, result, status

STATES = ["new", "greeted", "challenged", "live"]

MESSAGES: list[Message] = [
    Hello((1,), "u" * 36, b"n" * 32, Capabilities(), Resume(b"t" * 16, 3), {0: 1, 4: 2**60}),
    Challenge(1, b"n" * 32),
    Proof(b"s" * 64),
    Welcome(b"t" * 16, True, 1, 5000, 60_000, {1: 5}),
    Goodbye(3, "later", 1000),
    Ping(1),
    Pong(1, 2**60),
    Ack(),
    Credit(1, 500),
    Credit(9, 500),
    status(1),
    SessionClose("s"),
    MonitorStart("can0", 0),
    request(1),
    result(1),
]


def _links(state: str) -> list[LinkConnection]:
    """Return both ends in a state; what either had to say has been said."""
    if state == "live":
        pair = Pair.live()
        pair.gateway.send(request(1))
        outgoing(pair.gateway)
        return [pair.connector, pair.gateway]
    pair = Pair()
    if state == "new":
        return [GatewayLink(pair.now)]
    [hello] = outgoing(pair.connector)
    pair.deliver(hello, pair.gateway)
    if state == "greeted":
        return [pair.connector, GatewayLink(pair.now)]
    [challenge] = outgoing(pair.gateway)
    pair.deliver(challenge, pair.connector)
    outgoing(pair.connector)
    return [pair.connector, pair.gateway]


def _check(link: LinkConnection, data: bytes) -> None:
    """Feed ``data`` and hold the link to its promises."""
    before = link.state
    link.receive(data, 1001.0)
    told = _events(link)
    said = _said(link)
    closings = [event for event in told if isinstance(event, Closed)]
    goodbyes = [message for message in said if isinstance(message, Goodbye)]
    if link.state is not State.CLOSED:
        assert not closings
        assert not goodbyes
        return
    assert before is not State.CLOSED
    [closed] = closings
    assert told[-1] is closed
    if closed.by_peer:
        assert not goodbyes
        return
    assert closed.reason
    assert closed.code in set(CloseCode)
    assert said[-1:] == goodbyes
    assert (goodbyes[0].code, goodbyes[0].reason) == (closed.code, closed.reason)
    link.receive(data, 1002.0)
    assert not _events(link)
    assert not _said(link)


def _events(link: LinkConnection) -> list[Event]:
    found = []
    while (event := link.next_event()) is not None:
        found.append(event)
    return found


def _said(link: LinkConnection) -> list[Message]:
    envelopes = [unpack(data) for data in outgoing(link)]
    return [decode_body(e.channel, e.body) for e in envelopes if e.channel is not Channel.FRAME]


NUMBERS = st.sampled_from([0, 1, 2, 3, 2**31 - 1, 2**31, MAX_NUMBER - 1, MAX_NUMBER])


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("message", MESSAGES, ids=lambda message: type(message).__name__)
def test_every_message_in_every_state_at_either_end(message: Message, state: str) -> None:
    for number in (0, 1):
        for link in _links(state):
            _check(link, pack(message.channel, number, 0, encode_body(message)))


@pytest.mark.slow
@pytest.mark.parametrize("state", STATES)
@given(data=st.data())
@settings(max_examples=60)
def test_mutated_messages(state: str, data: st.DataObject) -> None:
    message = data.draw(st.sampled_from(MESSAGES))
    packed = bytearray(
        pack(
            data.draw(st.sampled_from([message.channel, *Channel])),
            data.draw(NUMBERS),
            data.draw(NUMBERS),
            encode_body(message),
        )
    )
    for _ in range(data.draw(st.integers(0, 3))):
        packed[data.draw(st.integers(0, len(packed) - 1))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.none() | st.integers(0, len(packed)))
    for link in _links(state):
        _check(link, bytes(packed[:cut]))


@pytest.mark.slow
@pytest.mark.parametrize("state", STATES)
@given(data=st.binary(max_size=64))
def test_any_bytes(state: str, data: bytes) -> None:
    for link in _links(state):
        _check(link, data)


@pytest.mark.parametrize("state", STATES)
def test_an_oversized_message(state: str) -> None:
    for link in _links(state):
        link.receive(bytes(MAX_ENVELOPE + 1), 1001.0)
        [closed] = _events(link)
        assert isinstance(closed, Closed)
        assert closed.code == CloseCode.TOO_LARGE


@pytest.mark.parametrize("state", STATES)
def test_a_body_nested_beyond_reason(state: str) -> None:
    for link in _links(state):
        _check(link, pack(Channel.CONTROL, 0, 0, b"\x92\x08" + b"\x91" * 200_000))


@pytest.mark.parametrize("received", [-1, -(2**63), 2**32, 2**64 - 1])
def test_a_claim_of_an_impossible_number_ends_at_the_hello(received: int) -> None:
    """The number is part of what is signed, where it must fit into eight bytes."""
    link = GatewayLink(0.0)
    hello = Hello((1,), "u" * 36, b"n" * 32, Capabilities(), Resume(b"t" * 16, received))
    _check(link, pack(Channel.CONTROL, 0, 0, encode_body(hello)))
    assert link.state is State.CLOSED


@pytest.mark.slow
@given(st.lists(st.tuples(st.sampled_from(MESSAGES), NUMBERS), max_size=12))
def test_whole_conversations_of_nonsense(said: list[tuple[Message, int]]) -> None:
    for link in (*_links("live"), GatewayLink(1000.0)):
        for message, number in said:
            if link.state is State.CLOSED:
                break
            _check(link, pack(message.channel, number, 0, encode_body(message)))
        assert isinstance(link, GatewayLink | ConnectorLink)
