from __future__ import annotations

import can

from firmware_sim.buses.settings import BusSettings
from protocols.can.filters import CanFilter


def test_an_interface_gets_what_it_understands() -> None:
    settings = BusSettings(500_000, 2_000_000, True, (CanFilter(0x7E0, 0x7F0),))
    options = settings.options("slcan", fd=True)
    assert options == {
        "fd": True,
        "bitrate": 500_000,
        "data_bitrate": 2_000_000,
        "listen_only": True,
        "can_filters": [{"can_id": 0x7E0, "can_mask": 0x7F0, "extended": False}],
    }
    assert settings.options("pcan", fd=False)["state"] is can.BusState.PASSIVE
    assert settings.options("kvaser", fd=False)["driver_mode"] is False
    assert "listen_only" not in settings.options("gs_usb", fd=False)


def test_nothing_said_is_nothing_changed() -> None:
    assert BusSettings().options("socketcan", fd=False) == {}
    assert BusSettings().options("vector", fd=True) == {"fd": True}
