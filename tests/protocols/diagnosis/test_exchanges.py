from __future__ import annotations

import itertools
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.can.frame import CanFrame
from protocols.diagnosis import exchanges as module
from protocols.diagnosis.exchanges import CanExchanges
from protocols.diagnosis.route import CanRoute
from protocols.errors import LocalProtocolError
from protocols.isotp.addressing import IsoTpAddress
from protocols.isotp.params import IsoTpParams
from protocols.uds.outcome import FailureReason
from protocols.uds.policy import ExchangePolicy
from tests.support.can_line import Answer, Line

POLICY = ExchangePolicy(p2=0.05, p2_star=1.0, margin=0.05)
ENGINE, BODY = IsoTpAddress.obd_11(0), IsoTpAddress.obd_11(1)
TO_ENGINE, TO_BODY = (CanRoute("can0", (address,), functional=False) for address in (ENGINE, BODY))
EVERYBODY = CanRoute("can0", (ENGINE, BODY), functional=True)
READ_VIN = b"\x22\xf1\x90"
PRESENT = b"\x3e\x80"
VIN = b"\x62\xf1\x90WVWZZZAUZHP341562"


def after(delay: float, answer: bytes = VIN) -> Answer:
    return lambda _request: [(delay, answer)]


def echo(delay: float = 0.01) -> Answer:
    """Answer every read with its own identifier and nothing that another one could have."""
    return lambda request: [(delay, bytes([request[0] + 0x40]) + request[1:])]


def line_with(*answers: Answer, way: float = 0.0) -> Line:
    line = Line(CanExchanges(), way)
    for number, answer in enumerate(answers):
        line.ecu(0x7E0 + number, 0x7E8 + number, answer)
    return line


def payloads(line: Line, number: int) -> list[bytes]:
    return [response.payload for response in line.outcomes[number].responses]


def test_a_long_answer_in_exact_time() -> None:
    line = line_with(after(0.004))
    line.exchanges.start(7, ENGINE, READ_VIN, POLICY, line.now)
    line.run()
    (response,) = line.outcomes[7].responses
    assert (response.source, response.payload) == (0x7E8, VIN)
    assert response.received_at - response.sent_at == pytest.approx(0.004)
    assert len(line.exchanges) == 0
    assert line.exchanges._routes == {}


def test_a_long_request_waits_for_flow_control_and_counts_p2_from_its_end() -> None:
    line = Line(CanExchanges())
    ecu = line.ecu(0x7E0, 0x7E8, after(0.09, b"\x6e\x06\x00"), stmin=10)
    line.exchanges.start(1, ENGINE, b"\x2e\x06\x00" + bytes(60), POLICY, line.now)
    line.run()
    (response,) = line.outcomes[1].responses
    assert ecu.asked[0][1] == b"\x2e\x06\x00" + bytes(60)
    assert response.sent_at == pytest.approx(100.0 + 9 * 0.01)  # nine frames after the first
    assert response.received_at - response.sent_at == pytest.approx(0.09)


def test_p2_begins_when_the_frame_has_left_not_when_it_was_handed_out() -> None:
    exchanges = CanExchanges()
    exchanges.start(1, ENGINE, READ_VIN, POLICY, 0.0)
    assert len(exchanges.frames_to_send()) == 1
    assert exchanges.next_deadline() is None
    # What comes meanwhile cannot be its answer.
    exchanges.receive(CanFrame(0x7E8, b"\x04\x62\xf1\x90\x55"), 0.4)
    exchanges.frames_sent(0.5)
    assert exchanges.next_event() is None
    assert exchanges.next_deadline() == pytest.approx(0.6)
    exchanges.receive(CanFrame(0x7E8, b"\x04\x62\xf1\x90\x55"), 0.55)
    event = exchanges.next_event()
    assert event is not None
    assert event.outcome.responses[0].sent_at == 0.5
    assert event.outcome.ignored == 1


