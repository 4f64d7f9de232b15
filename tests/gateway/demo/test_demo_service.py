from __future__ import annotations

import pytest

from gateway.demo.service import ecus_of, key_for, spell


@pytest.mark.parametrize(
    ("code", "spelled"),
    [
        (0x030100, "P0301-00"),
        (0x916814, "B1168-14"),
        (0xD12100, "U1121-00"),
        (0x4A0B7F, "C0A0B-7F"),
    ],
)
def test_trouble_codes_are_spelled_as_people_write_them(code: int, spelled: str) -> None:
    assert spell(code) == spelled


def test_a_key_answers_its_seed_and_no_other() -> None:
    assert len(key_for(b"\1\2\3\4")) == 4
    assert key_for(b"\1\2\3\4") != key_for(b"\1\2\3\5")


def test_control_units_are_named_the_way_their_bus_needs() -> None:
    listed = [
        {"name": "engine", "request_id": 0x7E0, "response_id": 0x7E8, "logical_address": None},
        {"name": "body", "request_id": None, "response_id": None, "logical_address": 0x1201},
    ]
    can, doip = ecus_of({"ecus": listed})
    assert can.address == {"request_id": 0x7E0, "response_id": 0x7E8}
    assert doip.address == {"logical_address": 0x1201}
