from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_sim.vehicle.trouble_codes import parse_trouble_code
from gateway.tickets.unattended.trouble_codes import TroubleCode, decode

NUMBERS = st.integers(0, 0xFFFFFF)


@given(st.lists(st.tuples(NUMBERS, st.integers(0, 255)), max_size=20))
def test_what_control_units_send_is_what_is_read(codes: list[tuple[int, int]]) -> None:
    records = b"".join(number.to_bytes(3) + bytes((status,)) for number, status in codes)
    found = decode(b"\x59\x02\xff" + records)
    assert [(code.number, code.status) for code in found] == codes


@given(NUMBERS)
def test_codes_are_spelled_as_simulated_vehicles_spell_them(number: int) -> None:
    assert parse_trouble_code(TroubleCode(number, 0).text) == number


@pytest.mark.parametrize(
    ("status", "words"),
    [(0x2F, "present, pending, confirmed"), (0x50, "not present"), (0x88, "confirmed, lamp on")],
)
def test_states_are_told_in_words(status: int, words: str) -> None:
    assert TroubleCode(0x030111, status).state == words


@pytest.mark.parametrize("answer", ["", "59", "5902", "590AFF", "5902FF030111", "7F1911"])
def test_other_answers_are_refused(answer: str) -> None:
    with pytest.raises(ValueError, match="no list of trouble codes"):
        decode(bytes.fromhex(answer))
