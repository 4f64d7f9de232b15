from __future__ import annotations

import pytest

from firmware_sim.vehicle.faults import TEST_TIME
from tests.firmware_sim.vehicle.services.bench import Bench


@pytest.mark.parametrize(
    ("request_", "answer"),
    [
        ("190108", "59012f010002"),
        ("190101", "59012f010001"),
        ("190208", "59022f" + "0301002f" + "01710028"),
        ("1902ff", "59022f" + "0301002f" + "01710028" + "20040024"),
        ("1903", "5903" + "03010001" + "01710001"),
        ("190403010001", "59040301002f" + "0103f40c0d48f4057cf4423138"),
        ("1904030100ff", "59040301002f" + "0103f40c0d48f4057cf4423138"),
        ("1904200400ff", "590420040024"),
        ("190403010002", "7f1931"),
        ("190412345601", "7f1931"),
        ("190603010002", "59060301002f" + "0228"),
        ("1906030100ff", "59060301002f" + "01030228"),
        ("1906030100fe", "59060301002f"),
        ("190603010009", "7f1931"),
        ("190a", "590a2f" + "0301002f" + "01710028" + "20040024" + "c1210000"),
        ("190720ff", "59072f010000"),
        ("190700ff", "59072f010003"),
        ("190840ff", "59082f" + "4033" + "0301002f"),
        ("190900ff", "7f1913"),
        ("1909030100", "59092f" + "4033" + "0301002f"),
        ("1909123456", "7f1931"),
        ("190b", "590b2f0301002f"),
        ("190c", "590c2f0301002f"),
        ("190d", "590d2f20040024"),
        ("190e", "590e2f01710028"),
        ("1914", "5914"),
        ("1915", "59152f0301002f"),
        ("191602", "591602" + "0301002f28" + "0171002811"),
        ("191609", "7f1931"),
        ("1942330800", "5942332fe004" + "400301002f" + "0001710028"),
        ("1942330840", "5942332fe004" + "400301002f"),
        ("1942ff0800", "7f1931"),
        ("195533", "5955332f04" + "0301002f"),
        ("1955fe", "7f1931"),
        ("1911", "7f1912"),
        ("1902", "7f1913"),
        ("19020000", "7f1913"),
        ("1903ff", "7f1913"),
        ("1904030100", "7f1913"),
    ],
)
def test_reading_trouble_codes(engine: Bench, request_: str, answer: str) -> None:
    assert engine.ask(request_) == answer


@pytest.mark.parametrize("request_", ["14", "14ffff", "14ffffff00"])
def test_clearing_with_a_wrong_length(engine: Bench, request_: str) -> None:
    assert engine.ask(request_) == "7f1413"


def test_clearing_asks_for_time_and_forgets_records(engine: Bench) -> None:
    assert engine.ask("14123456") == "7f1431"
    payloads = [r.payload.hex() for r in engine.ecu.handle(b"\x14\xff\xff\xff", engine.now)]
    assert payloads == ["7f1478", "54"]
    engine.now += 0.5
    assert engine.ask("1902ff") == "59022f"
    assert engine.ask("190403010001") == "590403010000"
    assert engine.ask("1906030100ff") == "590603010000"
    assert engine.ask("1903") == "5903"


def test_a_persistent_fault_comes_back(engine: Bench) -> None:
    engine.ask("14ffffff")
    engine.now += TEST_TIME
    assert engine.ask("1902ff") == "59022f03010027"
    assert engine.ask("1903") == "590303010001"


def test_counters_live(engine: Bench) -> None:
    assert engine.ask("190603010001") == "59060301002f" + "0103"
    engine.ask("14ffffff")
    engine.now += TEST_TIME / 2
    assert engine.ask("1914")[:10] == "5914030100"
    assert 30 < int(engine.ask("1914")[10:], 16) < 100
    engine.now += TEST_TIME
    assert engine.ask("190603010001") == "590603010027" + "0101"
