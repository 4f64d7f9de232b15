from __future__ import annotations

import pytest

from protocols.errors import LocalProtocolError
from protocols.link.connection import LinkMemory
from protocols.link.delivery import Delivery
from protocols.link.envelope import pack, unpack
from protocols.link.events import Closed, Live, RoundTripMeasured
from protocols.link.gateway import GatewayLink
from protocols.link.messages import (
    Channel,
    CloseCode,
    Ping,
    Pong,
    Resume,
    Welcome,
    decode_body,
    encode_body,
)
from protocols.link.state import Role, State
from tests.support.link_pair import Pair, outgoing, request, result

GATEWAY = Role.GATEWAY


def _pong(pair: Pair, number: int, clock: float) -> None:
    data = pack(Channel.CONTROL, 0, 0, encode_body(Pong(number, round(clock * 1e6))))
    pair.deliver(data, pair.gateway)


def _pings(pair: Pair) -> list[Ping]:
    said = [decode_body(Channel.CONTROL, unpack(data).body) for data in outgoing(pair.gateway)]
    return [message for message in said if isinstance(message, Ping)]


def test_the_welcome_says_how_the_link_is_kept() -> None:
    pair = Pair(ping=2.5)
    pair.deliver(outgoing(pair.connector)[0], pair.gateway)
    pair.deliver(outgoing(pair.gateway)[0], pair.connector)
    pair.deliver(outgoing(pair.connector)[0], pair.gateway)
    [data] = outgoing(pair.gateway)
    welcome = decode_body(Channel.CONTROL, unpack(data).body)
    assert isinstance(welcome, Welcome)
    assert (welcome.resumed, welcome.received, welcome.ping_ms, welcome.window_ms) == (
        False,
        0,
        2500,
        60_000,
    )
    assert welcome.token == pair.gateway.memory.delivery.token
    assert len(welcome.token) == 16


def test_a_new_link_is_pinged_at_once_and_then_once_an_interval() -> None:
    pair = Pair(ping=5.0)
    pair.flow()
    assert pair.gateway.next_deadline() == pair.now
    pair.forget()
    pair.advance(10.0)
    assert pair.transcript == ["gateway: Ping", "connector: Pong"] * 3


def test_an_answered_ping_measures_the_link() -> None:
    pair = Pair.live()
    sent = pair.now = pair.now + 5.0
    pair.gateway.handle_deadline(sent)
    [ping] = _pings(pair)
    pair.now = sent + 0.2
    _pong(pair, ping.id, sent + 0.1 + 7.0)
    # Smoothed with the first ping of this link, which took no time at all.
    measured = pair.events[GATEWAY][-1]
    assert isinstance(measured, RoundTripMeasured)
    assert measured.seconds == pytest.approx(0.2 / 8)
    assert measured.clock_offset_us == 0, "of the quicker of the two"


def test_a_pong_that_answers_nothing_is_a_sign_of_life_and_no_more() -> None:
    pair = Pair.live()
    pair.now += 1.0
    _pong(pair, 4711, 0.0)
    assert pair.events[GATEWAY] == []
    assert pair.gateway.state is State.LIVE


def test_a_half_open_link_is_found_at_exactly_three_intervals() -> None:
    pair = Pair.live(ping=5.0)
    heard = pair.now
    for seconds in (5.0, 10.0, 14.999):
        pair.gateway.handle_deadline(heard + seconds)
        assert pair.gateway.state is State.LIVE
    assert pair.gateway.next_deadline() == heard + 15.0
    pair.gateway.handle_deadline(heard + 15.0)
    pair.drain(pair.gateway)
    assert pair.events[GATEWAY] == [
        Closed(CloseCode.SILENT, "nothing was heard for three ping intervals")
    ]


def _adaptive(pair: Pair) -> Pair:
    """Let a pair go live with an idle interval of 20 s and one of 5 s at work."""
    pair.idle_ping = 20.0
    pair.flow()
    pair.forget()
    return pair


