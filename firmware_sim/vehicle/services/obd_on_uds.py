"""OBDonUDS (SAE J1979-2): what OBD modes tell, as data identifiers of service 22.

F4xx  parameters of mode 01        F6xx  monitors of mode 06        F8xx  mode 09
"""

from __future__ import annotations

from firmware_sim.vehicle.control_unit import ControlUnit
from firmware_sim.vehicle.services.obd import bitmap, information_items
from firmware_sim.vehicle.services.obd_tests import monitor_content

PARAMETERS, MONITORS, INFORMATION = 0xF4, 0xF6, 0xF8


def content(ecu: ControlUnit, identifier: int, now: float) -> bytes | None:
    """Return what an identifier of OBDonUDS holds, or ``None`` where it is none of this ECU's."""
    obd = ecu.spec.obd
    if obd is None or not obd.uds or ecu.flash.boot_only:
        return None
    family, number = divmod(identifier, 0x100)
    if family == PARAMETERS:
        return _parameter(ecu, number, now)
    if family == MONITORS:
        return monitor_content(ecu, number)[1:] or None
    return _information(ecu, number) if family == INFORMATION else None


def _parameter(ecu: ControlUnit, number: int, now: float) -> bytes | None:
    if number % 0x20 == 0:
        return bitmap(number, ecu.pids)
    return ecu.pid_content(number, now) if number in ecu.pids else None


def _information(ecu: ControlUnit, number: int) -> bytes | None:
    items = information_items(ecu)
    if number % 0x20 == 0:
        return bitmap(number, (kind for kind, found in items.items() if found))
    return b"".join(items.get(number, [])) or None
