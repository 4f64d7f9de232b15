from __future__ import annotations

import pytest

from protocols.diagnosis.identification import vin_in, wrote_vin

VIN = b"WVWZZZAUZHP341562"


@pytest.mark.parametrize(
    ("answer", "vin"),
    [
        (b"\x62\xf1\x90" + VIN, VIN.decode()),
        (b"\x62\xf1\x90" + VIN + b"\0\0", VIN.decode()),
        (b"\x62\xf1\x90", None),
        (b"\x62\xf1\x90\0\0", None),
        (b"\x62\xf1\x90\xff\xff", None),
        (b"\x7f\x22\x31", None),
        (b"\x62\xf1\x87" + VIN, None),
        (b"", None),
    ],
)
def test_an_answer_tells_a_number_or_none(answer: bytes, vin: str | None) -> None:
    assert vin_in(answer) == vin


def test_a_number_that_was_written_is_another_one() -> None:
    assert wrote_vin(b"\x6e\xf1\x90")
    assert not wrote_vin(b"\x62\xf1\x90")
