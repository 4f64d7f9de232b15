from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.errors import LocalProtocolError
from protocols.link.connection import (
    ACK_DELAY,
    ACK_EVERY,
    MAX_REASON,
    LinkConnection,
    LinkMemory,
    queue_message,
)
from protocols.link.connector import MAX_ANSWERS, ConnectorLink
from protocols.link.credit import DEFAULT_WINDOWS, Inbox
from protocols.link.delivery import ChannelFull, Delivery, DeliveryLimits
from protocols.link.envelope import HEADER_SIZE, pack, unpack
from protocols.link.events import Closed, FramesReceived, Live, MessageReceived
from protocols.link.messages import (
    MAX_ENVELOPE,
    Channel,
    CloseCode,
    Goodbye,
    Message,
    Ping,
    SessionClose,
    SessionOpen,
    encode_body,
)
from protocols.link.state import Role, State
from tests.support.link_pair import Pair, described, outgoing, request, result, status

GATEWAY, CONNECTOR = Role.GATEWAY, Role.CONNECTOR


def _said(end: LinkConnection) -> list[str]:
    return [described(data) for data in outgoing(end)]


def _closed(pair: Pair, role: Role) -> Closed:
    closed = pair.events[role][-1]
    assert isinstance(closed, Closed)
    return closed


# --- traffic -------------------------------------------------------------------------------


def test_an_exchange_is_two_messages_and_one_late_acknowledgement() -> None:
    pair = Pair.live()
    pair.gateway.send(request(1))
    pair.flow()
    assert pair.received(CONNECTOR) == [request(1)]
    pair.connector.send(result(1))
    pair.flow()
    assert pair.received(GATEWAY) == [result(1)]
    pair.advance(1.0)
    # The result acknowledged the request; nothing went back that could acknowledge the result.
    assert pair.transcript == [
        "gateway: ExchangeRequest #1",
        "connector: ExchangeResult #1",
        "gateway: Ack",
    ]
    assert pair.gateway.memory.delivery.idle()
    assert pair.connector.memory.delivery.idle()


def test_an_acknowledgement_waits_a_little_for_something_to_ride_on() -> None:
    pair = Pair.live()
    pair.gateway.send(request(1))
    pair.flow()
    assert pair.connector.next_deadline() == pytest.approx(pair.now + ACK_DELAY)
    pair.forget()
    pair.advance(ACK_DELAY * 0.99)
    assert pair.transcript == []
    pair.advance(ACK_DELAY * 0.02)
    assert pair.transcript == ["connector: Ack"]


def test_many_messages_are_acknowledged_before_the_delay() -> None:
    pair = Pair.live(consuming=False)
    for number in range(ACK_EVERY):
        pair.gateway.send(request(number))
    pair.flow()
    assert pair.transcript[-1] == "connector: Ack"
    assert pair.gateway.memory.delivery.idle()


def test_messages_queued_before_the_link_is_live_wait_for_it() -> None:
    pair = Pair()
    pair.connector.send(status(12_000))
    pair.flow()
    assert pair.received(GATEWAY) == [status(12_000)]


def test_what_was_queued_without_a_connection_goes_out_on_the_first() -> None:
    memory = LinkMemory()
    queue_message(memory.delivery, status(12_000))
    pair = Pair(connector_memory=memory)
    pair.flow()
    assert pair.events[CONNECTOR] == [Live(resumed=False)]
    assert pair.received(GATEWAY) == [status(12_000)]


def test_only_numbered_messages_are_for_programs_to_send() -> None:
    pair = Pair.live()
    with pytest.raises(LocalProtocolError, match="Ping is not for programs"):
        pair.gateway.send(Ping(1))


def test_a_message_that_fits_into_no_envelope_is_refused() -> None:
    pair = Pair.live()
    room = MAX_ENVELOPE - HEADER_SIZE - len(encode_body(request(1, size=1 << 16))) + (1 << 16)
    pair.gateway.send(request(1, size=room))
    with pytest.raises(LocalProtocolError, match="do not fit"):
        pair.gateway.send(request(2, size=room + 1))
    with pytest.raises(LocalProtocolError, match="do not fit"):
        pair.gateway.send_frames(bytes(MAX_ENVELOPE - HEADER_SIZE + 1))
    pair.flow()
    assert pair.gateway.state is pair.connector.state is State.LIVE


def test_a_full_queue_refuses_and_the_link_lives_on() -> None:
    memory = LinkMemory(Delivery(DeliveryLimits(queued=1)))
    pair = Pair(connector_memory=memory)
    pair.connector.send(status(1))
    with pytest.raises(ChannelFull):
        pair.connector.send(status(2))
    pair.flow()
    assert pair.received(GATEWAY) == [status(1)]


# --- priorities ----------------------------------------------------------------------------

