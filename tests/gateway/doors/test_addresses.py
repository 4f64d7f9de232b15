from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.doors.addresses import EVERYBODY, AddressTable, DoorEcu, is_functional
from protocols.link.vehicle import (
    BusInfo,
    CanTarget,
    Capabilities,
    DoipTarget,
    EcuInfo,
    FunctionalTarget,
)

CAN0, CAN1 = BusInfo("can0", "can", 500_000), BusInfo("can1", "can-fd", 500_000, 2_000_000)
DOIP0 = BusInfo("doip0", "doip")


def table(*ecus: EcuInfo, buses: tuple[BusInfo, ...] = (CAN0, CAN1)) -> AddressTable:
    return AddressTable(Capabilities(buses=buses, ecus=ecus))


@pytest.mark.parametrize(
    ("ecu", "address"),
    [
        (EcuInfo("engine", "can0", 0x7E0, 0x7E8), 0x17E0),
        (EcuInfo("doors", "can1", 0x7E0, 0x7E8), 0x27E0),
        (EcuInfo("fixed", "can0", 0x18DA10F1, 0x18DAF110, extended=True), 0x6010),
        (EcuInfo("fixed", "can1", 0x18DA10F1, 0x18DAF110, extended=True), 0x6110),
        (EcuInfo("own", "can0", 0x1C400010, 0x1C400011, extended=True), 0x7800),
        (
            EcuInfo("frm", "can0", 0x6F1, 0x672, mode="extended", target_address=0x72,
                    source_address=0xF1),
            0x7072,
        ),
        (EcuInfo("mixed", "can1", 0x7E0, 0x7E8, mode="mixed", address_extension=5), 0x7105),
        (EcuInfo("dash", "doip0", logical_address=0x1630), 0x1630),
    ],
)  # fmt: skip
def test_the_table_of_the_documentation(ecu: EcuInfo, address: int) -> None:
    found = table(ecu, buses=(DOIP0, CAN0, CAN1))
    mine = next(it for it in found.ecus if it.name == ecu.name)
    assert mine.logical_address == address
    assert address in found.addresses
    (target,) = found.targets(address)
    if ecu.logical_address is not None:
        assert target == DoipTarget(ecu.logical_address)
    else:
        assert isinstance(target, CanTarget)
        assert (target.bus, target.request_id, target.response_id) == (
            ecu.bus,
            ecu.request_id,
            ecu.response_id,
        )
        assert (target.mode, target.target_address) == (ecu.mode, ecu.target_address)


def test_two_that_want_one_address_get_one_each() -> None:
    found = table(
        EcuInfo("dash", "doip0", logical_address=0x17E0),
        EcuInfo("engine", "can0", 0x7E0, 0x7E8),
        buses=(CAN0, DOIP0),
    )
    assert {it.name: it.logical_address for it in found.ecus} == {"dash": 0x17E0, "engine": 0x7800}


ecus = st.lists(
    st.builds(
        EcuInfo,
        name=st.text("abc", min_size=1, max_size=3),
        bus=st.sampled_from(["can0", "can1"]),
        request_id=st.integers(0, 0x7FF) | st.integers(0x18DA00F1, 0x18DAFFF1),
        response_id=st.just(0x7E8),
        extended=st.booleans(),
        mode=st.sampled_from(["normal", "extended"]),
        target_address=st.integers(0, 255),
    ),
    max_size=12,
    unique_by=lambda it: (it.bus, it.request_id, it.extended, it.mode, it.target_address),
)


@given(ecus, st.randoms())
def test_every_control_unit_has_an_address_of_its_own(
    wanted: list[EcuInfo], random: object
) -> None:
    """And the same one each time, in whatever order the connector names them."""
    del random
    found = table(*wanted)
    declared = [it for it in found.ecus if not it.name.startswith("obd")]
    assert len(declared) == len(wanted)
    addresses = [it.logical_address for it in found.ecus]
    assert len(set(addresses)) == len(addresses)
    assert all(0x1000 <= it < 0x8000 for it in addresses)
    assert [it.logical_address for it in table(*reversed(wanted)).ecus] == addresses


def test_a_bus_that_nobody_described_has_the_legislated_control_units() -> None:
    found = table(buses=(CAN0,))
    assert [it.logical_address for it in found.ecus] == [0x17E0 + n for n in range(8)]
    assert found.ecus[0].to_json() == {
        "name": "obd 7E0",
        "logical_address": 0x17E0,
        "bus": "can0",
        "request_id": 0x7E0,
        "response_id": 0x7E8,
    }


def test_everybody_is_every_bus_and_answers_find_their_address() -> None:
    found = table(
        EcuInfo("engine", "can0", 0x7E0, 0x7E8),
        EcuInfo("doors", "can1", 0x7E0, 0x7E8),
        EcuInfo("dash", "doip0", logical_address=0x1630),
        buses=(CAN0, CAN1, DOIP0),
    )
    assert all(map(is_functional, EVERYBODY))
    assert found.targets(EVERYBODY[0]) == found.targets(EVERYBODY[1])
    first, second, third = found.targets(EVERYBODY[0])
    assert [first, second] == [FunctionalTarget("can0"), FunctionalTarget("can1")]
    assert [found.source(first, 0x7E8), found.source(second, 0x7E8)] == [0x17E0, 0x27E0]
    assert found.source(first, 0x7EF) is None
    assert found.source(third, 0x1630) == 0x1630
    assert found.targets(0xE410) == (DoipTarget(0xE410, functional=True),)


def test_on_doip_what_nobody_declared_is_the_vehicles_to_judge() -> None:
    found = table(buses=(DOIP0,))
    assert found.ecus == ()
    assert {0x0001, 0x1630, 0x7FFF, 0xE400, 0xEFFF} <= found.addresses
    assert not {0x0E80, 0x0FFF, 0x8000, 0xF000} & found.addresses
    assert found.targets(0x1630) == (DoipTarget(0x1630),)
    assert DoorEcu("dash", 1, DoipTarget(1)).to_json()["request_id"] is None
