from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.errors import LocalProtocolError, RemoteProtocolError
from protocols.link.delivery import ChannelFull, Delivery, DeliveryLimits, Numbered
from protocols.link.envelope import MAX_NUMBER
from protocols.link.messages import Channel, CloseCode

CONTROL, EXCHANGE, JOB = Channel.CONTROL, Channel.EXCHANGE, Channel.JOB


def _always(_channel: Channel) -> bool:
    return True


def _drain(delivery: Delivery) -> list[tuple[int, bytes]]:
    taken = []
    while (message := delivery.take(_always)) is not None:
        taken.append((message.number, message.body))
    return taken


def _sent(count: int, **limits: int) -> Delivery:
    """Return a delivery that has sent messages 1 to ``count``, none of them acknowledged."""
    delivery = Delivery(DeliveryLimits(**limits), token=b"link")
    for number in range(1, count + 1):
        delivery.queue(EXCHANGE, b"%d" % number)
    _drain(delivery)
    return delivery


def test_numbers_are_given_when_a_message_goes_out_by_priority() -> None:
    delivery = Delivery()
    delivery.queue(JOB, b"job")
    delivery.queue(EXCHANGE, b"first")
    delivery.queue(EXCHANGE, b"second")
    assert delivery.waiting(EXCHANGE) == 2
    delivery.queue(CONTROL, b"control")
    assert _drain(delivery) == [(1, b"control"), (2, b"first"), (3, b"second"), (4, b"job")]
    assert delivery.waiting(EXCHANGE) == 0


def test_a_channel_without_credit_lets_the_others_pass() -> None:
    delivery = Delivery()
    delivery.queue(CONTROL, b"control")
    delivery.queue(JOB, b"job")
    message = delivery.take(lambda channel: channel is JOB)
    assert message == (JOB, 1, b"job")
    assert delivery.take(lambda channel: channel is JOB) is None


def test_a_full_queue_refuses_and_changes_nothing() -> None:
    delivery = Delivery(DeliveryLimits(queued=2))
    delivery.queue(EXCHANGE, b"1")
    delivery.queue(EXCHANGE, b"2")
    with pytest.raises(ChannelFull, match="2 messages wait on channel EXCHANGE"):
        delivery.queue(EXCHANGE, b"3")
    delivery.queue(CONTROL, b"another channel has its own bound")
    assert [body for _, body in _drain(delivery)][1:] == [b"1", b"2"]
    assert issubclass(ChannelFull, LocalProtocolError)


def test_too_much_unacknowledged_holds_new_messages_back() -> None:
    delivery = _sent(0, kept=2)
    for body in (b"1", b"2", b"3"):
        delivery.queue(EXCHANGE, body)
    assert len(_drain(delivery)) == 2
    delivery.acknowledged(1)
    assert _drain(delivery) == [(3, b"3")]


def test_kept_bytes_are_bounded_but_one_message_always_passes() -> None:
    delivery = _sent(0, kept_bytes=10)
    for _ in range(3):
        delivery.queue(EXCHANGE, bytes(25))
    assert len(_drain(delivery)) == 1
    assert delivery.statistics().kept_bytes == 25
    delivery.acknowledged(1)
    assert delivery.statistics().kept_bytes == 0
    assert len(_drain(delivery)) == 1


def test_an_acknowledgement_covers_everything_up_to_it() -> None:
    delivery = _sent(5)
    delivery.acknowledged(3)
    assert delivery.statistics().kept == 2
    delivery.acknowledged(2)  # stale: says nothing new
    assert delivery.statistics().kept == 2
    delivery.acknowledged(5)
    assert delivery.idle()


def test_acknowledging_what_was_never_sent_is_the_peers_fault() -> None:
    with pytest.raises(RemoteProtocolError, match="only 2 were sent") as refused:
        _sent(2).acknowledged(3)
    assert refused.value.code == CloseCode.PROTOCOL


def test_the_next_number_is_expected_older_ones_are_duplicates_and_later_ones_a_gap() -> None:
    delivery = Delivery()
    assert delivery.expects(1)
    delivery.received = 1
    assert not delivery.expects(1)
    assert delivery.statistics().duplicates == 1
    assert delivery.expects(2)
    with pytest.raises(RemoteProtocolError, match="number 3 after 1"):
        delivery.expects(3)


def test_after_a_cut_what_the_peer_lacks_goes_out_again_with_its_old_number() -> None:
    delivery = _sent(4)
    delivery.queue(CONTROL, b"new")
    delivery.rewind(2)
    assert _drain(delivery) == [(3, b"3"), (4, b"4"), (5, b"new")]
    assert delivery.statistics().replayed == 2


