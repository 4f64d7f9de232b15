from __future__ import annotations

import msgspec

from firmware_sim.vehicle.ecu import EcuApplication
from tests.firmware_sim.vehicle.services.bench import GOLF, VIN, Bench


def modern() -> Bench:
    engine = GOLF.ecus[0]
    assert engine.obd is not None
    obd = msgspec.structs.replace(engine.obd, uds=True)
    kept = tuple(item for item in engine.identifiers if item.id < 0xF400)
    bench = Bench()
    bench.ecu = EcuApplication(
        msgspec.structs.replace(engine, obd=obd, identifiers=kept), GOLF.vin, "test"
    )
    return bench


def test_parameters_monitors_and_information_by_identifier() -> None:
    bench = modern()
    for request, answer in (
        ("22f400", "62f400983a8011"),
        ("22f41c", "62f41c06"),
        ("22f40dF41c", "62f40d00f41c06"),
        ("22f600", "62f60080000000"),
        ("22f601", "62f6018d0a01c2000003e8018e0a001000000040"),
        ("22f800", "62f80054400000"),
        ("22f802", "62f802" + VIN),
        ("22f806", "62f8069b31c40e"),
        ("22f499", "7f2231"),
        ("22f602", "7f2231"),
        ("22f803", "7f2231"),
    ):
        assert bench.ask(request) == answer, request


def test_an_ecu_without_it_does_not_know_them(engine: Bench) -> None:
    assert engine.ask("22f41c") == "7f2231"
    assert engine.ask("22f802") == "7f2231"