def test_one_ecu_is_asked_by_one_at_a_time_in_order_and_others_meanwhile() -> None:
    line = line_with(echo(0.04), echo(0.04))
    for number, (address, identifier) in enumerate([(ENGINE, 1), (ENGINE, 2), (BODY, 3)]):
        line.exchanges.start(number, address, bytes([0x22, 0, identifier]), POLICY, line.now)
    line.run()
    ended = {number: round(at - 100, 3) for number, at in line.finished_at.items()}
    assert ended == {0: 0.04, 2: 0.04, 1: 0.08}
    assert [request for _, request in line.ecus[0].asked] == [b"\x22\x00\x01", b"\x22\x00\x02"]


def test_a_late_answer_is_nobodys_and_never_a_newer_requests() -> None:
    slow = iter([0.15, 0.09])  # the first answer comes when the second request is under way
    line = line_with(lambda request: [(next(slow), b"\x62" + request[1:])])
    line.exchanges.start(1, ENGINE, READ_VIN, POLICY, line.now)
    line.exchanges.start(2, ENGINE, b"\x22\xf1\x87", POLICY, line.now)
    line.run()
    failure = line.outcomes[1].failure
    assert failure is not None
    assert failure.reason is FailureReason.NO_RESPONSE
    assert payloads(line, 2) == [b"\x62\xf1\x87"]
    assert line.outcomes[2].ignored == 1


def test_frames_of_nobody_are_refused_and_not_wanted() -> None:
    line = line_with(after(0.01))
    stranger = CanFrame(0x123, b"\x01")
    assert not line.exchanges.receive(stranger, line.now)
    line.exchanges.start(1, ENGINE, READ_VIN, POLICY, line.now)
    assert set(line.exchanges._routes) == {(0x7E8, False)}
    answer = CanFrame(0x7E8, b"\x01")
    assert line.exchanges.wants(answer)
    for other in (
        stranger,
        CanFrame(0x7E8, b"\x01", extended=True),
        CanFrame(0x7E8, remote=True),
        CanFrame(0x7E8, error=True),
    ):
        assert not line.exchanges.wants(other)


def test_a_functional_request_gathers_everybody_and_takes_everybodys_turn() -> None:
    line = line_with(after(0.01), lambda _: [(0.02, b"\x7f\x22\x78"), (0.6, b"\x62\xf1\x90BODY")])
    everybody = [IsoTpAddress.obd_11(number) for number in range(8)]
    line.exchanges.start_functional(1, everybody, READ_VIN, POLICY, line.now)
    line.exchanges.start(2, BODY, READ_VIN, POLICY, line.now)
    line.run(until=100.1)
    assert 2 not in line.outcomes
    assert len(line.ecus[1].asked) == 1
    line.run()
    assert payloads(line, 1) == [VIN, b"\x62\xf1\x90BODY"]
    assert line.sent[0].id == 0x7DF
    assert payloads(line, 2) == [b"\x62\xf1\x90BODY"]
    assert line.finished_at[2] > line.finished_at[1]


def test_nobody_overtakes_a_waiting_functional_request() -> None:
    line = line_with(echo(0.05), echo(0.05))
    line.exchanges.start(1, ENGINE, READ_VIN, POLICY, line.now)
    line.exchanges.start_functional(2, (BODY, ENGINE), READ_VIN, POLICY, line.now)
    line.exchanges.start(3, BODY, READ_VIN, POLICY, line.now)
    line.run()
    assert list(line.finished_at) == [1, 2, 3]


def test_busy_is_repeated_and_pending_is_waited_for() -> None:
    answers = iter([[(0.01, b"\x7f\x22\x21")], [(0.01, b"\x7f\x22\x78"), (0.9, VIN)]])
    line = line_with(lambda _: next(answers))
    line.exchanges.start(1, ENGINE, READ_VIN, POLICY, line.now)
    line.run()
    assert line.outcomes[1].responses[0].pending == 1
    assert len(line.ecus[0].asked) == 2
    assert payloads(line, 1) == [VIN]


