from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_sim.vehicle.data_spec import IdentifierSpec
from firmware_sim.vehicle.dialogue import TimedResponse
from firmware_sim.vehicle.ecu import EcuApplication
from firmware_sim.vehicle.ecu_spec import EcuSpec, TimingSpec
from firmware_sim.vehicle.function_spec import RoutineSpec
from firmware_sim.vehicle.record import Hex

TIMING = TimingSpec(response=0.002, jitter=0.0, p2=0.05, p2_star=2.0, boot=0.5, clear=0.1)
SPEC = EcuSpec(
    name="engine",
    logical_address=0x10,
    timing=TIMING,
    identifiers=(IdentifierSpec(id=0x0600, name="coding", hex=Hex(b"\x01")),),
    routines=(RoutineSpec(id=0x0203, name="long", sessions=(1, 3), work=3.0),),
)


def ecu(spec: EcuSpec = SPEC, seed: str = "seed") -> EcuApplication:
    return EcuApplication(spec, "WVWZZZAUZHP341562", seed)


def said(responses: list[TimedResponse]) -> list[tuple[float, str]]:
    return [(round(response.delay, 6), response.payload.hex()) for response in responses]


def ask(unit: EcuApplication, request: str, now: float = 0.0, **options: bool) -> list[str]:
    return [text for _, text in said(unit.handle(bytes.fromhex(request), now, **options))]


def test_an_answer_takes_the_usual_time() -> None:
    assert said(ecu().handle(b"\x22\x06\x00", 0.0)) == [(0.002, "62060001")]


def test_long_work_is_announced_before_p2_and_again_within_every_p2_star() -> None:
    responses = said(ecu().handle(bytes.fromhex("31010203"), 0.0))
    assert responses == [
        (0.002, "7f3178"),
        (1.402, "7f3178"),
        (2.802, "7f3178"),
        (3.002, "7101020302"),
    ]


def test_a_suppressed_positive_answer_is_silence_but_not_after_0x78() -> None:
    assert ask(ecu(), "3e80") == []
    assert ask(ecu(), "31810203") == ["7f3178"] * 3 + ["7101020302"]


def test_a_suppressed_request_is_still_refused() -> None:
    assert ask(ecu(), "10c0") == ["7f1012"]


def test_services_without_sub_function_have_no_suppress_bit() -> None:
    assert ask(ecu(), "228600") == ["7f2231"]


def test_while_it_works_the_ecu_is_busy_except_for_tester_present() -> None:
    unit = ecu()
    unit.handle(bytes.fromhex("31010203"), 0.0)
    assert ask(unit, "220600", 1.0) == ["7f2221"]
    assert ask(unit, "3e00", 1.0) == ["7e00"]
    assert ask(unit, "220600", 3.1) == ["62060001"]


def test_a_request_within_the_usual_time_waits_its_turn() -> None:
    unit = ecu()
    assert said(unit.handle(b"\x3e\x80", 0.0)) == []
    assert said(unit.handle(b"\x22\x06\x00", 0.0005)) == [(0.0035, "62060001")]
    assert said(unit.handle(b"\x22\x06\x00", 1.0)) == [(0.002, "62060001")]


def test_a_flood_of_requests_is_answered_busy_not_ever_later() -> None:
    unit = ecu()
    answers = [unit.handle(b"\x22\x06\x00", 0.0)[0] for _ in range(100)]
    assert max(answer.delay for answer in answers) < TIMING.p2
    assert {answer.payload.hex() for answer in answers} == {"62060001", "7f2221"}
    assert ask(unit, "220600", 0.06) == ["62060001"]


def test_silent_refusals_of_a_functional_request() -> None:
    for request in ("ba00", "10c0", "22ffff", "2e060002"):
        assert ask(ecu(), request, functional=True) == []
        assert len(ask(ecu(), request)) == 1
    assert ask(ecu(), "2206", functional=True) == ["7f2213"]  # 13 is not one of the silent ones
    assert ask(ecu(), "220600", functional=True) == ["62060001"]


def test_after_a_reset_the_ecu_is_deaf_until_it_has_started() -> None:
    unit = ecu()
    ask(unit, "1003")
    assert ask(unit, "1101", 1.0) == ["5101"]
    assert ask(unit, "220600", 1.4) == []
    assert ask(unit, "22f186", 1.51) == ["62f18601"]


def test_a_session_falls_back_after_s3_and_not_before() -> None:
    unit = ecu()
    ask(unit, "1003")
    assert unit.next_deadline() == pytest.approx(5.002)
    assert ask(unit, "22f186", 5.0) == ["62f18603"]
    assert ask(unit, "22f186", 10.0) == ["62f18603"]
    unit.handle_deadline(15.01)
    assert ask(unit, "22f186", 15.01) == ["62f18601"]


def test_s3_does_not_run_out_during_long_work() -> None:
    slow = EcuSpec(
        name="slow",
        timing=TIMING,
        routines=(RoutineSpec(id=1, name="x", work=20.0),),
    )
    unit = ecu(slow)
    ask(unit, "1003")
    ask(unit, "31010001", 1.0)
    ask(unit, "3e80", 2.0)
    assert ask(unit, "22f186", 21.5) == ["62f18603"]


def test_the_same_seed_gives_the_same_bytes_and_times() -> None:
    jittery = EcuSpec(name="x", timing=TimingSpec(response=0.001, jitter=0.01, p2=0.05))
    first = [said(ecu(jittery).handle(b"\x3e\x00", 0.0)) for _ in range(2)]
    assert first[0] == first[1]
    assert said(ecu(jittery, "other").handle(b"\x3e\x00", 0.0)) != first[0]


@given(st.lists(st.binary(max_size=12), max_size=20), st.booleans())
def test_any_bytes_are_answered_by_the_standard_or_not_at_all(
    requests: list[bytes], functional: bool
) -> None:
    unit = ecu()
    now = 0.0
    for request in requests:
        for response in unit.handle(request, now, functional=functional):
            positive = response.payload[0] == (request[0] + 0x40) & 0xFF
            negative = response.payload[:2] == bytes([0x7F, request[0]])
            assert positive or negative
            assert 0 < response.delay < 4
        now += 1.0


def test_without_an_address_the_logical_one_is_zero() -> None:
    assert ecu().logical_address == 0x10
    assert ecu(EcuSpec(name="x")).logical_address == 0
