from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.client.records import Ecu
from gateway.client.units import EcuAddress, can, doip, everybody, parse
from gateway.sessions import targets
from protocols.link.vehicle import CanTarget, DoipTarget, EcuInfo, FunctionalTarget


def at_the_gateway(address: EcuAddress) -> object:
    """Return what the gateway makes of an address."""
    wire = msgspec.json.encode(address)
    return targets.to_target(msgspec.json.decode(wire, type=targets.EcuAddress))


def test_the_gateway_understands_every_address() -> None:
    assert at_the_gateway(can(0x7E0, 0x7E8)) == CanTarget(0x7E0, 0x7E8)
    assert at_the_gateway(can(1, 2, "can1", extended=True)) == CanTarget(
        1, 2, bus="can1", extended=True
    )
    assert at_the_gateway(doip(0x1001)) == DoipTarget(0x1001)
    assert at_the_gateway(everybody("can0")) == FunctionalTarget("can0")
    mixed = EcuAddress(
        request_id=0x7E0, response_id=0x7E8, addressing="mixed", address_extension=5
    )
    assert at_the_gateway(mixed) == CanTarget(0x7E0, 0x7E8, mode="mixed", address_extension=5)


def test_every_member_is_one_that_the_gateway_knows() -> None:
    ours = {field.name for field in msgspec.structs.fields(EcuAddress)}
    assert ours == {field.name for field in msgspec.structs.fields(targets.EcuAddress)}


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("7E0:7E8", can(0x7E0, 0x7E8)),
        ("can1:7e0:7e8", can(0x7E0, 0x7E8, "can1")),
        ("18DA10F1:18DAF110", can(0x18DA10F1, 0x18DAF110)),
        ("1001", doip(0x1001)),
        ("0x0E80", doip(0x0E80)),
        ("functional", everybody()),
        ("engine", None),
        ("7E0", None),
        ("", None),
    ],
)
def test_addresses_as_people_write_them(text: str, address: EcuAddress | None) -> None:
    assert parse(text) == address


@given(st.text())
def test_any_text_is_an_address_or_a_name(text: str) -> None:
    found = parse(text)
    assert found is None or isinstance(found, EcuAddress)


@pytest.mark.parametrize(
    "known",
    [
        EcuInfo("engine", "can0", 0x7E0, 0x7E8),
        EcuInfo("brakes", "can1", 0x18DA10F1, 0x18DAF110, extended=True, mode="normal_fixed"),
        EcuInfo(
            "doors",
            "can0",
            0x6F1,
            0x612,
            mode="extended",
            target_address=0x12,
            source_address=0xF1,
        ),
        EcuInfo("hub", "doip0", logical_address=0x1001),
    ],
)
def test_what_a_connector_lists_can_be_asked(known: EcuInfo) -> None:
    listed = msgspec.convert(msgspec.structs.asdict(known), Ecu)
    target = at_the_gateway(listed.address)
    if known.request_id is None:
        assert target == DoipTarget(0x1001)
    else:
        assert isinstance(target, CanTarget)
        assert (target.request_id, target.response_id) == (known.request_id, known.response_id)
        assert (target.bus, target.mode) == (known.bus, known.mode)
        assert target.target_address == known.target_address
