from __future__ import annotations

from collections.abc import Sequence

import pytest

from firmware_sim.vehicle.dialogue import TimedResponse
from firmware_sim.vehicle.ecu import EcuApplication
from firmware_sim.vehicle.ecu_spec import EcuSpec, TimingSpec
from firmware_sim.vehicle.quirk_spec import QuirkKind, QuirkSpec
from firmware_sim.vehicle.quirks import FOREIGN, Quirks, distort, extra_work
from firmware_sim.vehicle.record import Hex, SpecError

ANSWER = [TimedResponse(0.01, b"\x62\xf1\x90AB")]
REQUEST = b"\x22\xf1\x90"


def changed(quirk: QuirkSpec) -> list[tuple[float, bytes]]:
    return [
        (round(each.delay, 6), each.payload) for each in distort([quirk], REQUEST, list(ANSWER))
    ]


@pytest.mark.parametrize(
    ("quirk", "expected"),
    [
        (QuirkSpec(kind="silent"), []),
        (QuirkSpec(kind="late", seconds=2), [(2.01, b"\x62\xf1\x90AB")]),
        (
            QuirkSpec(kind="pending", count=2, seconds=0.5),
            [(0.01, b"\x7f\x22\x78"), (0.51, b"\x7f\x22\x78"), (1.01, b"\x62\xf1\x90AB")],
        ),
        (QuirkSpec(kind="short", count=2), [(0.01, b"\x62\xf1\x90")]),
        (QuirkSpec(kind="short", count=50), [(0.01, b"\x62")]),
        (QuirkSpec(kind="long", count=2), [(0.01, b"\x62\xf1\x90AB\xa5\xa5")]),
        (QuirkSpec(kind="foreign"), [(0.01, FOREIGN), (0.01, b"\x62\xf1\x90AB")]),
        (
            QuirkSpec(kind="repeat", count=2, seconds=0.1),
            [(at, b"\x62\xf1\x90AB") for at in (0.01, 0.11, 0.21)],
        ),
        (QuirkSpec(kind="busy"), [(0.01, b"\x62\xf1\x90AB")]),  # the ECU itself does that
    ],
)
def test_what_becomes_of_an_answer(
    quirk: QuirkSpec, expected: Sequence[tuple[float, bytes]]
) -> None:
    assert changed(quirk) == list(expected)
    assert distort([quirk], REQUEST, []) == []


def strikes(spec: QuirkSpec, times: int, request: bytes = REQUEST, session: int = 1) -> list[int]:
    quirks = Quirks([spec], "seed")
    return [len(quirks.due(request, session)) for _ in range(times)]


def test_a_quirk_chooses_its_requests() -> None:
    assert strikes(QuirkSpec(kind="deaf"), 2) == [1, 1]
    assert strikes(QuirkSpec(kind="deaf", request=Hex(b"\x22\xf1")), 1) == [1]
    assert strikes(QuirkSpec(kind="deaf", request=Hex(b"\x2e")), 1) == [0]
    assert strikes(QuirkSpec(kind="deaf", sessions=(3,)), 1) == [0]
    assert strikes(QuirkSpec(kind="deaf", sessions=(3,)), 1, session=3) == [1]
    assert strikes(QuirkSpec(kind="deaf", skip=1, times=2), 5) == [0, 1, 1, 0, 0]


def test_chance_follows_the_seed() -> None:
    spec = QuirkSpec(kind="deaf", chance=0.3)
    first = strikes(spec, 1000)
    assert first == strikes(spec, 1000)
    assert 200 < sum(first) < 400


def test_slowness_adds_up() -> None:
    slow = QuirkSpec(kind="slow", seconds=0.5)
    assert extra_work([slow, slow, QuirkSpec(kind="late", seconds=9)]) == 1.0
    with pytest.raises(SpecError, match="quirk slow needs seconds"):
        QuirkSpec(kind="slow")


def one(kind: QuirkKind, request: str, seconds: float = 0.0) -> tuple[EcuApplication, list[str]]:
    spec = EcuSpec(name="x", timing=TimingSpec(jitter=0.0, boot=0.5))
    ecu = EcuApplication(spec, "", "s", [QuirkSpec(kind=kind, times=1, seconds=seconds)])
    responses = ecu.handle(bytes.fromhex(request), 1.0)
    return ecu, [response.payload.hex() for response in responses]


def test_what_the_ecu_itself_does_wrong() -> None:
    ecu, answers = one("busy", "1003")
    assert answers == ["7f1021"]
    assert ecu.unit.session == 1
    ecu, answers = one("deaf", "1003")
    assert answers == []
    assert ecu.unit.session == 1
    ecu, answers = one("silent", "1003")
    assert answers == []
    assert ecu.unit.session == 3
    ecu, answers = one("slow", "1003", 1.0)
    assert answers == ["7f1078", "5003003201f4"]


def test_a_reset_takes_the_session_and_some_time() -> None:
    spec = EcuSpec(name="x", timing=TimingSpec(jitter=0.0, boot=0.5))
    ecu = EcuApplication(spec, "", "s", [QuirkSpec(kind="reset", sessions=(3,), skip=1)])
    ecu.handle(b"\x10\x03", 1.0)
    ecu.handle(b"\x3e\x00", 2.0)
    assert ecu.unit.session == 3
    assert ecu.handle(b"\x3e\x00", 3.0) == []
    assert ecu.handle(b"\x3e\x00", 3.4) == []  # still starting
    assert not ecu.sends_normally(3.4)
    (answer,) = ecu.handle(b"\x22\xf1\x86", 3.6)
    assert answer.payload == b"\x62\xf1\x86\x01"
