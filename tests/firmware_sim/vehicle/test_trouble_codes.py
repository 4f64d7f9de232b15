from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from udsoncan import Dtc

from firmware_sim.vehicle.trouble_codes import format_trouble_code, parse_trouble_code


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("P0301-00", 0x030100),
        ("P0301", 0x030100),
        ("C1A2B-11", 0x5A2B11),
        ("B10F1-14", 0x90F114),
        ("U3FFF-FF", 0xFFFFFF),
    ],
)
def test_golden_codes(text: str, number: int) -> None:
    assert parse_trouble_code(text) == number


@given(st.integers(0, 0xFFFFFF))
def test_every_number_has_a_text_and_udsoncan_agrees(number: int) -> None:
    text = format_trouble_code(number)
    assert parse_trouble_code(text) == number
    assert Dtc(number).id_iso() == text


@pytest.mark.parametrize("text", ["", "P4301", "X0301", "P030", "P0301-1", "p0301", "P0301-00 "])
def test_what_has_not_the_form_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="write it like P0301-11"):
        parse_trouble_code(text)