def test_an_answer_that_breaks_off_and_a_request_nobody_takes_fail_by_iso_tps_timers() -> None:
    line = line_with()
    line.exchanges.start(1, ENGINE, READ_VIN, POLICY, line.now)
    line.exchanges.start(2, BODY, b"\x2e\x06\x00" + bytes(20), POLICY, line.now)
    line.run(until=100.01)
    line.inject(CanFrame(0x7E8, bytes.fromhex("101462f190575657")))
    line.run()
    details = [line.outcomes[number].failure for number in (1, 2)]
    assert [it.reason for it in details if it] == [FailureReason.TRANSPORT] * 2
    assert "N_TIMEOUT_Cr" in str(details[0])
    assert "N_TIMEOUT_Bs" in str(details[1])
    assert line.finished_at == {2: pytest.approx(101.0), 1: pytest.approx(101.01)}


def test_a_failed_bus_ends_what_runs_and_lets_the_next_begin() -> None:
    exchanges = CanExchanges()
    for number in (1, 2):
        exchanges.start(number, ENGINE, bytes([0x22, 0, number]), POLICY, 0.0)
    assert [frame.data[3] for frame in exchanges.frames_to_send()] == [1]
    exchanges.bus_failed("can0 was pulled", 0.1)
    exchanges.frames_sent(0.1)
    event = exchanges.next_event()
    assert event is not None
    assert (event.number, exchanges.next_event()) == (1, None)
    assert event.outcome.failure is not None
    assert event.outcome.failure.reason is FailureReason.TRANSPORT
    assert "pulled" in event.outcome.failure.detail
    assert [frame.data[3] for frame in exchanges.frames_to_send()] == [2]


def test_what_is_cancelled_is_gone_with_its_frames() -> None:
    exchanges = CanExchanges()
    for number in (1, 2, 3):
        exchanges.start(number, ENGINE, bytes([0x22, 0, number]), POLICY, 0.0)
    exchanges.cancel(1, 0.0)
    exchanges.cancel(3, 0.0)
    exchanges.cancel(3, 0.0)
    exchanges.cancel(99, 0.0)
    assert [frame.data[3] for frame in exchanges.frames_to_send()] == [2]
    exchanges.frames_sent(0.0)
    exchanges.cancel(2, 0.0)
    assert exchanges.next_event() is None
    assert exchanges.next_deadline() is None
    assert (len(exchanges), exchanges._routes) == (0, {})


@pytest.mark.parametrize("queued", [False, True])
@pytest.mark.parametrize("request_", [b"", bytes(4096)])
def test_a_request_that_cannot_be_sent_is_refused_at_once(request_: bytes, queued: bool) -> None:
    exchanges = CanExchanges()
    if queued:
        exchanges.start(1, ENGINE, READ_VIN, POLICY, 0.0)
    before = len(exchanges)
    with pytest.raises(LocalProtocolError):
        exchanges.start(2, ENGINE, request_, POLICY, 0.0)
    with pytest.raises(LocalProtocolError):
        exchanges.start_functional(2, (ENGINE,), b"\x22" + bytes(7), POLICY, 0.0)
    assert len(exchanges) == before


def test_misuse_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    exchanges = CanExchanges()
    with pytest.raises(LocalProtocolError, match="no control unit"):
        exchanges.start_functional(1, (), READ_VIN, POLICY, 0.0)
    exchanges.start(1, ENGINE, READ_VIN, POLICY, 0.0)
    with pytest.raises(LocalProtocolError, match="1 is under way"):
        exchanges.start(1, BODY, READ_VIN, POLICY, 0.0)
    monkeypatch.setattr(module, "MAX_EXCHANGES", 1)
    with pytest.raises(LocalProtocolError, match="under way on this bus"):
        exchanges.start(2, BODY, READ_VIN, POLICY, 0.0)
    assert len(exchanges) == 1


def test_addresses_that_share_an_identifier_are_told_apart_by_their_first_byte() -> None:
    line = Line(CanExchanges())
    first = IsoTpAddress.extended_11(0x6F1, 0x612, 0x12, 0xF1)
    second = IsoTpAddress.extended_11(0x6F1, 0x612, 0x13, 0xF2)
    line.exchanges.start(1, first, READ_VIN, POLICY, line.now)
    line.exchanges.start(2, second, READ_VIN, POLICY, line.now)
    line.run(until=100.01)
    line.inject(CanFrame(0x612, bytes.fromhex("F20462F19002")))
    line.inject(CanFrame(0x612, bytes.fromhex("F10462F19001")))
    line.run()
    assert payloads(line, 1) == [b"\x62\xf1\x90\x01"]
    assert payloads(line, 2) == [b"\x62\xf1\x90\x02"]


