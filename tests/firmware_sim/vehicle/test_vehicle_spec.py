from __future__ import annotations

import msgspec
import pytest

from firmware_sim.vehicle.ecu_spec import SignalSpec
from firmware_sim.vehicle.loader import load_vehicle
from firmware_sim.vehicle.vehicle_spec import BroadcastSpec


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