SAYINGS = st.lists(st.sampled_from(["control", "exchange", "frames", "ping"]), max_size=30)


@pytest.mark.slow
@given(st.lists(st.tuples(SAYINGS, st.integers(0, 5)), max_size=8))
def test_the_more_urgent_goes_first_at_every_single_message(
    rounds: list[tuple[list[str], int]],
) -> None:
    """Whatever was asked for and whenever: no message leaves while a more urgent one waits."""
    pair = Pair.live()
    order = ["ping", "control", "exchange", "frames"]
    waiting = dict.fromkeys(order, 0)

    def take() -> None:
        data = pair.gateway.next_outgoing()
        first = next((what for what in order if waiting[what]), None)
        if data is None or first is None:
            assert data is None
            assert first is None
            return
        assert (
            described(data).split(" ")[0]
            == {
                "ping": "Ping",
                "control": "SessionClose",
                "exchange": "ExchangeRequest",
                "frames": "frames",
            }[first]
        )
        waiting[first] -= 1

    for sayings, taken in rounds:
        for what in sayings:
            waiting[what] += _say(pair, what, room=not waiting["frames"])
        for _ in range(taken):
            take()
    while any(waiting.values()):
        take()


def _say(pair: Pair, what: str, *, room: bool) -> int:
    """Let the gateway have one thing more to say; return how many that made."""
    if what == "control":
        pair.gateway.send(SessionClose("s"))
    elif what == "exchange":
        pair.gateway.send(request(1))
    elif what == "frames":
        took = pair.gateway.send_frames(b"batch")
        assert took is (room and pair.gateway._allowance._used.get(Channel.FRAME, 0) < 32)
        return took
    else:
        pair.now += 5.0
        pair.connector.handle_deadline(pair.now)
        pair.gateway._health.heard(pair.now)  # type: ignore[union-attr]
        pair.gateway.handle_deadline(pair.now)
    return 1


# --- credit --------------------------------------------------------------------------------


