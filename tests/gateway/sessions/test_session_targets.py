from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.domain.errors import GatewayError, Invalid, TooLarge
from gateway.sessions.targets import EcuAddress, to_request, to_target
from protocols.diagnosis.speech import MAX_PAYLOAD
from protocols.link.vehicle import (
    CanTarget,
    DoipTarget,
    FunctionalTarget,
    IsoTpOptions,
    Target,
)

CAN = CanTarget(0x7E0, 0x7E8)
DOIP = DoipTarget(0x1010)


def _target(**members: object) -> Target:
    return to_target(msgspec.convert(members, EcuAddress))


# --- control units -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("members", "target"),
    [
        ({"request_id": 2016, "response_id": 2024}, CAN),
        ({"request_id": "0x7E0", "response_id": "0x7E8"}, CAN),
        ({"request_id": "2016", "response_id": "0o3750"}, CAN),
        (
            {"request_id": 0x7E0, "response_id": 0x7E8, "bus": "can1"},
            CanTarget(0x7E0, 0x7E8, bus="can1"),
        ),
        (
            {"request_id": 0x18DA10F1, "response_id": 0x18DAF110, "addressing": "normal_fixed"},
            CanTarget(0x18DA10F1, 0x18DAF110, extended=True, mode="normal_fixed"),
        ),
        (
            {"request_id": 0x7E0, "response_id": 0x800},
            CanTarget(0x7E0, 0x800, extended=True),
        ),
        (
            {"request_id": 1, "response_id": 2, "extended_id": True},
            CanTarget(1, 2, extended=True),
        ),
        (
            {
                "request_id": 0x600,
                "response_id": 0x601,
                "addressing": "extended",
                "target_address": "0x12",
                "source_address": 0xF1,
            },
            CanTarget(0x600, 0x601, mode="extended", target_address=0x12, source_address=0xF1),
        ),
        (
            {"request_id": 1, "response_id": 2, "addressing": "mixed", "address_extension": 255},
            CanTarget(1, 2, mode="mixed", address_extension=255),
        ),
        (
            {"addressing": "normal_fixed", "target_address": 0x10, "source_address": "0xF1"},
            CanTarget(
                0x18DA10F1,
                0x18DAF110,
                extended=True,
                mode="normal_fixed",
                target_address=0x10,
                source_address=0xF1,
            ),
        ),
        (
            {
                "addressing": "mixed",
                "target_address": 0x10,
                "source_address": 0xF1,
                "address_extension": 5,
            },
            CanTarget(
                0x18CE10F1,
                0x18CEF110,
                extended=True,
                mode="mixed",
                target_address=0x10,
                source_address=0xF1,
                address_extension=5,
            ),
        ),
        ({"request_id": "0x700", "functional": True}, CanTarget(0x700)),
        (
            {
                "addressing": "normal_fixed",
                "target_address": 0x33,
                "source_address": 0xF1,
                "functional": True,
            },
            CanTarget(
                0x18DB33F1,
                extended=True,
                mode="normal_fixed",
                target_address=0x33,
                source_address=0xF1,
            ),
        ),
        (
            {
                "request_id": 0x7E0,
                "response_id": 0x7E8,
                "fd": True,
                "tx_dl": 32,
                "padding": "0xAA",
                "stmin": "0xF3",
                "block_size": 8,
            },
            CanTarget(
                0x7E0,
                0x7E8,
                isotp=IsoTpOptions(fd=True, tx_dl=32, padding=0xAA, stmin=0xF3, block_size=8),
            ),
        ),
        (
            {"request_id": 0x7E0, "response_id": 0x7E8, "padding": "none"},
            CanTarget(0x7E0, 0x7E8, isotp=IsoTpOptions(padding=-1)),
        ),
        ({"logical_address": 0x1010}, DOIP),
        ({"logical_address": 0}, DoipTarget(0)),
        ({"logical_address": "0xE400"}, DoipTarget(0xE400, functional=True)),
        ({"logical_address": 0xE000}, DoipTarget(0xE000, functional=True)),
        ({"logical_address": 0xEFFF}, DoipTarget(0xEFFF, functional=True)),
        ({"logical_address": 0xF000}, DoipTarget(0xF000)),
        ({"functional": True}, FunctionalTarget()),
        ({"functional": True, "bus": "can1"}, FunctionalTarget("can1")),
    ],
)
def test_a_control_unit_is_named_in_one_of_three_ways(
    members: dict[str, object], target: Target
) -> None:
    assert _target(**members) == target


