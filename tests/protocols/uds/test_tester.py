"""One exchange: the table, then a transcript for each rule, on virtual time."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.errors import LocalProtocolError
from protocols.uds.outcome import (
    ExchangeEvent,
    FailureReason,
    Finished,
    ResponsePending,
    UdsResponse,
)
from protocols.uds.policy import ExchangePolicy
from protocols.uds.tester import MAX_SOURCES, TesterExchange
from protocols.uds.tester_states import TABLE, State, Trigger

ECU = 0x7E8
OTHER = 0x7E9
POLICY = ExchangePolicy(p2=0.05, p2_star=5.0, margin=0.1)
P2 = POLICY.p2_client
P2_STAR = POLICY.p2_star_client
READ_VIN = bytes.fromhex("22F190")
VIN = bytes.fromhex("62F19057") + bytes(16)


def negative(code: int, sid: int = 0x22) -> bytes:
    return bytes([0x7F, sid, code])


def sent_at(
    now: float,
    request: bytes = READ_VIN,
    *,
    functional: bool = False,
    policy: ExchangePolicy = POLICY,
) -> TesterExchange:
    exchange = TesterExchange(request, policy, functional=functional)
    exchange.start(now)
    assert exchange.data_to_send() == request
    assert exchange.data_to_send() is None
    exchange.sent(now)
    return exchange


def events(exchange: TesterExchange) -> list[ExchangeEvent]:
    found = []
    while (event := exchange.next_event()) is not None:
        found.append(event)
    return found


def outcome(exchange: TesterExchange) -> Finished:
    (event,) = [event for event in events(exchange) if isinstance(event, Finished)]
    assert exchange.state in TABLE.final
    assert exchange.next_deadline() is None
    return event


def reason(exchange: TesterExchange) -> FailureReason:
    failure = outcome(exchange).failure
    assert failure is not None
    return failure.reason


# ---------------------------------------------------------------- the table


@pytest.mark.parametrize("state", State)
@pytest.mark.parametrize("trigger", Trigger)
def test_every_pair_of_the_table(state: State, trigger: Trigger) -> None:
    if (state, trigger) in TABLE.transitions:
        assert TABLE.step(state, trigger) is TABLE.transitions[state, trigger]
    else:
        with pytest.raises(LocalProtocolError, match=f"{trigger.name} .* {state.name}"):
            TABLE.step(state, trigger)


def test_every_state_is_reachable_and_can_end() -> None:
    assert TABLE.reachable() == set(State)
    for state in set(State) - TABLE.final:
        assert State.FAILED in TABLE.reachable(state)
        assert State.DONE in TABLE.reachable(state)


def test_final_states_are_left_by_nothing() -> None:
    assert not [pair for pair in TABLE.transitions if pair[0] in TABLE.final]


# ---------------------------------------------------------------- one ECU


def test_request_and_answer() -> None:
    exchange = sent_at(10.0)
    assert exchange.next_deadline() == 10.0 + P2
    assert exchange.receive(VIN, ECU, 10.03)
    assert outcome(exchange) == Finished((UdsResponse(ECU, VIN, 0, 10.0, 10.03),), None)
    assert exchange.state is State.DONE


def test_a_negative_answer_is_an_answer() -> None:
    exchange = sent_at(0.0)
    exchange.receive(negative(0x31), ECU, 0.01)
    done = outcome(exchange)
    assert (done.responses[0].payload, done.failure) == (negative(0x31), None)


def test_silence_fails_at_p2_and_not_before() -> None:
    exchange = sent_at(0.0)
    exchange.handle_deadline(P2 - 1e-6)
    assert events(exchange) == []
    exchange.handle_deadline(P2)
    done = outcome(exchange)
    assert done.failure is not None
    assert done.failure.reason is FailureReason.NO_RESPONSE
    assert "ReadDataByIdentifier" in done.failure.detail
    assert exchange.state is State.FAILED


def test_p2_begins_when_the_request_is_sent_not_when_it_is_given_away() -> None:
    exchange = TesterExchange(READ_VIN, POLICY)
    exchange.start(0.0)
    assert exchange.next_deadline() is None
    exchange.sent(3.0)
    assert exchange.next_deadline() == 3.0 + P2


def test_an_answer_that_has_begun_stops_p2() -> None:
    exchange = sent_at(0.0)
    exchange.reception_started(ECU, 0.1)
    assert exchange.next_deadline() == 0.1 + POLICY.reception_limit
    exchange.reception_started(ECU, 0.2)
    exchange.receive(VIN, ECU, 4.0)
    assert outcome(exchange).failure is None


def test_an_answer_that_begins_and_never_ends_is_the_transports_failure() -> None:
    for request in (READ_VIN, b"\x3e\x80"):
        exchange = sent_at(0.0, request)
        exchange.reception_started(ECU, 0.1)
        exchange.handle_deadline(0.1 + POLICY.reception_limit)
        assert reason(exchange) is FailureReason.TRANSPORT


def test_a_foreign_answer_gives_p2_back() -> None:
    exchange = sent_at(0.0)
    exchange.reception_started(ECU, 0.1)
    exchange.reception_started(ECU, 0.2)
    assert not exchange.receive(bytes.fromhex("62F18C41"), ECU, 2.0)
    assert exchange.next_deadline() == P2
    exchange.handle_deadline(2.0)
    assert reason(exchange) is FailureReason.UNEXPECTED


def test_answers_that_do_not_belong_are_counted_and_never_matched() -> None:
    exchange = sent_at(0.0)
    for late in ("62F18C41", "5003", "7F1078", "7F22", ""):
        assert not exchange.receive(bytes.fromhex(late), ECU, 0.01)
    assert (exchange.state, exchange.ignored) == (State.WAITING, 5)
    assert exchange.next_deadline() == P2
    exchange.receive(VIN, ECU, 0.02)
    assert outcome(exchange).ignored == 5


def test_only_answers_to_something_else_are_told_from_silence() -> None:
    exchange = sent_at(0.0)
    exchange.receive(bytes.fromhex("62F18C41"), ECU, 0.01)
    exchange.handle_deadline(P2)
    done = outcome(exchange)
    assert done.failure is not None
    assert done.failure.reason is FailureReason.UNEXPECTED
    assert "62f18c41" in done.failure.detail


def test_whatever_comes_before_the_request_is_sent_is_late() -> None:
    exchange = TesterExchange(READ_VIN, POLICY)
    assert not exchange.receive(VIN, ECU, 0.0)
    exchange.start(0.0)
    assert not exchange.receive(VIN, ECU, 0.0)
    assert (exchange.state, exchange.ignored) == (State.SENDING, 2)


# ---------------------------------------------------------------- 0x78


def test_response_pending_moves_to_p2_star_and_never_repeats() -> None:
    exchange = sent_at(0.0)
    assert exchange.receive(negative(0x78), ECU, 0.1)
    assert exchange.state is State.PENDING
    assert exchange.next_deadline() == 0.1 + P2_STAR
    exchange.receive(negative(0x78), ECU, 4.0)
    assert exchange.next_deadline() == 4.0 + P2_STAR
    assert exchange.data_to_send() is None
    exchange.receive(VIN, ECU, 8.0)
    assert events(exchange) == [
        ResponsePending(ECU, 1),
        ResponsePending(ECU, 2),
        Finished((UdsResponse(ECU, VIN, 2, 0.0, 8.0),), None),
    ]


def test_response_pending_ends_the_reception_that_brought_it() -> None:
    exchange = sent_at(0.0)
    exchange.reception_started(ECU, 0.1)
    exchange.receive(negative(0x78), ECU, 0.2)
    exchange.receive(bytes.fromhex("62F18C41"), ECU, 0.3)
    assert exchange.next_deadline() == 0.2 + P2_STAR
    exchange.handle_deadline(0.2 + P2_STAR)
    assert reason(exchange) is FailureReason.NO_RESPONSE


def test_silence_after_response_pending_fails_at_p2_star() -> None:
    exchange = sent_at(0.0)
    exchange.receive(negative(0x78), ECU, 0.1)
    exchange.handle_deadline(0.1 + P2_STAR - 1e-6)
    assert exchange.state is State.PENDING
    exchange.handle_deadline(0.1 + P2_STAR)
    assert reason(exchange) is FailureReason.NO_RESPONSE


def test_response_pending_is_bounded_in_total() -> None:
    exchange = sent_at(0.0)
    now = 0.1
    while exchange.state is not State.FAILED:
        exchange.receive(negative(0x78), ECU, now)
        due = exchange.next_deadline()
        assert due is not None
        now = min(now + 4.0, due)
        exchange.handle_deadline(now)
    assert now == 0.1 + POLICY.pending_limit
    assert reason(exchange) is FailureReason.PENDING_TOO_LONG


def test_busy_after_response_pending_is_the_answer() -> None:
    exchange = sent_at(0.0)
    exchange.receive(negative(0x78), ECU, 0.1)
    exchange.receive(negative(0x21), ECU, 0.2)
    assert [it.payload for it in outcome(exchange).responses] == [negative(0x21)]


# ---------------------------------------------------------------- 0x21 and 0x94


@pytest.mark.parametrize("code", [0x21, 0x94])
def test_busy_repeats_after_the_interval(code: int) -> None:
    exchange = sent_at(0.0)
    exchange.receive(negative(code), ECU, 0.1)
    assert exchange.state is State.BUSY
    due = 0.1 + POLICY.busy_interval
    assert exchange.next_deadline() == due
    exchange.handle_deadline(due - 1e-6)
    assert exchange.data_to_send() is None
    exchange.handle_deadline(due)
    assert exchange.data_to_send() == READ_VIN
    exchange.sent(0.4)
    assert exchange.next_deadline() == 0.4 + P2
    exchange.receive(VIN, ECU, 0.5)
    assert outcome(exchange) == Finished((UdsResponse(ECU, VIN, 0, 0.4, 0.5),), None)


def test_an_answer_that_comes_during_the_pause_is_late() -> None:
    exchange = sent_at(0.0)
    exchange.receive(negative(0x21), ECU, 0.1)
    assert not exchange.receive(VIN, ECU, 0.2)
    assert exchange.state is State.BUSY


def test_busy_is_bounded_in_total_and_the_last_refusal_is_kept() -> None:
    exchange = sent_at(0.0)
    now, repeats = 0.1, 0
    while exchange.state is not State.FAILED:
        exchange.receive(negative(0x21), ECU, now)
        due = exchange.next_deadline()
        assert due is not None
        exchange.handle_deadline(due)
        now = due
        if exchange.data_to_send() is not None:
            repeats += 1
            exchange.sent(now)
    assert now == 0.1 + POLICY.busy_limit
    assert repeats == pytest.approx(POLICY.busy_limit / POLICY.busy_interval, abs=1)
    done = outcome(exchange)
    assert done.failure is not None
    assert done.failure.reason is FailureReason.BUSY_TOO_LONG
    assert [it.payload for it in done.responses] == [negative(0x21)]


@pytest.mark.parametrize("request_", ["2701", "2702AABB", "2902"])
def test_security_is_never_repeated(request_: str) -> None:
    data = bytes.fromhex(request_)
    exchange = sent_at(0.0, data)
    exchange.receive(negative(0x21, data[0]), ECU, 0.1)
    assert exchange.data_to_send() is None
    assert [it.payload for it in outcome(exchange).responses] == [negative(0x21, data[0])]


# ---------------------------------------------------------------- suppressed positive answers


def test_silence_is_success_where_it_was_asked_for() -> None:
    exchange = sent_at(0.0, b"\x3e\x80")
    exchange.handle_deadline(P2 - 1e-6)
    assert events(exchange) == []
    exchange.handle_deadline(P2)
    assert outcome(exchange) == Finished((), None)


def test_negative_answers_still_come() -> None:
    exchange = sent_at(0.0, b"\x3e\x80")
    exchange.receive(negative(0x12, 0x3E), ECU, 0.1)
    assert [it.payload for it in outcome(exchange).responses] == [negative(0x12, 0x3E)]


def test_after_response_pending_the_answer_comes_in_any_case() -> None:
    request = bytes.fromhex("3181FF00")
    for answers in (True, False):
        exchange = sent_at(0.0, request)
        exchange.receive(negative(0x78, 0x31), ECU, 0.1)
        if answers:
            exchange.receive(bytes.fromhex("7101FF00"), ECU, 3.0)
            assert outcome(exchange).responses[0].payload == bytes.fromhex("7101FF00")
        else:
            exchange.handle_deadline(0.1 + P2_STAR)
            assert reason(exchange) is FailureReason.NO_RESPONSE


# ---------------------------------------------------------------- everybody


def test_answers_are_gathered_until_p2_is_over() -> None:
    exchange = sent_at(0.0, functional=True)
    exchange.receive(VIN, ECU, 0.02)
    exchange.receive(negative(0x31), OTHER, 0.03)
    assert events(exchange) == []
    exchange.handle_deadline(P2)
    done = outcome(exchange)
    assert [it.source for it in done.responses] == [ECU, OTHER]
    assert done.failure is None


def test_nobody_at_all_is_a_failure_unless_silence_was_asked_for() -> None:
    loud, quiet = sent_at(0.0, functional=True), sent_at(0.0, b"\x3e\x80", functional=True)
    for exchange in (loud, quiet):
        exchange.handle_deadline(P2)
    assert reason(loud) is FailureReason.NO_RESPONSE
    assert outcome(quiet) == Finished((), None)


def test_each_ecu_has_its_own_time_after_response_pending() -> None:
    exchange = sent_at(0.0, functional=True)
    exchange.receive(negative(0x78), ECU, 0.05)
    exchange.receive(negative(0x78), OTHER, 0.10)
    exchange.handle_deadline(P2)
    assert exchange.next_deadline() == 0.05 + P2_STAR
    exchange.receive(VIN, ECU, 3.0)
    assert exchange.next_deadline() == 0.10 + P2_STAR
    exchange.receive(negative(0x78), OTHER, 5.0)
    exchange.receive(VIN, OTHER, 9.0)
    done = outcome(exchange)
    assert [(it.source, it.pending) for it in done.responses] == [(ECU, 1), (OTHER, 2)]
    assert done.failure is None


def test_who_promises_and_stays_silent_is_named_and_the_others_count() -> None:
    exchange = sent_at(0.0, functional=True)
    exchange.receive(VIN, OTHER, 0.01)
    exchange.receive(negative(0x78), ECU, 0.05)
    exchange.handle_deadline(P2)
    exchange.handle_deadline(0.05 + P2_STAR)
    done = outcome(exchange)
    assert [it.source for it in done.responses] == [OTHER]
    assert done.failure is not None
    assert done.failure.reason is FailureReason.NO_RESPONSE
    assert "0x7e8" in done.failure.detail


def test_an_answer_that_has_begun_is_waited_for_beyond_p2() -> None:
    exchange = sent_at(0.0, functional=True)
    exchange.reception_started(ECU, 0.1)
    exchange.handle_deadline(P2)
    assert exchange.state is State.GATHERING
    exchange.receive(VIN, ECU, 0.9)
    assert [it.source for it in outcome(exchange).responses] == [ECU]


def test_a_lost_answer_of_one_ecu_does_not_lose_the_others() -> None:
    exchange = sent_at(0.0, functional=True)
    exchange.reception_started(ECU, 0.05)
    exchange.transport_failed("N_TIMEOUT_Cr", 0.1, source=ECU)
    exchange.receive(VIN, OTHER, 0.12)
    exchange.handle_deadline(P2)
    done = outcome(exchange)
    assert [it.source for it in done.responses] == [OTHER]
    assert done.failure is not None
    assert done.failure.reason is FailureReason.TRANSPORT


def test_an_ecu_answers_once() -> None:
    exchange = sent_at(0.0, functional=True)
    assert exchange.receive(VIN, ECU, 0.01)
    assert not exchange.receive(VIN, ECU, 0.02)
    assert not exchange.receive(negative(0x78), ECU, 0.03)
    exchange.handle_deadline(P2)
    done = outcome(exchange)
    assert (len(done.responses), done.ignored) == (1, 2)


def test_busy_is_an_answer_where_everybody_was_asked() -> None:
    exchange = sent_at(0.0, functional=True)
    exchange.receive(negative(0x21), ECU, 0.01)
    exchange.handle_deadline(P2)
    assert [it.payload for it in outcome(exchange).responses] == [negative(0x21)]


def test_a_flood_of_sources_is_bounded() -> None:
    exchange = sent_at(0.0, functional=True)
    for source in range(2 * MAX_SOURCES):
        exchange.reception_started(source, 0.01)
        exchange.receive(negative(0x78), source + 10_000, 0.01)
    assert len(exchange._waits) <= MAX_SOURCES + 1


def test_a_flood_of_response_pending_never_hides_the_outcome() -> None:
    exchange = sent_at(0.0)
    for _ in range(1000):
        exchange.receive(negative(0x78), ECU, 0.1)
    exchange.receive(VIN, ECU, 0.2)
    found = events(exchange)
    assert len(found) <= 64
    assert isinstance(found[-1], Finished)
    assert found[-1].responses[0].pending == 1000


# ---------------------------------------------------------------- transport and misuse


@pytest.mark.parametrize("steps", ["send", "wait", "pending", "busy", "gather"])
def test_a_transport_failure_ends_the_exchange_wherever_it_stands(steps: str) -> None:
    if steps == "send":
        exchange = TesterExchange(READ_VIN, POLICY)
        exchange.start(0.0)
    else:
        exchange = sent_at(0.0, functional=steps == "gather")
    if steps in {"pending", "busy"}:
        exchange.receive(negative(0x78 if steps == "pending" else 0x21), ECU, 0.1)
    exchange.transport_failed("N_TIMEOUT_Bs", 0.2)
    done = outcome(exchange)
    assert done.failure is not None
    assert done.failure.reason is FailureReason.TRANSPORT
    assert "N_TIMEOUT_Bs" in done.failure.detail
    exchange.transport_failed("again", 0.3)
    assert events(exchange) == []
    assert exchange.data_to_send() is None


def test_the_driver_is_told_when_it_is_out_of_step() -> None:
    exchange = TesterExchange(READ_VIN, POLICY)
    with pytest.raises(LocalProtocolError, match="SENT"):
        exchange.sent(0.0)
    with pytest.raises(LocalProtocolError, match="FAULT"):
        exchange.transport_failed("no bus", 0.0)
    exchange.start(0.0)
    with pytest.raises(LocalProtocolError, match="START"):
        exchange.start(0.0)
    exchange.sent(0.0)
    with pytest.raises(LocalProtocolError, match="SENT"):
        exchange.sent(0.0)
    with pytest.raises(LocalProtocolError, match="identifier"):
        exchange.receive(VIN, -1, 0.0)


@pytest.mark.parametrize("request_", ["", "62F190", "7F2231"])
def test_what_is_no_request_is_never_started(request_: str) -> None:
    with pytest.raises(LocalProtocolError):
        TesterExchange(bytes.fromhex(request_), POLICY)


ANSWERS = st.one_of(
    st.sampled_from([VIN, negative(0x78), negative(0x21), negative(0x31), b"", b"\x62\xf1\x8c"]),
    st.binary(max_size=6),
)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("receive"), ANSWERS, st.sampled_from([ECU, OTHER])),
        st.tuples(st.just("begin"), st.just(b""), st.sampled_from([ECU, OTHER])),
        st.tuples(st.just("lost"), st.just(b""), st.sampled_from([ECU, OTHER])),
        st.tuples(st.just("time"), st.just(b""), st.integers(0, 3000)),
    ),
    max_size=25,
)


def apply(exchange: TesterExchange, what: str, payload: bytes, number: int, now: float) -> float:
    """Do one step; return the time after it."""
    if what == "receive":
        exchange.receive(payload, number, now)
    elif what == "begin":
        exchange.reception_started(number, now)
    elif what == "lost":
        exchange.transport_failed("lost", now, number if exchange.functional else None)
    else:
        now += number / 1000
        exchange.handle_deadline(now)
    if exchange.data_to_send() is not None:
        exchange.sent(now)
    return now


@pytest.mark.slow
@given(
    steps=STEPS,
    functional=st.booleans(),
    request_=st.sampled_from([READ_VIN, b"\x3e\x80", b"\x27\x01"]),
)
def test_whatever_comes_every_exchange_ends_once(
    steps: list[tuple[str, bytes, int]], functional: bool, request_: bytes
) -> None:
    exchange = sent_at(0.0, request_, functional=functional)
    now = 0.0
    for what, payload, number in steps:
        now = apply(exchange, what, payload, number, now)
    while (due := exchange.next_deadline()) is not None:
        now = max(now, due)
        exchange.handle_deadline(now)
        if exchange.data_to_send() is not None:
            exchange.sent(now)
    done = outcome(exchange)
    assert (done.failure is None) == (exchange.state is State.DONE)
    assert len({it.source for it in done.responses}) == len(done.responses)
    if done.failure is None and not done.responses:
        assert request_ == b"\x3e\x80"