def test_a_slow_reader_of_exchanges_stalls_exchanges_alone() -> None:
    pair = Pair.live(consuming=False)
    window = DEFAULT_WINDOWS[Channel.EXCHANGE]
    for number in range(window + 5):
        pair.gateway.send(request(number))
    pair.flow()
    assert len(pair.received(CONNECTOR)) == window
    pair.gateway.send(SessionOpen("s", True, 0))
    assert pair.gateway.send_frames(b"batch")
    pair.forget()
    pair.flow()
    assert [line for line in pair.transcript if line.startswith("gateway")] == [
        f"gateway: SessionOpen #{window + 1}",
        "gateway: frames",
    ]
    for _ in range(window // 2):
        pair.connector.consumed(Channel.EXCHANGE)
    pair.flow()
    assert pair.received(CONNECTOR)[-1] == request(window + 4)


def test_a_steady_flow_never_waits_for_credit() -> None:
    pair = Pair.live()
    for number in range(1000):
        pair.gateway.send(request(number))
        pair.flow()
    assert pair.received(CONNECTOR) == [request(number) for number in range(1000)]


def test_a_message_over_the_credit_ends_the_link_and_is_not_taken() -> None:
    pair = Pair.live(consuming=False)
    memory = pair.connector.memory
    for number in range(DEFAULT_WINDOWS[Channel.EXCHANGE]):
        pair.gateway.send(request(number))
    pair.flow()
    received = memory.delivery.received
    over = pack(Channel.EXCHANGE, received + 1, 0, encode_body(request(999)))
    pair.deliver(over, pair.connector)
    assert _closed(pair, CONNECTOR).code == CloseCode.CREDIT
    # What was refused is not acknowledged by the goodbye: the next connection brings it again.
    assert unpack(outgoing(pair.connector)[-1]).acknowledged == received
    assert request(999) not in pair.received(CONNECTOR)


def test_frames_over_the_credit_end_the_link() -> None:
    pair = Pair.live(consuming=False)
    for _ in range(DEFAULT_WINDOWS[Channel.FRAME] + 1):
        pair.deliver(pack(Channel.FRAME, 0, 0, b"batch"), pair.gateway)
    assert _closed(pair, GATEWAY).code == CloseCode.CREDIT


def test_a_backlog_worked_off_while_dialling_is_granted_again() -> None:
    """The hello grants what the backlog leaves; what is dealt with after it must be said too."""
    first = Pair.live(consuming=False)
    window = DEFAULT_WINDOWS[Channel.EXCHANGE]
    for number in range(window):
        first.gateway.send(request(number))
    first.flow()
    first.cut()
    again = Pair(connector_memory=first.connector.memory, gateway_memory=first.gateway.memory)
    hello = outgoing(again.connector)
    for _ in range(window):
        again.connector.consumed(Channel.EXCHANGE)
    again.deliver(hello[0], again.gateway)
    again.flow()
    again.gateway.send(request(window))
    again.flow()
    assert again.received(CONNECTOR) == [request(window)]


def test_a_backlog_stands_across_reconnections() -> None:
    memory = LinkMemory(inbox=Inbox({Channel.CONTROL: 4, Channel.EXCHANGE: 4}))
    pair = Pair.live(connector_memory=memory, consuming=False)
    for number in range(12):
        pair.gateway.send(request(number))
    for _ in range(3):
        pair.flow()
        pair.cut()
        pair = pair.again(consuming=False)
        assert memory.inbox.backlog(Channel.EXCHANGE) == 4
    for _ in range(12):
        if memory.inbox.backlog(Channel.EXCHANGE):
            pair.connector.consumed(Channel.EXCHANGE)
        pair.flow()
    assert memory.inbox.backlog(Channel.EXCHANGE) == 0
    assert pair.received(CONNECTOR) == [request(number) for number in range(4, 12)]


def test_grants_do_not_pile_up_for_a_peer_that_does_not_read() -> None:
    pair = Pair.live(consuming=False)
    number = pair.gateway.memory.delivery.received
    for _ in range(10_000):
        number += 1
        data = pack(Channel.EXCHANGE, number, 0, encode_body(result(1)))
        pair.gateway.receive(data, pair.now)
        pair.gateway.consumed(Channel.EXCHANGE)
        while pair.gateway.next_event() is not None:
            pass
    assert pair.gateway.state is State.LIVE
    assert len(_said(pair.gateway)) <= 3


# --- frames --------------------------------------------------------------------------------


def test_frames_go_one_batch_at_a_time_and_only_with_credit() -> None:
    pair = Pair(consuming=False)
    assert not pair.connector.send_frames(b"early")
    pair.flow()
    assert pair.connector.send_frames(b"1")
    assert not pair.connector.frames_wanted()
    assert not pair.connector.send_frames(b"2")
    pair.flow()
    sent = 1
    while pair.connector.send_frames(b"more"):
        pair.flow()
        sent += 1
    assert sent == DEFAULT_WINDOWS[Channel.FRAME]
    assert pair.events[GATEWAY].count(FramesReceived(b"more")) == sent - 1
    for _ in range(16):
        pair.gateway.consumed(Channel.FRAME)
    pair.flow()
    assert pair.connector.frames_wanted()


def test_frames_that_wait_when_the_link_breaks_are_not_replayed() -> None:
    pair = Pair.live()
    assert pair.connector.send_frames(b"lost")
    pair.cut()
    again = pair.again()
    again.flow()
    assert FramesReceived(b"lost") not in again.events[GATEWAY]


# --- the end -------------------------------------------------------------------------------


def test_a_goodbye_tells_both_programs_why() -> None:
    pair = Pair.live()
    pair.gateway.close(CloseCode.OVERLOADED, "full", retry_after=2.5)
    pair.flow()
    pair.drain(pair.gateway)
    assert pair.events[GATEWAY] == [Closed(CloseCode.OVERLOADED, "full", 2500)]
    assert pair.events[CONNECTOR] == [Closed(CloseCode.OVERLOADED, "full", 2500, by_peer=True)]
    assert pair.transcript == ["gateway: Goodbye"]


def test_nothing_is_said_or_heard_after_a_goodbye() -> None:
    pair = Pair.live()
    pair.gateway.send(request(1))
    pair.gateway.close(CloseCode.NORMAL, "enough")
    pair.gateway.close(CloseCode.PROTOCOL, "again")
    with pytest.raises(LocalProtocolError, match="over"):
        pair.gateway.send(request(2))
    assert not pair.gateway.send_frames(b"batch")
    assert _said(pair.gateway) == ["Goodbye"]
    pair.connector.send(status(1))
    pair.step(pair.connector)
    assert pair.gateway.next_deadline() is None
    pair.gateway.handle_deadline(pair.now + 1000)
    pair.gateway.lost("late")
    pair.drain(pair.gateway)
    assert pair.events[GATEWAY] == [Closed(CloseCode.NORMAL, "enough")]


def test_a_lost_connection_is_one_event_and_no_message() -> None:
    pair = Pair.live()
    pair.cut()
    pair.cut()
    for role in Role:
        assert pair.events[role] == [Closed(CloseCode.SILENT, "cut")]
    assert _said(pair.gateway) == _said(pair.connector) == []


def test_the_text_of_a_goodbye_is_bounded() -> None:
    pair = Pair()
    data = pack(Channel.CONTROL, 0, 0, encode_body(Goodbye(0, "x" * 100_000)))
    pair.deliver(data, pair.gateway)
    assert _closed(pair, GATEWAY).reason == "x" * MAX_REASON


# --- what may not be said ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("message", "number", "reason"),
    [
        (status(1), 0, "StatusReport with number 0"),
        (Ping(1), 3, "Ping with number 3"),
        (status(1), 3, "number 3 after 0"),
    ],
)
def test_numbers_are_for_numbered_messages_and_leave_none_out(
    message: Message, number: int, reason: str
) -> None:
    pair = Pair.live()
    pair.deliver(pack(Channel.CONTROL, number, 0, encode_body(message)), pair.gateway)
    closed = _closed(pair, GATEWAY)
    assert closed.code == CloseCode.PROTOCOL
    assert reason in closed.reason


