"""Every service as a transcript against the Golf's engine: ``request -> answer`` at a time."""

from __future__ import annotations

import pytest

from firmware_sim.vehicle.ecu import EcuApplication
from firmware_sim.vehicle.faults import TEST_TIME
from firmware_sim.vehicle.loader import load_vehicle
from firmware_sim.vehicle.security import key_for

GOLF = load_vehicle("golf")
VIN = GOLF.vin.encode().hex()
LEVEL_3 = GOLF.ecus[0].security[0]


class Bench:
    """Asks one ECU, one request after the other, and keeps the time."""

    def __init__(self, name: str = "engine") -> None:
        spec = next(ecu for ecu in GOLF.ecus if ecu.name == name)
        self.ecu = EcuApplication(spec, GOLF.vin, "test")
        self.now = 100.0

    def ask(self, request: str, *, functional: bool = False) -> str:
        """Return the last answer as hex, empty where there was none; time goes on by then."""
        responses = self.ecu.handle(bytes.fromhex(request), self.now, functional=functional)
        self.now += responses[-1].delay if responses else 0.06
        self.now += 0.001
        return responses[-1].payload.hex() if responses else ""

    def unlock(self, session: int = 3) -> None:
        self.ask(f"10{session:02x}")
        seed = bytes.fromhex(self.ask("2703"))[2:]
        assert self.ask("2704" + key_for(LEVEL_3, seed).hex()) == "6704"


@pytest.fixture
def engine() -> Bench:
    return Bench()


@pytest.fixture
def body() -> Bench:
    return Bench("body")


# ------------------------------------------------------------ what all services have in common


@pytest.mark.parametrize(
    ("request_", "answer"),
    [
        ("ba", "7fba11"),  # no such service
        ("3601", "7f3611"),
        ("2703", "7f277f"),  # not in the default session
        ("2e0600", "7f2e7f"),
        ("280001", "7f287f"),
        ("8501", "7f857f"),
        ("10", "7f1013"),  # sub-function missing
        ("3e01", "7f3e12"),  # sub-function unknown
        ("1e00", "7f1e11"),
    ],
)
def test_common_refusals(engine: Bench, request_: str, answer: str) -> None:
    assert engine.ask(request_) == answer


def test_what_an_ecu_does_not_have_it_does_not_support(body: Bench) -> None:
    assert body.ask("0100") == "7f0111"
    gateway = Bench("gateway")
    assert gateway.ask("31010203") == "7f3111"


# ------------------------------------------------------------ 10, 11, 3E


@pytest.mark.parametrize(
    ("request_", "answer"),
    [
        ("1001", "5001003201f4"),
        ("1002", "5002003201f4"),
        ("1003", "5003003201f4"),
        ("1083", ""),
        ("1004", "7f1012"),
        ("1000", "7f1012"),
        ("100301", "7f1013"),
        ("1101", "5101"),
        ("1103", "5103"),
        ("1104", "7f1112"),
        ("110100", "7f1113"),
        ("3e00", "7e00"),
        ("3e80", ""),
        ("3e", "7f3e13"),
        ("3e0000", "7f3e13"),
    ],
)
def test_session_reset_and_tester_present(engine: Bench, request_: str, answer: str) -> None:
    assert engine.ask(request_) == answer


# ------------------------------------------------------------ 22, 2E


@pytest.mark.parametrize(
    ("request_", "answer"),
    [
        ("22f190", "62f190" + VIN),
        ("22f187", "62f187" + b"04E906027HA".hex()),
        ("22f189f195", "62f189" + b"5632".hex() + "f195" + b"H13".hex()),
        ("22f1891234", "62f189" + b"5632".hex()),  # the unknown one of many is left out
        ("22f186", "62f18601"),
        ("221234", "7f2231"),
        ("221047", "7f2231"),  # only in the extended session
        ("22", "7f2213"),
        ("22f1", "7f2213"),
        ("22f190f1", "7f2213"),
        ("22" + "f190" * 17, "7f2213"),
    ],
)
def test_reading_identifiers(engine: Bench, request_: str, answer: str) -> None:
    assert engine.ask(request_) == answer


def test_a_protected_identifier_refuses_the_whole_request(engine: Bench) -> None:
    engine.ask("1003")
    assert engine.ask("22f1891047") == "7f2233"
    engine.unlock()
    assert engine.ask("221047") == "6210477ffe8001"