def test_a_round_trip_within_the_policy_changes_nothing_but_time() -> None:
    line = line_with(after(0.04), way=0.15)
    patient = ExchangePolicy(p2=0.05, margin=0.05 + 0.3)
    line.exchanges.start(1, ENGINE, READ_VIN, patient, line.now)
    line.run()
    assert payloads(line, 1) == [VIN]
    # There and back, then first frame, flow control and the rest: twice the round trip.
    assert line.finished_at[1] - 100 == pytest.approx(0.64)


Job = tuple[int, int, int, bool]
jobs = st.lists(
    st.tuples(
        st.integers(0, 200),  # when it is asked, milliseconds
        st.integers(0, 3),  # whom
        st.integers(0, 60),  # bytes beyond the request's number
        st.booleans(),  # it is given up halfway
    ),
    max_size=12,
)


@given(jobs, st.lists(st.integers(0, 130), min_size=1, max_size=6), st.sampled_from((0.0, 0.003)))
def test_any_interleaving_gives_each_request_its_own_answer_or_a_clear_failure(
    asked: Sequence[Job], delays: Sequence[int], way: float
) -> None:
    turns = itertools.cycle(delays)

    def answer(request: bytes) -> list[tuple[float, bytes]]:
        return [(next(turns) / 1000, b"\x62" + request[1:3] + request[1:3] * 10)]

    line = line_with(*[answer] * 4, way=way)
    cancelled = set()
    for number, (at, whom, _, given_up) in enumerate(sorted(asked)):
        line.run(until=100 + at / 1000)
        identifier = number.to_bytes(2, "big")
        address = IsoTpAddress.obd_11(whom)
        line.exchanges.start(number, address, b"\x22" + identifier, POLICY, line.now)
        if given_up:
            line.run(until=line.now + 0.01)
            line.exchanges.cancel(number, line.now)
            if number not in line.outcomes:
                cancelled.add(number)
    line.run()
    assert set(line.outcomes) | cancelled == set(range(len(asked)))
    assert not set(line.outcomes) & cancelled
    for number, outcome in line.outcomes.items():
        own = number.to_bytes(2, "big")
        assert [it.payload for it in outcome.responses] in ([], [b"\x62" + own * 11])
        assert (outcome.failure is None) == bool(outcome.responses)
    assert (len(line.exchanges), line.exchanges._routes) == (0, {})
    assert line.exchanges.frames_to_send() == []


def serve(exchanges: CanExchanges, now: float) -> int:
    """Let everything leave; return how many exchanges ended."""
    exchanges.frames_to_send()
    exchanges.frames_sent(now)
    ended = 0
    while exchanges.next_event() is not None:
        ended += 1
    return ended


@given(
    st.lists(
        st.one_of(
            st.tuples(st.just("frame"), st.integers(0x7E6, 0x7EA), st.binary(max_size=8)),
            st.tuples(st.just("time"), st.integers(0, 3000), st.just(b"")),
            st.tuples(st.just("start"), st.integers(0, 2), st.binary(min_size=1, max_size=40)),
            st.tuples(st.just("fail"), st.just(0), st.just(b"")),
        ),
        max_size=40,
    )
)
def test_no_frames_in_any_order_break_the_machine(
    steps: Sequence[tuple[str, int, bytes]],
) -> None:
    exchanges, now, ended, begun = CanExchanges(IsoTpParams()), 0.0, 0, 0
    for what, number, data in steps:
        match what:
            case "frame":
                exchanges.receive(CanFrame(number, data), now)
            case "start":
                exchanges.start(begun, IsoTpAddress.obd_11(number), b"\x22" + data, POLICY, now)
                begun += 1
            case "fail":
                exchanges.bus_failed("gone", now)
            case _:
                now += number / 1000
                exchanges.handle_deadline(now)
        ended += serve(exchanges, now)
    while (due := exchanges.next_deadline()) is not None:
        now = max(now, due)
        exchanges.handle_deadline(now)
        ended += serve(exchanges, now)
    assert ended == begun
    assert (len(exchanges), exchanges._routes) == (0, {})