def test_an_idle_link_is_pinged_seldom_and_one_at_work_often() -> None:
    pair = _adaptive(Pair(ping=5.0))
    pair.advance(59.0)
    assert pair.transcript == ["gateway: Ping", "connector: Pong"] * 3
    pair.forget()
    pair.gateway.attend(pair.now, working=True)
    pair.advance(14.0)
    assert pair.transcript == ["gateway: Ping", "connector: Pong"] * 3, "one of them at once"
    pair.forget()
    pair.gateway.attend(pair.now, working=False)
    pair.advance(39.0)
    assert pair.transcript == ["gateway: Ping", "connector: Pong"] * 2


@pytest.mark.parametrize(("working", "limit"), [(False, 60.0), (True, 15.0)])
def test_both_ends_find_a_half_open_link_within_three_intervals_of_the_one_in_force(
    working: bool, limit: float
) -> None:
    pair = _adaptive(Pair(ping=5.0))
    pair.advance(21.0)
    pair.gateway.attend(pair.now, working=working)
    pair.advance(0.5)
    assert pair.gateway.patience == pair.connector.patience == limit
    for end in (pair.gateway, pair.connector):
        end.handle_deadline(pair.now + limit)
        pair.drain(end)
        assert (
            Closed(CloseCode.SILENT, "nothing was heard for three ping intervals")
            in pair.events[end.role]
        )


def test_a_connector_that_knows_no_announced_intervals_keeps_to_the_welcome() -> None:
    pair = _adaptive(Pair(ping=5.0))
    pair.gateway.attend(pair.now, working=True)
    pair.deliver(pack(Channel.CONTROL, 0, 0, encode_body(Ping(1))), pair.connector)
    assert pair.connector.patience == 60.0


def test_attention_before_the_link_is_live_changes_nothing() -> None:
    pair = Pair()
    pair.gateway.attend(pair.now, working=True)
    assert pair.gateway.patience == 10.0


def test_whatever_is_heard_counts_as_a_sign_of_life() -> None:
    pair = Pair.live(ping=5.0)
    for count in range(10):
        pair.now += 14.0
        pair.connector.send(result(count))
        pair.step(pair.connector)
        pair.gateway.handle_deadline(pair.now)
        assert pair.gateway.state is State.LIVE


def test_patience_is_the_handshakes_until_the_link_is_live() -> None:
    pair = Pair(ping=2.0)
    assert pair.gateway.patience == 10.0
    pair.flow()
    assert pair.gateway.patience == 6.0


def test_an_impossible_resume_is_refused_by_the_machine_as_well() -> None:
    pair = Pair.live()
    memory = pair.gateway.memory
    pair.connector.memory.delivery.received = 9  # claims what was never sent
    pair.cut()
    again = Pair(connector_memory=pair.connector.memory, gateway_memory=memory)
    again.flow()
    closed = again.events[GATEWAY][-1]
    assert isinstance(closed, Closed)
    assert closed.code == CloseCode.PROTOCOL
    assert "claims to have 9 of 0" in closed.reason


def test_the_program_answers_only_what_was_asked() -> None:
    link = GatewayLink(0.0)
    memory = LinkMemory(Delivery(token=b"t" * 16))
    with pytest.raises(LocalProtocolError, match="GATEWAY sent CHALLENGE in state IDLE"):
        link.challenge(b"n" * 32, None)
    with pytest.raises(LocalProtocolError, match="no hello waits"):
        link.welcome(memory, resumed=False, ping=5.0, window=60.0, now=0.0)
    pair = Pair.live()
    with pytest.raises(LocalProtocolError, match="no hello waits"):
        pair.gateway.welcome(memory, resumed=False, ping=5.0, window=60.0, now=0.0)


def test_what_waits_for_a_connector_goes_out_right_behind_the_welcome() -> None:
    pair = Pair.live()
    pair.cut()
    memory = pair.gateway.memory
    memory.delivery.queue(Channel.EXCHANGE, encode_body(request(5)))
    again = Pair(connector_memory=pair.connector.memory, gateway_memory=memory)
    again.flow()
    assert again.transcript[-2:] == ["gateway: Welcome", "gateway: ExchangeRequest #1"]
    assert Live(resumed=True) in again.events[GATEWAY]
    assert Resume(memory.delivery.token, 0).token == memory.delivery.token
