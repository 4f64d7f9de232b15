from __future__ import annotations

import pytest

from protocols.diagnosis.route import DOIP_EVERYBODY, CanRoute, Routes, UnknownBusError
from protocols.errors import LocalProtocolError
from protocols.isotp.addressing import IsoTpAddress
from protocols.link.vehicle import BusInfo, CanTarget, DoipTarget, EcuInfo, FunctionalTarget

CAN = BusInfo("can0", "can", 500_000)
FD = BusInfo("can1", "can-fd", 500_000, 2_000_000)
DOIP = BusInfo("doip0", "doip")
ENGINE = EcuInfo("engine", "can0", 0x7E0, 0x7E8)
WIDE = EcuInfo("body", "can1", 0x18DA10F1, 0x18DAF110, extended=True)

routes = Routes((CAN, FD, DOIP), (ENGINE, WIDE))


def can_route(target: CanTarget | FunctionalTarget) -> CanRoute:
    found = routes.find(target)
    assert isinstance(found, CanRoute)
    return found


def test_a_control_unit_on_the_first_bus_unless_one_is_named() -> None:
    expected = (IsoTpAddress.normal_11(0x7E0, 0x7E8),)
    assert can_route(CanTarget(0x7E0, 0x7E8)) == CanRoute(
        "can0", expected, functional=False, params=routes.params("can0")
    )
    assert can_route(CanTarget(0x7E0, 0x7E8, "can1")).bus == "can1"


def test_everybody_on_a_bus_by_its_format() -> None:
    narrow = can_route(FunctionalTarget())
    assert (narrow.bus, narrow.functional) == ("can0", True)
    assert narrow.addresses[0].functional_tx is not None
    assert narrow.addresses[0].functional_tx.id == 0x7DF
    wide = can_route(FunctionalTarget("can1"))
    assert [address.rx.id for address in wide.addresses] == [0x18DAF110]
    assert can_route(CanTarget(0x7DF)).functional


def test_doip_where_it_is_meant_or_nothing_else_is_there() -> None:
    assert routes.find(DoipTarget(0x1001)) == DoipTarget(0x1001)
    everybody = DoipTarget(DOIP_EVERYBODY, functional=True)
    assert routes.find(FunctionalTarget("doip0")) == everybody
    assert Routes((DOIP,), ()).find(FunctionalTarget()) == everybody


@pytest.mark.parametrize(
    ("buses", "target"),
    [
        ((CAN,), CanTarget(0x7E0, 0x7E8, "can9")),
        ((CAN,), FunctionalTarget("can9")),
        ((CAN,), DoipTarget(0x1001)),
        ((DOIP,), CanTarget(0x7E0, 0x7E8)),
        ((), FunctionalTarget()),
    ],
)
def test_a_bus_that_is_not_there_is_said_with_those_that_are(
    buses: tuple[BusInfo, ...], target: CanTarget | DoipTarget | FunctionalTarget
) -> None:
    with pytest.raises(UnknownBusError, match=r"it has (no bus|can0|doip0)"):
        Routes(buses, ()).find(target)


def test_an_address_that_cannot_be_is_refused() -> None:
    with pytest.raises(LocalProtocolError, match="sideways"):
        routes.find(CanTarget(0x7E0, 0x7E8, mode="sideways"))


def test_iso_tp_is_spoken_as_the_bus_can() -> None:
    assert not routes.params("can0").can_fd
    assert routes.params("can1").tx_data_length == 64
    assert routes.params("can1").bitrate_switch
    with pytest.raises(UnknownBusError):
        routes.params("doip0")
