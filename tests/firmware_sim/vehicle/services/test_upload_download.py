from __future__ import annotations

import hashlib
import zlib
from random import Random

import pytest

from firmware_sim.vehicle.data_spec import MemorySpec
from firmware_sim.vehicle.ecu import EcuApplication
from firmware_sim.vehicle.ecu_spec import EcuSpec
from firmware_sim.vehicle.function_spec import FlashSpec, RoutineSpec
from firmware_sim.vehicle.record import Access
from tests.firmware_sim.vehicle.services.bench import Bench

START = 0x00080000
IMAGE = bytearray(Random(1).randbytes(5000))
IMAGE[0x100:0x10B] = b"04E906027ZZ"
IMAGE[0x110:0x114] = b"5700"
PLACE = f"44{START:08x}{len(IMAGE):08x}"


@pytest.fixture
def ready(engine: Bench) -> Bench:
    engine.prepare_programming()
    return engine


def test_from_erasing_to_the_new_software_number(ready: Bench) -> None:
    ready.download(START, bytes(IMAGE))
    crc = zlib.crc32(IMAGE).to_bytes(4).hex()
    assert ready.ask(f"37{crc}") == f"77{crc}"
    assert ready.ask("3101ff01") == "7101ff010201"  # not checked yet
    assert ready.ask(f"31010202{PLACE}{'00' * 4}") == "710102020201"
    assert ready.ask(f"31010202{PLACE}{crc}") == "710102020200"
    assert ready.ask("31030202") == "710302020200"
    assert ready.ask("3101ff01") == "7101ff010200"
    assert ready.ask("22f189") == "62f189" + b"5632".hex()
    assert ready.ask("1101") == "5101"
    ready.now += 1
    assert ready.ask("22f189f188") == "62f189" + b"5700".hex() + "f188" + b"04E906027ZZ".hex()


def test_without_the_check_a_reset_leaves_the_boot_loader(ready: Bench) -> None:
    ready.download(START, bytes(IMAGE))
    ready.ask("37")
    ready.ask("1101")
    ready.now += 1
    assert ready.ask("22f189") == "62f189ffffffff"
    assert ready.ask("0100") == "7f0111"
    assert not ready.ecu.sends_normally(ready.now)


def test_a_lost_answer_is_made_good_by_the_same_counter(ready: Bench) -> None:
    ready.ask(f"3101ff00{PLACE}")
    assert ready.ask(f"3400{PLACE}") == "74200fff"
    assert ready.ask(f"3400{PLACE}") == "74200fff"  # its answer may be lost as well
    assert ready.ask("3601" + "aa" * 100) == "7601"
    assert ready.ask("3601" + "bb" * 100) == "7601"
    assert ready.ask("3603" + "bb" * 100) == "7f3673"
    assert ready.ask(f"3400{PLACE}") == "7f3422"  # now it is under way
    assert ready.ask("37") == "7f3724"
    assert ready.ask("3602" + "bb" * 0x0FFE) == "7f3613"
    for counter, length in ((2, 0x0FFD), (3, 5000 - 100 - 0x0FFD)):
        assert ready.ask(f"36{counter:02x}" + "bb" * length) == f"76{counter:02x}"
    assert ready.ask("370000000000") == "7f3713"
    assert ready.ask("3700000000") == "7f3772"
    assert ready.ask("37")[:2] == "77"
    assert ready.ask("37") == "7f3724"
    assert ready.ask("3601aa") == "7f3624"


def test_more_data_than_was_requested_suspends(ready: Bench) -> None:
    place = f"44{START:08x}00000004"
    ready.ask(f"3101ff00{place}")
    ready.ask(f"3400{place}")
    assert ready.ask("36010102030405") == "7f3671"
    assert ready.ask("360101020304") == "7601"


@pytest.mark.parametrize(
    ("request_", "answer"),
    [
        (f"3400{PLACE}", "7f3470"),  # not erased
        (f"3411{PLACE}", "7f3431"),  # compressed, encrypted
        (f"3400{PLACE}00", "7f3413"),
        ("34004400080000", "7f3413"),
        ("340004000800000001", "7f3431"),  # no length at all
        ("340015000000000001", "7f3431"),  # an address of five bytes
        ("3400444000000000000004", "7f3431"),  # no flash there
        ("3400440008000000000000", "7f3431"),
        ("3400440023fffe00000004", "7f3431"),  # over the end
        ("3400", "7f3413"),
        ("3101ff0044000800", "7f3113"),
        ("3101ff00444000000000000004", "7f3131"),
        (f"31010202{PLACE}0000", "7f3113"),
        ("3101ff0100", "7f3113"),
        ("3201ff00", "7f3211"),
    ],
)
def test_what_cannot_be_programmed_is_refused(ready: Bench, request_: str, answer: str) -> None:
    assert ready.ask(request_) == answer


