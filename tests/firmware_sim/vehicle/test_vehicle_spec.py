from __future__ import annotations

import msgspec
import pytest

from firmware_sim.vehicle.data_spec import SignalSpec
from firmware_sim.vehicle.loader import load_vehicle
from firmware_sim.vehicle.quirk_spec import QuirkSpec
from firmware_sim.vehicle.traffic_spec import BroadcastSpec
from firmware_sim.vehicle.vehicle_spec import DoipSpec


def test_identifiers_are_unique_on_their_bus() -> None:
    golf = load_vehicle("golf")
    clash = msgspec.structs.replace(golf.ecus[1], request_id=golf.ecus[0].request_id)
    with pytest.raises(ValueError, match="request id declared twice"):
        msgspec.structs.replace(golf, ecus=(golf.ecus[0], clash)).__post_init__()


def test_logical_addresses_are_unique() -> None:
    xc90 = load_vehicle("xc90")
    clash = msgspec.structs.replace(xc90.ecus[1], logical_address=xc90.ecus[0].logical_address)
    with pytest.raises(ValueError, match="logical address declared twice"):
        msgspec.structs.replace(xc90, ecus=(xc90.ecus[0], clash)).__post_init__()


def test_broadcasts_belong_to_known_ecus() -> None:
    golf = load_vehicle("golf")
    frame = BroadcastSpec(ecu="sunroof", id=1, period=1.0, signals=())
    with pytest.raises(ValueError, match="unknown ECUs: sunroof"):
        msgspec.structs.replace(golf, broadcasts=(frame,)).__post_init__()


def test_a_broadcast_fits_one_frame() -> None:
    long = SignalSpec(base=1, length=5)
    with pytest.raises(ValueError, match="more than 8 bytes"):
        BroadcastSpec(ecu="engine", id=1, period=1.0, signals=(long, long))


def test_quirks_belong_to_known_ecus_or_to_all() -> None:
    golf = load_vehicle("golf")
    good = (QuirkSpec(kind="deaf"), QuirkSpec(kind="deaf", ecu="engine"))
    assert msgspec.structs.replace(golf, quirks=good).quirks == good
    with pytest.raises(ValueError, match="quirks of unknown ECUs: sunroof"):
        msgspec.structs.replace(golf, quirks=(QuirkSpec(kind="deaf", ecu="sunroof"),))


def test_a_doip_vehicle_has_no_frames() -> None:
    xc90 = load_vehicle("xc90")
    frame = BroadcastSpec(ecu="engine", id=1, period=1.0, signals=())
    with pytest.raises(ValueError, match="no CAN bus for broadcasts"):
        msgspec.structs.replace(xc90, broadcasts=(frame,))


@pytest.mark.parametrize("text", ["127.0.0.1", "host:0", ":13400", "host:x", "host:65536"])
def test_an_announcement_goes_to_an_address(text: str) -> None:
    with pytest.raises(ValueError, match="no address like"):
        DoipSpec(announce=text)
    assert DoipSpec(announce="127.0.0.1:13400").announce_to == ("127.0.0.1", 13400)
    assert DoipSpec().announce_to is None


def test_an_activation_type_is_confirmed_or_not() -> None:
    with pytest.raises(ValueError, match=r"both at once and confirmed: \[1\]"):
        DoipSpec(confirmed_types=(1, 0xE0))