@pytest.mark.parametrize(
    ("members", "field"),
    [
        ({}, "ecu"),
        ({"functional": False}, "ecu"),
        ({"response_id": 0x7E8}, "ecu"),
        ({"request_id": 0x7E0, "response_id": 0x7E8, "functional": True}, "response_id"),
        ({"target_address": 1, "source_address": 2}, "request_id"),
        ({"addressing": "normal_fixed", "target_address": 1}, "source_address"),
        ({"addressing": "normal_fixed", "request_id": 1, "response_id": 2}, "request_id"),
        (
            {
                "addressing": "normal_fixed",
                "request_id": 0x18DA10F1,
                "response_id": 0x18DAF111,
            },
            "request_id",
        ),
        ({"request_id": 1, "response_id": 2, "padding": "some"}, "padding"),
        ({"request_id": 1, "response_id": 2, "stmin": 0x80}, "ecu"),
        ({"request_id": 1, "response_id": 2, "tx_dl": 9}, "ecu"),
        ({"request_id": 1, "response_id": 2, "fd": False, "tx_dl": 64}, "ecu"),
        ({"request_id": 1, "response_id": 2, "fd": False, "brs": True}, "ecu"),
        ({"request_id": 1, "response_id": 2, "block_size": 256}, "ecu"),
        ({"request_id": 1, "response_id": 2, "wait_limit": -1}, "ecu"),
        ({"request_id": 0x7E0, "response_id": 0x7E8, "logical_address": 1}, "ecu"),
        ({"request_id": 0x7E0}, "response_id"),
        ({"request_id": 0x7E0, "response_id": 0x7E0}, "response_id"),
        ({"request_id": -1, "response_id": 1}, "request_id"),
        ({"request_id": 0x20000000, "response_id": 1}, "request_id"),
        ({"request_id": 1, "response_id": "0x20000000"}, "response_id"),
        ({"request_id": "7E0", "response_id": "7E8"}, "request_id"),
        ({"request_id": "", "response_id": 1}, "request_id"),
        ({"request_id": "0x", "response_id": 1}, "request_id"),
        ({"logical_address": 0x10000}, "logical_address"),
        ({"logical_address": -1}, "logical_address"),
        ({"request_id": 1, "response_id": 2, "addressing": "sideways"}, "addressing"),
        ({"request_id": 1, "response_id": 2, "addressing": "extended"}, "target_address"),
        (
            {"request_id": 1, "response_id": 2, "addressing": "extended", "target_address": 1},
            "source_address",
        ),
        ({"request_id": 1, "response_id": 2, "addressing": "mixed"}, "address_extension"),
        (
            {"request_id": 1, "response_id": 2, "addressing": "mixed", "address_extension": 256},
            "address_extension",
        ),
    ],
)
def test_an_impossible_control_unit_is_refused_with_its_field(
    members: dict[str, object], field: str
) -> None:
    with pytest.raises(Invalid) as refused:
        _target(**members)
    assert refused.value.field == field
    assert refused.value.code in {"exchange.ecu", "exchange.addressing"}


@pytest.mark.slow
@given(
    st.dictionaries(
        st.sampled_from([f.name for f in msgspec.structs.fields(EcuAddress)]),
        st.one_of(st.integers(), st.text(max_size=12), st.booleans(), st.none()),
    )
)
def test_any_members_are_a_target_or_a_refusal(members: dict[str, object]) -> None:
    try:
        target = _target(**members)
    except (GatewayError, msgspec.ValidationError):
        return
    assert isinstance(target, CanTarget | DoipTarget | FunctionalTarget)


# --- requests ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "request_bytes"),
    [("22F190", "22f190"), ("22 f1 90", "22f190"), (" 3e00\n", "3e00"), ("00", "00")],
)
def test_a_request_is_hexadecimal(text: str, request_bytes: str) -> None:
    assert to_request(text, CAN, limit=4095).hex() == request_bytes


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "exchange.empty"),
        ("  \n", "exchange.empty"),
        ("22F19", "exchange.hex"),
        ("2 2F190", "exchange.hex"),
        ("22G190", "exchange.hex"),
        ("0x22F190", "exchange.hex"),
        ("22-F1-90", "exchange.hex"),
        ("２２", "exchange.hex"),  # noqa: RUF001 - digits, but not those of ASCII
    ],
)
def test_what_is_not_hexadecimal_is_refused(text: str, code: str) -> None:
    with pytest.raises(Invalid) as refused:
        to_request(text, CAN, limit=4095)
    assert (refused.value.code, refused.value.field) == (code, "request")


def test_5000_bytes_are_too_many() -> None:
    for target in (CAN, FunctionalTarget(), DOIP):
        with pytest.raises(TooLarge) as refused:
            to_request("00" * 5000, target, limit=4095)
        assert refused.value.code == "exchange.too_large"
        assert "at most 4095" in refused.value.detail
    assert len(to_request("00" * 4095, CAN, limit=4095)) == 4095


def test_can_has_its_own_limit_below_the_configured_one() -> None:
    limit = 1_000_000
    assert len(to_request("00" * limit, DOIP, limit=limit)) == limit
    for target in (CAN, FunctionalTarget()):
        with pytest.raises(TooLarge, match=str(MAX_PAYLOAD)):
            to_request("00" * (MAX_PAYLOAD + 1), target, limit=limit)
    with pytest.raises(TooLarge, match="at most 10"):
        to_request("00" * 11, CAN, limit=10)


@pytest.mark.slow
@given(st.text(max_size=60))
def test_any_text_is_a_request_or_a_refusal(text: str) -> None:
    try:
        request = to_request(text, CAN, limit=20)
    except (Invalid, TooLarge) as refused:
        assert refused.field == "request"  # noqa: PT017 - either outcome is fine
    else:
        assert 0 < len(request) <= 20
