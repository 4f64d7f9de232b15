# mypy: allow-untyped-calls
from __future__ import annotations

import dataclasses

import pytest
from doipclient import messages as m
from hypothesis import given
from hypothesis import strategies as st

from protocols.doip.codec import Message, decode_datagram, encode
from protocols.doip.discovery import Discovery, PowerMode
from protocols.errors import LocalProtocolError
from tests.protocols.doip.wired import EID, SETTINGS, VIN

#: 0004: VIN, logical address, EID, GID, further action, synchronisation.
IDENTITY = (
    "000400000021"  # type and length
    + VIN.encode().hex()
    + "1000"
    + EID.hex()
    + "000000000000"
    + "00"
    + "00"
)


def discovery(sockets: int = 0) -> Discovery:
    return Discovery(SETTINGS, open_sockets=lambda: sockets)


@pytest.mark.parametrize(
    "question",
    [
        m.VehicleIdentificationRequest(),
        m.VehicleIdentificationRequestWithEID(EID),
        m.VehicleIdentificationRequestWithVIN(VIN),
    ],
)
@pytest.mark.parametrize(("version", "back"), [(2, "02fd"), (3, "03fc"), (0xFF, "02fd")])
def test_identification(question: Message, version: int, back: str) -> None:
    answer = discovery().receive(encode(question, version))
    assert answer is not None
    assert answer.hex() == back + IDENTITY


@pytest.mark.parametrize(
    "question",
    [
        m.VehicleIdentificationRequestWithEID(bytes(6)),
        m.VehicleIdentificationRequestWithVIN("WVWZZZAUZKW999999"),
    ],
)
def test_requests_for_another_vehicle_are_left_alone(question: Message) -> None:
    assert discovery().receive(encode(question)) is None


def test_further_action_and_synchronisation_are_told() -> None:
    settings = dataclasses.replace(SETTINGS, further_action=0x10, synchronised=False)
    answer = Discovery(settings, open_sockets=lambda: 0).receive(
        encode(m.VehicleIdentificationRequest())
    )
    assert answer is not None
    assert answer[-2:] == b"\x10\x10"


def test_entity_status_counts_sockets() -> None:
    answer = discovery(sockets=1).receive(encode(m.DoipEntityStatusRequest()))
    assert answer == encode(m.EntityStatusResponse(0, 2, 1, 1 << 17))


def test_power_mode_changes_with_the_vehicle() -> None:
    found = discovery()
    asked = encode(m.DiagnosticPowerModeRequest())
    assert found.receive(asked) == encode(m.DiagnosticPowerModeResponse(1))
    found.power_mode = PowerMode.NotReady
    assert found.receive(asked) == encode(m.DiagnosticPowerModeResponse(0))


@pytest.mark.parametrize(
    ("datagram", "code"),
    [
        ("0201 0001 00000000", 0),
        ("02FD 8001 00000006 0E80 1010 3E00", 1),  # diagnostics are for TCP
        ("02FD 0001 00000041" + "00" * 65, 2),
        ("02FD 0001 00000001 00", 4),
    ],
)
def test_bad_datagrams_are_told_why(datagram: str, code: int) -> None:
    answer = discovery().receive(bytes.fromhex(datagram))
    assert answer == encode(m.GenericDoIPNegativeAcknowledge(code))


@pytest.mark.parametrize(
    "message",
    [
        m.GenericDoIPNegativeAcknowledge(0),
        m.VehicleIdentificationResponse(VIN, 0x1000, EID, EID, 0),
        m.EntityStatusResponse(0, 1, 1),
        m.DiagnosticPowerModeResponse(1),
    ],
)
def test_what_other_entities_say_is_left_alone(message: Message) -> None:
    assert discovery().receive(encode(message)) is None


def test_nonsense_too_short_for_a_header_is_left_alone() -> None:
    assert discovery().receive(b"hello") is None


@given(st.binary(max_size=100) | st.binary(max_size=70).map(lambda tail: b"\x02\xfd\x00" + tail))
def test_any_datagram_gives_one_message_or_silence(datagram: bytes) -> None:
    answer = discovery().receive(datagram)
    assert answer is None or decode_datagram(answer, 64).version in {1, 2, 3, 4}


def test_three_announcements_500_ms_apart() -> None:
    found = discovery()
    assert found.next_deadline() is None
    found.start_announcing(10.0, wait=0.25)
    times = []
    while (due := found.next_deadline()) is not None:
        assert found.handle_deadline(due - 0.001) is None
        announcement = found.handle_deadline(due)
        assert announcement is not None
        assert announcement.hex() == "02fd" + IDENTITY
        times.append(due)
    assert times == [10.25, 10.75, 11.25]
    assert found.handle_deadline(99.0) is None


@pytest.mark.parametrize("wait", [-0.1, 0.51])
def test_announce_wait_is_bounded(wait: float) -> None:
    with pytest.raises(LocalProtocolError, match="announce wait"):
        discovery().start_announcing(0.0, wait)