def test_tester_present_passes_a_control_unit_at_work() -> None:
    line = line_with(lambda request: [(0.01, b"\x7f\x22\x78"), (0.9, VIN)] * (request[0] == 0x22))
    line.exchanges.start(1, ENGINE, READ_VIN, POLICY, line.now)
    assert not line.exchanges.interject(TO_ENGINE, PRESENT, line.now), "it has not asked for time"
    line.run(until=100.5)
    assert not line.exchanges.interject(TO_BODY, PRESENT, line.now), "nobody asks that one"
    assert not line.exchanges.interject(EVERYBODY, PRESENT, line.now)
    assert not line.exchanges.interject(TO_ENGINE, READ_VIN, line.now), "that has its turn"
    assert line.exchanges.interject(TO_ENGINE, PRESENT, line.now)
    line.run()
    assert line.outcomes[1].failure is None
    assert payloads(line, 1) == [VIN]
    assert [request for _, request in line.ecus[0].asked] == [READ_VIN, b"\x3e\x80"]


def test_nothing_is_sent_into_an_answer_on_its_way() -> None:
    exchanges = CanExchanges()
    exchanges.start(1, ENGINE, READ_VIN, POLICY, 0.0)
    exchanges.frames_to_send()
    exchanges.frames_sent(0.0)
    exchanges.receive(CanFrame(0x7E8, b"\x03\x7f\x22\x78"), 0.01)
    exchanges.receive(CanFrame(0x7E8, bytes.fromhex("101462f190575657")), 0.02)
    assert not exchanges.interject(TO_ENGINE, PRESENT, 0.03)


def test_a_flood_of_first_frames_ends_the_exchange() -> None:
    line = line_with(lambda _request: [])
    line.exchanges.start(1, ENGINE, READ_VIN, POLICY, line.now)
    line.run(until=100.01)
    for _ in range(50):
        line.inject(CanFrame(0x7E8, bytes.fromhex("101462f190575657")))
        line.run(until=line.now + 0.001)
    failure = line.outcomes[1].failure
    assert failure is not None
    assert failure.reason is FailureReason.TRANSPORT
    assert "N_UNEXP_PDU" in failure.detail


@pytest.mark.parametrize("frame", ["2100000000000000", "0462f18700cccccc", "300000", "ffffffff"])
def test_a_flood_of_anything_else_ends_with_p2(frame: str) -> None:
    line = line_with(lambda _request: [])
    line.exchanges.start(1, ENGINE, READ_VIN, POLICY, line.now)
    began = line.now
    while 1 not in line.outcomes:
        line.inject(CanFrame(0x7E8, bytes.fromhex(frame)))
        line.run(until=line.now + 0.001)
    failure = line.outcomes[1].failure
    assert failure is not None
    assert failure.reason in {FailureReason.NO_RESPONSE, FailureReason.UNEXPECTED}
    assert line.finished_at[1] - began == pytest.approx(POLICY.p2_client, abs=0.002)


def test_control_units_behind_one_identifier_answer_for_themselves() -> None:
    exchanges = CanExchanges()
    addresses = [IsoTpAddress.mixed_11(0x7E0, 0x7E8, part, 0x7DF) for part in (1, 2)]
    exchanges.start_functional(1, addresses, b"\x3e\x00", POLICY, 0.0)
    exchanges.frames_to_send()
    exchanges.frames_sent(0.0)
    for part in (1, 2, 2):
        exchanges.receive(CanFrame(0x7E8, bytes([part, 2, 0x7E, 0])), 0.01)
    exchanges.handle_deadline(0.2)
    event = exchanges.next_event()
    assert event is not None
    assert [it.source for it in event.outcome.responses] == [0x7E8, 0x7E8]
    assert event.outcome.ignored == 1
