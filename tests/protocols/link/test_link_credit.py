from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.errors import RemoteProtocolError
from protocols.link.credit import DEFAULT_WINDOWS, Allowance, Inbox
from protocols.link.messages import Channel, CloseCode

EXCHANGE = Channel.EXCHANGE


def _inbox(window: int) -> Inbox:
    return Inbox({EXCHANGE: window})


def test_a_connection_opens_with_a_full_window() -> None:
    assert Inbox().begin() == {int(channel): size for channel, size in DEFAULT_WINDOWS.items()}


def test_what_exceeds_the_credit_is_the_peers_fault() -> None:
    inbox = _inbox(2)
    inbox.begin()
    inbox.received(EXCHANGE)
    inbox.received(EXCHANGE)
    with pytest.raises(RemoteProtocolError, match="message 3 exceeds") as refused:
        inbox.received(EXCHANGE)
    assert refused.value.code == CloseCode.CREDIT
    assert inbox.backlog(EXCHANGE) == 2


def test_a_channel_without_a_window_takes_nothing() -> None:
    inbox = _inbox(2)
    inbox.begin()
    with pytest.raises(RemoteProtocolError):
        inbox.received(Channel.JOB)


def test_grants_are_told_by_half_windows() -> None:
    inbox = _inbox(8)
    inbox.begin()
    grants = []
    for _ in range(16):
        inbox.received(EXCHANGE)
        grants.append(inbox.consumed(EXCHANGE))
    assert [limit for limit in grants if limit] == [12, 16, 20, 24]


def test_a_reconnection_offers_what_the_backlog_leaves() -> None:
    inbox = _inbox(4)
    inbox.begin()
    for _ in range(3):
        inbox.received(EXCHANGE)
    assert inbox.begin() == {int(EXCHANGE): 1}
    inbox.received(EXCHANGE)
    with pytest.raises(RemoteProtocolError):
        inbox.received(EXCHANGE)
    # Four wait; two of them dealt with are half a window more.
    assert inbox.consumed(EXCHANGE) is None
    assert inbox.consumed(EXCHANGE) == 3


def test_a_full_backlog_offers_nothing_until_it_is_worked_off() -> None:
    inbox = _inbox(2)
    inbox.begin()
    inbox.received(EXCHANGE)
    inbox.received(EXCHANGE)
    assert inbox.begin() == {int(EXCHANGE): 0}
    assert inbox.consumed(EXCHANGE) == 1


def test_grants_are_totals_so_repeats_and_latecomers_do_no_harm() -> None:
    allowance = Allowance({EXCHANGE: 1})
    for limit in (3, 3, 2, 0, -5):
        allowance.grant(EXCHANGE, limit)
    used = 0
    while allowance.may_send(EXCHANGE):
        allowance.use(EXCHANGE)
        used += 1
    assert used == 3


def test_nothing_may_be_sent_where_nothing_was_granted() -> None:
    assert not Allowance({}).may_send(Channel.FRAME)
    assert not Allowance({EXCHANGE: -1, 77: 5}).may_send(EXCHANGE)


@pytest.mark.parametrize("channel", [-1, 5, 2**40])
def test_credit_for_a_channel_that_does_not_exist_is_refused(channel: int) -> None:
    with pytest.raises(RemoteProtocolError) as refused:
        Allowance({}).grant(channel, 1)
    assert refused.value.code == CloseCode.PROTOCOL


class _Flow:
    """One channel: a sender with its allowance, a receiver with its inbox, grants in between."""

    def __init__(self, window: int) -> None:
        self.inbox = _inbox(window)
        self.allowance = Allowance(self.inbox.begin())
        self.grants: list[int] = []

    def send(self) -> None:
        if self.allowance.may_send(EXCHANGE):
            self.allowance.use(EXCHANGE)
            self.inbox.received(EXCHANGE)

    def consume(self) -> None:
        if self.inbox.backlog(EXCHANGE) and (limit := self.inbox.consumed(EXCHANGE)):
            self.grants.append(limit)

    def tell(self) -> None:
        if self.grants:
            self.allowance.grant(EXCHANGE, self.grants.pop())  # latest first: order is no matter

    def reconnect(self) -> None:
        self.grants.clear()
        self.allowance = Allowance(self.inbox.begin())


@pytest.mark.slow
@given(
    window=st.integers(1, 9),
    steps=st.lists(
        st.sampled_from([_Flow.send, _Flow.consume, _Flow.tell, _Flow.reconnect]), max_size=120
    ),
)
def test_a_steady_flow_never_exceeds_and_never_stalls(
    window: int, steps: list[Callable[[_Flow], None]]
) -> None:
    """Whatever the order of sending, consuming and telling: no overrun, and no dead end."""
    flow = _Flow(window)
    for step in steps:
        step(flow)
        assert flow.inbox.backlog(EXCHANGE) <= window
    while flow.inbox.backlog(EXCHANGE) or flow.grants:
        flow.consume()
        flow.tell()
    assert flow.allowance.may_send(EXCHANGE)
