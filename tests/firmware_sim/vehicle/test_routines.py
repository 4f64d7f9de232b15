from __future__ import annotations

from firmware_sim.vehicle.ecu_spec import EcuSpec
from firmware_sim.vehicle.function_spec import RoutineSpec
from firmware_sim.vehicle.routines import Routines, RoutineStatus

ADAPT = RoutineSpec(id=0x03E0, name="adapt", work=0.5, duration=3)
SPEC = EcuSpec(name="engine", routines=(ADAPT,))


def test_a_routine_runs_for_its_time() -> None:
    routines = Routines(SPEC)
    assert routines.find(0x03E0) is ADAPT
    assert routines.find(1) is None
    assert routines.status(ADAPT, 0.0) is None
    routines.start(ADAPT, 10.0)
    assert routines.status(ADAPT, 13.4) is RoutineStatus.RUNNING
    assert routines.status(ADAPT, 13.5) is RoutineStatus.DONE


def test_a_stopped_routine_stays_stopped_until_all_is_forgotten() -> None:
    routines = Routines(SPEC)
    routines.start(ADAPT, 0.0)
    routines.stop(ADAPT, 1.0)
    assert routines.status(ADAPT, 99.0) is RoutineStatus.STOPPED
    routines.forget()
    assert routines.status(ADAPT, 99.0) is None


def test_an_ecu_without_routines_says_so() -> None:
    assert Routines(SPEC)
    assert not Routines(EcuSpec(name="body"))
