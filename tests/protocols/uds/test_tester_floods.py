"""Control units that say too much: every exchange still ends, with a reason."""

from __future__ import annotations

from protocols.uds.outcome import FailureReason, Finished
from protocols.uds.policy import ExchangePolicy
from protocols.uds.tester import TesterExchange

POLICY = ExchangePolicy(p2=0.05, p2_star=5.0, margin=0.0, pending_limit=25.0, pending_count=10)
ECU = 0x7E8


def started(policy: ExchangePolicy = POLICY) -> TesterExchange:
    exchange = TesterExchange(b"\x22\xf1\x90", policy)
    exchange.start(0.0)
    exchange.data_to_send()
    exchange.sent(0.0)
    return exchange


def outcome(exchange: TesterExchange) -> Finished:
    found = None
    while (event := exchange.next_event()) is not None:
        found = event
    assert isinstance(found, Finished)
    return found


def test_response_pending_is_bounded_in_number() -> None:
    exchange = started()
    for count in range(10):
        assert not exchange.pending or count
        exchange.receive(b"\x7f\x22\x78", ECU, count / 1000)
    assert exchange.pending
    assert exchange.next_deadline() == 0.009
    exchange.handle_deadline(0.009)
    failure = outcome(exchange).failure
    assert failure is not None
    assert failure.reason is FailureReason.PENDING_TOO_LONG
    assert "10 times" in failure.detail


def test_one_less_is_patience_as_stated() -> None:
    exchange = started()
    for count in range(9):
        exchange.receive(b"\x7f\x22\x78", ECU, count / 1000)
    assert exchange.next_deadline() == 5.008


def test_an_answer_that_begins_again_and_again_gains_no_time() -> None:
    exchange = started(ExchangePolicy(p2=0.05, margin=0.0, reception_limit=1.0))
    for tick in range(100):
        exchange.reception_started(ECU, tick / 100)
    assert exchange.next_deadline() == 1.0


def test_long_answers_to_something_else_end_with_p2_however_many_come() -> None:
    exchange = started()
    now = 0.04
    for _ in range(3):
        exchange.reception_started(ECU, now)
        assert exchange.next_deadline() == now + POLICY.reception_limit or now > 0.05
        now += 0.04
        exchange.receive(b"\x62\xf1\x87\x00", ECU, now)
    assert exchange.next_deadline() == 0.05
    exchange.handle_deadline(now)
    found = outcome(exchange)
    assert found.failure is not None
    assert found.failure.reason is FailureReason.UNEXPECTED
    assert found.ignored == 3
