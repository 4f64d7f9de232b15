from __future__ import annotations

from firmware_sim.vehicle.security import key_for
from tests.firmware_sim.vehicle.services.bench import LEVEL_3, Bench


def test_security_access_in_its_order(engine: Bench) -> None:
    engine.ask("1003")
    assert engine.ask("270400000000") == "7f2724"  # no seed was asked for
    assert engine.ask("2705") == "7f2712"
    assert engine.ask("2711") == "7f277e"  # this level in the programming session only
    assert engine.ask("270300") == "7f2713"
    seed = engine.ask("2703")
    assert seed[:4] == "6703"
    assert len(seed) == 12
    assert engine.ask("270400") == "7f2713"
    assert engine.ask("2704" + key_for(LEVEL_3, bytes.fromhex(seed[4:])).hex()) == "6704"
    assert engine.ask("2703") == "670300000000"  # already open


def test_wrong_keys_are_counted_and_delayed(engine: Bench) -> None:
    engine.ask("1003")
    for code in ("35", "35", "36"):
        engine.ask("2703")
        assert engine.ask("270400000000") == "7f27" + code
    assert engine.ask("2703") == "7f2737"
    engine.now += 10
    engine.ask("1003")
    assert engine.ask("2703")[:4] == "6703"


def test_a_seed_is_good_for_one_key(engine: Bench) -> None:
    engine.ask("1003")
    seed = bytes.fromhex(engine.ask("2703"))[2:]
    engine.ask("270400000000")
    assert engine.ask("2704" + key_for(LEVEL_3, seed).hex()) == "7f2724"


def test_a_new_session_closes_security(engine: Bench) -> None:
    engine.unlock()
    engine.ask("1003")
    assert engine.ask("2e0600" + "00" * 8) == "7f2e33"
