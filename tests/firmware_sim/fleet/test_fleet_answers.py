from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_sim.fleet.answers import answer, refused, result
from protocols.link.messages import ExchangeRequest
from protocols.link.vehicle import CanTarget, DoipTarget, FunctionalTarget, Target

VIN = "WVWZZZAUZHP000001"
ENGINE = CanTarget(0x7E0, 0x7E8)


@pytest.mark.parametrize(
    ("request_hex", "answer_hex"),
    [
        ("22F190", "62F190" + VIN.encode().hex()),
        ("3E00", "7E00"),
        ("3E80", None),
        ("1003", "5003003201F4"),
        ("1083", None),
        ("1902FF", "5902FF01300008" + "03010008" + "C1000004"),
        ("22F187", "7F2231"),
        ("22F1", "7F2231"),
        ("1902", "7F1911"),
        ("2701", "7F2711"),
        ("1101", "7F1111"),
        ("3E", "7F3E11"),
    ],
)
def test_the_table_says(request_hex: str, answer_hex: str | None) -> None:
    expected = None if answer_hex is None else bytes.fromhex(answer_hex)
    assert answer(VIN, bytes.fromhex(request_hex)) == expected


@pytest.mark.slow
@given(st.binary(min_size=1, max_size=40))
def test_every_request_has_an_answer_of_the_form_of_one(request: bytes) -> None:
    data = answer(VIN, request)
    if data is not None:
        assert data[0] == request[0] + 0x40 or data[:2] == bytes((0x7F, request[0]))


@pytest.mark.parametrize(
    ("target", "failure"),
    [
        (ENGINE, ""),
        (FunctionalTarget(), ""),
        (CanTarget(0x7DF), ""),
        (FunctionalTarget("can1"), "unknown_bus"),
        (CanTarget(0x7E0, 0x7E8, "can7"), "unknown_bus"),
        (CanTarget(0x7E1, 0x7E9), "no_response"),
        (DoipTarget(0x1000), "unknown_ecu"),
    ],
)
def test_only_its_one_control_unit_answers(target: Target, failure: str) -> None:
    told = result(VIN, ExchangeRequest(7, "s", target, b"\x3e\x00"), 1.5)
    assert (told.id, told.failure) == (7, failure)
    assert [(r.source, r.data, r.sent_us) for r in told.responses] == (
        [] if failure else [(0x7E8, b"\x7e\x00", 1_500_000)]
    )


def test_silence_is_a_result_without_responses_and_nothing_is_refused() -> None:
    told = result(VIN, ExchangeRequest(1, "s", ENGINE, b"\x3e\x80"), 0.0)
    assert (told.responses, told.failure) == ((), "")
    assert result(VIN, ExchangeRequest(1, "s", ENGINE, b""), 0.0).failure == "refused"
    assert refused(ExchangeRequest(3, "s", ENGINE, b"\x3e\x00")).failure == "refused"