def test_writing_needs_session_security_length_and_sense(engine: Bench) -> None:
    coding = "2e0600" + "00" * 8
    assert engine.ask(coding) == "7f2e7f"
    engine.ask("1002")
    assert engine.ask(coding) == "7f2e31"  # this identifier not in this session
    engine.ask("1003")
    assert engine.ask(coding) == "7f2e33"
    engine.unlock()
    assert engine.ask("2e0600" + "00" * 7) == "7f2e13"
    assert engine.ask("2e0600") == "7f2e13"
    assert engine.ask("2e123400") == "7f2e31"
    assert engine.ask("2ef18700") == "7f2e31"  # readable, never writable
    assert engine.ask("2ef190" + b"WVWZZZAUIHP341562".hex()) == "7f2e31"  # no VIN has an I
    assert engine.ask(coding) == "6e0600"
    assert engine.ask("220600") == "620600" + "00" * 8


def test_what_was_written_survives_a_reset(engine: Bench) -> None:
    engine.unlock()
    new = b"WVWZZZAUZHP000001".hex()
    assert engine.ask("2ef190" + new) == "6ef190"
    engine.ask("1101")
    engine.now += 1
    assert engine.ask("22f190") == "62f190" + new
    engine.ask("1003")
    assert engine.ask("2ef190" + new) == "7f2e33"  # and security is closed again


# ------------------------------------------------------------ 27


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


# ------------------------------------------------------------ 14, 19


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
        ("1907", "7f1912"),
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


# ------------------------------------------------------------ 28, 85


def test_silencing_normal_messages(engine: Bench) -> None:
    engine.ask("1003")
    assert engine.ask("280301") == "6803"
    assert not engine.ecu.sends_normally()
    assert engine.ask("280001") == "6800"
    assert engine.ecu.sends_normally()
    assert engine.ask("280302") == "6803"  # network management only
    assert engine.ecu.sends_normally()
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


# ------------------------------------------------------------ 31


def test_a_routine_from_start_to_result(engine: Bench) -> None:
    assert engine.ask("310103e0") == "7f3131"  # not in the default session
    engine.ask("1003")
    assert engine.ask("310103e0") == "7f3133"
    engine.unlock()
    assert engine.ask("310303e0") == "7f3124"
    assert engine.ask("310203e0") == "7f3124"
    assert engine.ask("310103e000") == "7f3113"
    assert engine.ask("310103e0") == "710103e001"
    assert engine.ask("310103e0") == "7f3122"
    assert engine.ask("310303e0") == "710303e001"
    engine.now += 3
    assert engine.ask("310303e0") == "710303e0020164"


def test_stopping_a_routine(engine: Bench) -> None:
    engine.unlock()
    engine.ask("310103e0")
    assert engine.ask("310203e0") == "710203e003"
    assert engine.ask("310303e0") == "710303e003"
    assert engine.ask("310203e0") == "7f3124"


@pytest.mark.parametrize(
    ("request_", "answer"),
    [
        ("31010203", "710102030200"),
        ("31020203", "7f3112"),
        ("31031234", "7f3131"),
        ("31040203", "7f3112"),
        ("310102", "7f3113"),
    ],
)
def test_other_routine_requests(engine: Bench, request_: str, answer: str) -> None:
    engine.ask("1003")
    assert engine.ask(request_) == answer


# ------------------------------------------------------------ OBD


@pytest.mark.parametrize(
    ("request_", "answer"),
    [
        ("0100", "4100983a8011"),
        ("0120", "412080020001"),
        ("0140", "414040000000"),
        ("0160", ""),
        ("011c", "411c06"),
        ("010d1c", "410d001c06"),
        ("010d99", "410d00"),
        ("0199", ""),
        ("01", "7f0113"),
        ("01000102030405" + "06", "7f0113"),
        ("03", "430203010171"),
        ("0300", "7f0313"),
        ("07", "470203012004"),
        ("0900", "490054400000"),
        ("0902", "490201" + VIN),
        ("0904", "490401" + b"04E906027HA 5632".hex()),
        ("0906", "4906019b31c40e"),
        ("090a", "490a01" + b"ECM-EngineControl".ljust(20, b"\0").hex()),
        ("0908", ""),
        ("0920", ""),
        ("09", "7f0913"),
    ],
)
def test_obd_modes(engine: Bench, request_: str, answer: str) -> None:
    assert engine.ask(request_) == answer


def test_obd_live_values_move(engine: Bench) -> None:
    first = engine.ask("010c")
    engine.now += 2
    assert engine.ask("010c") != first
    assert first[:4] == "410c"


def test_obd_clears_emission_related_codes(engine: Bench) -> None:
    assert engine.ask("04") == "44"
    assert engine.ask("03") == "4300"


def test_an_ecu_with_nothing_to_say_is_silent_functionally(body: Bench) -> None:
    assert body.ask("0100", functional=True) == ""
    assert body.ask("22f190", functional=True) == "62f190" + VIN
