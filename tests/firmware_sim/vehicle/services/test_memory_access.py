from __future__ import annotations

from tests.firmware_sim.vehicle.services.bench import Bench


def test_reading_and_writing_memory(engine: Bench) -> None:
    assert engine.ask("23144000010004") == "7f2331"  # in the extended session alone
    engine.ask("1003")
    assert engine.ask("23144000010004") == "6300000000"
    assert engine.ask("3d1440000100040badcafe") == "7f3d33"
    engine.unlock()
    assert engine.ask("3d1440000100040badcafe") == "7d144000010004"
    assert engine.ask("23244000010100" + "02") == "63adca"


def test_what_is_not_there_is_refused(engine: Bench) -> None:
    engine.unlock()
    for request, answer in (
        ("23145000000001", "7f2331"),
        ("2314400000", "7f2313"),
        ("2314400001000400", "7f2313"),
        ("23", "7f2313"),
        ("2324400000000fff", "7f2331"),  # longer than one message
        ("3d144000010004aabb", "7f3d13"),
        ("3d14500000000400000000", "7f3d31"),
        ("3d140008000004aabbccdd", "7f3d31"),  # flash is programmed, not written
        ("2304000800000001", "7f2331"),
    ):
        assert engine.ask(request) == answer, request
    assert Bench("gateway").ask("23144000010004") == "7f2311"