def test_a_duplicate_is_ignored() -> None:
    pair = Pair.live()
    pair.connector.send(status(1))
    [data] = outgoing(pair.connector)
    for _ in range(3):
        pair.deliver(data, pair.gateway)
    assert pair.received(GATEWAY) == [status(1)]
    assert pair.gateway.memory.delivery.statistics().duplicates == 2


def test_an_acknowledgement_of_what_was_never_sent_ends_the_link() -> None:
    pair = Pair.live()
    pair.deliver(pack(Channel.CONTROL, 0, 1, bytes.fromhex("9108")), pair.gateway)
    assert "only 0 were sent" in _closed(pair, GATEWAY).reason


@pytest.mark.parametrize("role", Role)
def test_messages_for_the_other_end_are_refused(role: Role) -> None:
    for body, name in (("920601", "Ping"), ("93070100", "Pong")):
        pair = Pair.live()
        end = pair.gateway if role is GATEWAY else pair.connector
        pair.deliver(pack(Channel.CONTROL, 0, 0, bytes.fromhex(body)), end)
        if (name == "Ping") is (role is GATEWAY):
            assert _closed(pair, role).reason == f"{name} is not for a {role.name.lower()}"
        else:
            assert end.state is State.LIVE


def test_pongs_do_not_pile_up_for_a_gateway_that_does_not_read() -> None:
    pair = Pair.live()
    for number in range(1000):
        pair.deliver(pack(Channel.CONTROL, 0, 0, encode_body(Ping(number))), pair.connector)
    assert len(_said(pair.connector)) == MAX_ANSWERS


# --- resuming ------------------------------------------------------------------------------


def test_what_was_lost_comes_again_and_what_was_not_does_not() -> None:
    pair = Pair.live()
    for number in (1, 2, 3):
        pair.gateway.send(request(number))
    pair.step(pair.gateway)
    lost = outgoing(pair.gateway)
    assert len(lost) == 2
    pair.cut()
    queue_message(pair.gateway.memory.delivery, request(4))
    again = Pair(connector_memory=pair.connector.memory, gateway_memory=pair.gateway.memory)
    again.flow()
    assert [again.resumed(role) for role in Role] == [True, True]
    assert again.received(CONNECTOR) == [request(2), request(3), request(4)]
    assert [line for line in again.transcript if "Request" in line] == [
        "gateway: ExchangeRequest #2",
        "gateway: ExchangeRequest #3",
        "gateway: ExchangeRequest #4",
    ]


def test_replays_go_before_anything_new_because_numbers_have_an_order() -> None:
    pair = Pair.live()
    pair.gateway.send(request(1))
    outgoing(pair.gateway)
    pair.cut()
    again = Pair(connector_memory=pair.connector.memory, gateway_memory=pair.gateway.memory)
    queue_message(pair.gateway.memory.delivery, SessionClose("s"))
    again.flow()
    assert [type(message).__name__ for message in again.received(CONNECTOR)] == [
        "ExchangeRequest",
        "SessionClose",
    ]


def test_a_link_that_is_not_resumed_begins_with_nothing() -> None:
    pair = Pair.live()
    pair.connector.send(status(1))
    outgoing(pair.connector)
    pair.connector.send(status(2))
    pair.cut()
    again = Pair(connector_memory=pair.connector.memory)
    again.flow()
    assert again.events[CONNECTOR] == [Live(resumed=False)]
    assert again.received(GATEWAY) == []
    assert again.connector.memory.delivery.token != pair.gateway.memory.delivery.token
    again.connector.send(status(3))
    again.flow()
    assert again.received(GATEWAY) == [status(3)]


def test_the_memory_is_the_programs_and_keeps_its_identity() -> None:
    memory = LinkMemory()
    pair = Pair.live(connector_memory=memory)
    assert pair.connector.memory is memory
    assert isinstance(pair.connector, ConnectorLink)
    assert memory.delivery.token == pair.gateway.memory.delivery.token


def test_events_say_which_channel_to_credit() -> None:
    pair = Pair.live()
    pair.gateway.send(request(1))
    pair.gateway.send(SessionClose("s"))
    pair.flow()
    assert pair.events[CONNECTOR] == [
        MessageReceived(SessionClose("s"), Channel.CONTROL),
        MessageReceived(request(1), Channel.EXCHANGE),
    ]
