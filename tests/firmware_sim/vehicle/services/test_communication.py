from __future__ import annotations

from tests.firmware_sim.vehicle.services.bench import Bench


def test_silencing_normal_messages(engine: Bench) -> None:
    engine.ask("1003")
    assert engine.ask("280301") == "6803"
    assert not engine.ecu.sends_normally(engine.now)
    assert engine.ask("280001") == "6800"
    assert engine.ecu.sends_normally(engine.now)
    assert engine.ask("280302") == "6803"  # network management only
    assert engine.ecu.sends_normally(engine.now)
    assert engine.ask("280300") == "7f2831"
    assert engine.ask("2803") == "7f2813"
    assert engine.ask("280401") == "7f2812"


def test_stopping_fault_detection(engine: Bench) -> None:
    engine.ask("1003")
    assert engine.ask("8502") == "c502"
    engine.ask("14ffffff")
    for _ in range(4):
        engine.now += 1
        engine.ask("3e00")
    assert engine.ask("1902ff") == "59022f"
    assert engine.ask("8501") == "c501"
    assert engine.ask("1902ff") == "59022f03010027"
    assert engine.ask("8503") == "7f8512"
    assert engine.ask("850100") == "7f8513"