def test_a_replay_keeps_its_order_even_when_its_channel_has_no_credit() -> None:
    delivery = _sent(1)
    delivery.rewind(0)
    delivery.queue(CONTROL, b"urgent")
    assert delivery.take(lambda channel: channel is CONTROL) is None
    assert [number for number, _ in _drain(delivery)] == [1, 2]


def test_a_cut_during_a_replay_loses_nothing() -> None:
    delivery = _sent(4)
    delivery.rewind(0)
    assert delivery.take(_always) == (EXCHANGE, 1, b"1")
    assert delivery.take(_always) == (EXCHANGE, 2, b"2")
    delivery.rewind(1)
    assert [number for number, _ in _drain(delivery)] == [2, 3, 4]
    delivery.rewind(4)
    assert delivery.idle()


@pytest.mark.parametrize("claim", [5, 1, 0, MAX_NUMBER - 7])
def test_a_claim_that_cannot_be_met_is_refused_and_changes_nothing(claim: int) -> None:
    delivery = _sent(4)
    delivery.acknowledged(2)
    assert not delivery.can_rewind(claim)
    with pytest.raises(RemoteProtocolError, match=f"claims to have {claim} of 4"):
        delivery.rewind(claim)
    assert delivery.statistics().kept == 2


def test_a_claim_to_have_less_than_was_acknowledged_is_noticed_with_nothing_pending() -> None:
    delivery = _sent(4)
    delivery.acknowledged(4)
    assert delivery.idle()
    assert not delivery.can_rewind(3)
    assert delivery.can_rewind(4)


def test_what_waited_for_the_first_link_goes_along_to_it() -> None:
    delivery = Delivery(DeliveryLimits(queued=7))
    delivery.queue(CONTROL, b"early")
    first = delivery.renewed(b"one")
    assert (first.token, first.limits.queued) == (b"one", 7)
    assert _drain(first) == [(1, b"early")]
    first.queue(CONTROL, b"of the interrupted link")
    assert _drain(first.renewed(b"two")) == []


def test_numbers_wrap_without_anybody_noticing() -> None:
    delivery = Delivery()
    peer = Delivery()
    delivery._sent = peer.received = MAX_NUMBER - 2
    for _ in range(6):
        delivery.queue(EXCHANGE, b"")
    numbers = []
    while (message := delivery.take(_always)) is not None:
        numbers.append(message.number)
        assert peer.expects(message.number)
        peer.received = message.number
    assert numbers == [MAX_NUMBER - 1, MAX_NUMBER, 1, 2, 3, 4]
    delivery.rewind(MAX_NUMBER)
    assert [number for number, _ in _drain(delivery)] == [1, 2, 3, 4]
    delivery.acknowledged(3)
    assert delivery.statistics().kept == 1


class _Wire:
    """A sender and a receiver with a wire between them that can be cut."""

    def __init__(self, start: int) -> None:
        self.sender = Delivery(DeliveryLimits(queued=6, kept=5))
        self.receiver = Delivery()
        self.sender._sent = self.receiver.received = start
        self.wire: list[Numbered] = []
        self.queued: dict[Channel, list[bytes]] = {CONTROL: [], EXCHANGE: []}
        self.arrived: dict[Channel, list[bytes]] = {CONTROL: [], EXCHANGE: []}

    def say(self, channel: Channel) -> None:
        body = b"%d" % len(self.queued[channel])
        with suppress(ChannelFull):
            self.sender.queue(channel, body)
            self.queued[channel].append(body)

    def order(self) -> None:
        self.say(CONTROL)

    def ask(self) -> None:
        self.say(EXCHANGE)

    def send(self) -> None:
        if message := self.sender.take(_always):
            self.wire.append(message)

    def arrive(self) -> None:
        if self.wire:
            channel, number, body = self.wire.pop(0)
            assert self.receiver.expects(number)
            self.receiver.received = number
            self.arrived[channel].append(body)

    def acknowledge(self) -> None:
        self.sender.acknowledged(self.receiver.received)

    def cut(self) -> None:
        self.wire.clear()
        self.sender.rewind(self.receiver.received)


@pytest.mark.slow
@given(
    start=st.sampled_from([0, 1, MAX_NUMBER - 5]),
    steps=st.lists(
        st.sampled_from(
            [_Wire.order, _Wire.ask, _Wire.send, _Wire.arrive, _Wire.acknowledge, _Wire.cut]
        ),
        max_size=150,
    ),
)
def test_everything_arrives_once_and_in_order_whatever_is_cut(
    start: int, steps: list[Callable[[_Wire], None]]
) -> None:
    wire = _Wire(start)
    for step in steps:
        step(wire)
        assert wire.sender.statistics().kept <= 5
    wire.cut()
    while not wire.sender.idle():
        wire.send()
        wire.arrive()
        wire.acknowledge()
    assert wire.arrived == wire.queued
