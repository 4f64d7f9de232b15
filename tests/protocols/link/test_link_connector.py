from __future__ import annotations

import pytest

from protocols.link.connection import LinkMemory, queue_message
from protocols.link.envelope import pack, unpack
from protocols.link.events import Closed, Live
from protocols.link.messages import (
    Channel,
    CloseCode,
    Hello,
    Pong,
    Resume,
    Welcome,
    decode_body,
    encode_body,
)
from protocols.link.state import Role, State
from tests.support.link_pair import CAPABILITIES, UUID_TEXT, Pair, outgoing, request, status


def _hello(pair: Pair) -> Hello:
    [data] = outgoing(pair.connector)
    message = decode_body(Channel.CONTROL, unpack(data).body)
    assert isinstance(message, Hello)
    return message


def _proved(memory: LinkMemory | None = None) -> Pair:
    """Return a pair whose connector waits for its welcome."""
    pair = Pair(connector_memory=memory)
    pair.deliver(outgoing(pair.connector)[0], pair.gateway)
    pair.deliver(outgoing(pair.gateway)[0], pair.connector)
    outgoing(pair.connector)
    assert pair.connector.state is State.PROVED
    return pair


def _welcome(pair: Pair, welcome: Welcome) -> None:
    pair.deliver(pack(Channel.CONTROL, 0, 0, encode_body(welcome)), pair.connector)


def _interrupted() -> LinkMemory:
    """Return the memory of a link on which the connector sent two messages, none acknowledged."""
    pair = Pair.live()
    pair.connector.send(status(1))
    pair.connector.send(status(2))
    outgoing(pair.connector)
    pair.cut()
    return pair.connector.memory


def test_the_first_hello_claims_nothing() -> None:
    hello = _hello(Pair())
    assert (hello.uuid, hello.capabilities, hello.resume) == (UUID_TEXT, CAPABILITIES, None)
    assert hello.credit[Channel.EXCHANGE] == 128


def test_the_next_hello_claims_the_interrupted_link() -> None:
    pair = Pair.live()
    pair.gateway.send(request(1))
    pair.flow()
    pair.cut()
    token = pair.gateway.memory.delivery.token
    assert _hello(Pair(connector_memory=pair.connector.memory)).resume == Resume(token, 1)


def test_a_ping_is_answered_at_once_with_the_connectors_clock() -> None:
    pair = Pair.live()
    pair.now = 1234.5
    pair.deliver(pack(Channel.CONTROL, 0, 0, bytes.fromhex("9206cd1000")), pair.connector)
    [pong] = outgoing(pair.connector)
    assert decode_body(Channel.CONTROL, unpack(pong).body) == Pong(0x1000, 1_234_500_000)


def test_a_gateway_is_gone_at_exactly_three_silent_intervals() -> None:
    pair = Pair.live(ping=2.0)
    heard = pair.now
    assert pair.connector.next_deadline() == heard + 6.0
    pair.connector.handle_deadline(heard + 5.999)
    assert pair.connector.state is State.LIVE
    pair.connector.handle_deadline(heard + 6.0)
    pair.drain(pair.connector)
    assert pair.events[Role.CONNECTOR] == [
        Closed(CloseCode.SILENT, "nothing was heard for three ping intervals")
    ]


def test_pings_keep_a_quiet_link_alive() -> None:
    pair = Pair.live(ping=2.0)
    pair.advance(3600.0)
    assert pair.connector.state is pair.gateway.state is State.LIVE
    assert pair.transcript.count("gateway: Ping") == 1800


@pytest.mark.parametrize("ping_ms", [0, -5])
def test_a_nonsensical_ping_interval_does_not_stop_the_clock(ping_ms: int) -> None:
    pair = _proved()
    _welcome(pair, Welcome(b"t" * 16, False, 0, ping_ms, 0, {}))
    due = pair.connector.next_deadline()
    assert due is not None
    assert due > pair.now


def test_an_interrupted_link_goes_on_where_it_was() -> None:
    memory = _interrupted()
    pair = _proved(memory)
    _welcome(pair, Welcome(memory.delivery.token, True, 1, 5000, 60_000, {0: 64}))
    assert pair.events[Role.CONNECTOR] == [Live(resumed=True)]
    assert [unpack(data).number for data in outgoing(pair.connector)] == [2]


@pytest.mark.parametrize(
    ("token", "received"),
    [(None, 3), (None, 2**40), (None, -1), (b"another link....", 1)],
    ids=["never sent", "no number", "negative", "another link"],
)
def test_a_resume_that_cannot_be_is_refused_and_not_claimed_again(
    token: bytes | None, received: int
) -> None:
    """Claimed again, it would be answered the same for ever."""
    memory = _interrupted()
    pair = _proved(memory)
    _welcome(pair, Welcome(token or memory.delivery.token, True, received, 5000, 60_000, {0: 64}))
    [closed] = pair.events[Role.CONNECTOR]
    assert isinstance(closed, Closed)
    assert closed.code == CloseCode.PROTOCOL
    assert _hello(Pair(connector_memory=memory)).resume is None


def test_a_resume_that_was_not_asked_for_is_refused() -> None:
    pair = _proved()
    _welcome(pair, Welcome(b"", True, 0, 5000, 60_000, {}))
    assert pair.connector.state is State.CLOSED
    assert isinstance(pair.events[Role.CONNECTOR][0], Closed)


def test_a_link_given_up_by_the_gateway_takes_its_messages_along() -> None:
    memory = _interrupted()
    queue_message(memory.delivery, status(3))
    pair = _proved(memory)
    _welcome(pair, Welcome(b"n" * 16, False, 0, 5000, 60_000, {0: 64}))
    assert pair.events[Role.CONNECTOR] == [Live(resumed=False)]
    assert outgoing(pair.connector) == []
    assert memory.delivery.token == b"n" * 16
