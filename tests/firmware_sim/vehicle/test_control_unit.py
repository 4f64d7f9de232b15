from __future__ import annotations

from firmware_sim.vehicle.control_unit import ControlUnit
from firmware_sim.vehicle.loader import load_vehicle

GOLF = load_vehicle("golf")


def engine() -> ControlUnit:
    return ControlUnit(GOLF.ecus[0], GOLF.vin, "seed")


def test_leaving_a_session_gives_up_what_it_allowed() -> None:
    for leave in ("default", "s3", "reset"):
        unit = engine()
        unit.change_session(3, 0.0)
        routine = unit.routines.find(0x03E0)
        assert routine is not None
        unit.routines.start(routine, 0.0)
        unit.sends_normally = unit.faults.setting_on = False
        if leave == "default":
            unit.change_session(1, 1.0)
        elif leave == "s3":
            unit.update(100.0)
        else:
            unit.reset(1.0)
        assert unit.session == 1
        assert unit.sends_normally
        assert unit.faults.setting_on
        assert unit.routines.status(routine, 100.0) is None


def test_moving_between_other_sessions_keeps_them() -> None:
    unit = engine()
    unit.change_session(3, 0.0)
    unit.sends_normally = False
    unit.change_session(2, 1.0)
    assert not unit.sends_normally


def test_its_next_deadline_is_the_earliest_of_all() -> None:
    unit = engine()
    assert unit.next_deadline() is None
    unit.change_session(3, 10.0)
    assert unit.next_deadline() == 15.0
    unit.faults.clear(0xFFFFFF, 11.0)
    assert unit.next_deadline() == 14.0
    unit.update(14.0)
    assert unit.next_deadline() == 15.0


def test_a_reset_begins_an_operation_cycle() -> None:
    unit = engine()
    unit.faults.clear(0xFFFFFF, 0.0)
    unit.update(3.0)
    assert [fault.status for fault in unit.faults.matching(0x04)] == [0x27]
    unit.reset(4.0)
    unit.update(7.0)
    assert [fault.status for fault in unit.faults.matching(0x08)] == [0x2F]


def test_obd_content_is_fixed_or_live() -> None:
    unit = engine()
    assert unit.pid_content(0x1C, 0.0) == b"\x06"
    assert unit.pid_content(0x0C, 0.0) != unit.pid_content(0x0C, 2.0)


def test_the_lamp_follows_the_fault_memory() -> None:
    unit = engine()
    assert unit.pid_content(0x01, 0.0).hex() == "82076500"
    unit.clear_emissions(0.0)
    assert unit.pid_content(0x01, 0.0).hex() == "00076500"