def test_session_security_and_fingerprint_are_needed(engine: Bench) -> None:
    assert engine.ask(f"3400{PLACE}") == "7f347f"
    engine.ask("1003")
    assert engine.ask(f"3400{PLACE}") == "7f347f"
    engine.ask("1002")
    assert engine.ask(f"3400{PLACE}") == "7f3433"
    assert engine.ask(f"3101ff00{PLACE}") == "7f3133"
    engine.prepare_programming()
    engine.ask("1002")
    assert engine.ask(f"3101ff00{PLACE}") == "7f3133"
    assert Bench("body").ask(f"3400{PLACE}") == "7f3411"


def test_nothing_is_erased_without_a_fingerprint(ready: Bench) -> None:
    ready.ecu.unit.flash.give_up()
    assert ready.ask(f"3101ff00{PLACE}") == "7f3122"


def test_erasing_and_checking_wait_for_the_transfer(ready: Bench) -> None:
    ready.ask(f"3101ff00{PLACE}")
    ready.ask(f"3400{PLACE}")
    assert ready.ask(f"3101ff00{PLACE}") == "7f3122"
    assert ready.ask(f"31010202{PLACE}00000000") == "7f3122"


def test_leaving_the_session_gives_the_transfer_up(ready: Bench) -> None:
    ready.ask(f"3101ff00{PLACE}")
    ready.ask(f"3400{PLACE}")
    ready.now += 6.0
    ready.ask("3e00")
    ready.prepare_programming()
    assert ready.ask("3601aa") == "7f3624"
    assert ready.ask(f"3400{PLACE}") == "74200fff"  # still erased
    ready.ask("3601aa")
    ready.prepare_programming()
    assert ready.ask(f"3400{PLACE}") == "7f3470"  # not any more


def test_erasing_takes_its_time_and_asks_for_it(ready: Bench) -> None:
    answers = ready.ecu.handle(bytes.fromhex(f"3101ff0044{START:08x}00100000"), ready.now)
    assert [answer.payload.hex() for answer in answers] == ["7f3178", "7101ff000200"]
    assert answers[-1].delay == pytest.approx(0.2 + 1024 * 0.0015, abs=0.004)


def test_uploading_reads_back_in_blocks(engine: Bench) -> None:
    place = f"44{START:08x}00001000"
    engine.ask("1003")
    assert engine.ask(f"3500{place}") == "7f3533"
    engine.unlock()
    assert engine.ask(f"3501{place}") == "7f3531"
    assert engine.ask("350044000000000000000c") == "7f3531"
    assert engine.ask(f"3500{place}") == "75200fff"
    first = engine.ask("3601")
    assert first == engine.ask("3601")
    both = first[4:] + engine.ask("3602")[4:]
    assert engine.ask("3603") == "7f3624"
    region = engine.ecu.unit.memory.regions[0]
    assert bytes.fromhex(both) == region.read(START, 0x1000)
    engine.ask("1002")
    assert engine.ask(f"3500{place}") == "7f3531"  # not in this session


def test_an_ecu_without_checksum_and_with_sha256() -> None:
    everything = Access(sessions=())
    spec = EcuSpec(
        name="x",
        memory=(MemorySpec(name="rom", start=0, length=16, flash=True, read=everything),),
        flash=FlashSpec(sessions=(3,), max_block=6),
        routines=(
            RoutineSpec(id=0xFF00, name="erase", kind="erase"),
            RoutineSpec(id=0x0202, name="check", kind="check", checksum="sha256"),
        ),
    )
    bench = Bench()
    bench.ecu = EcuApplication(spec, "WVWZZZAUZHP341562", "x")
    bench.ask("1003")
    assert bench.ask("3101ff00110004") == "7101ff000200"
    assert bench.ask("3400110004") == "74200006"
    assert bench.ask("3601deadbeef") == "7601"
    assert bench.ask("3700000000") == "7f3713"
    assert bench.ask("37") == "77"
    digest = hashlib.sha256(bytes.fromhex("deadbeef")).hexdigest()
    assert bench.ask(f"31010202110004{digest}") == "710102020200"
