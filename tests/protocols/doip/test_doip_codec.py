# mypy: allow-untyped-calls
from __future__ import annotations

import pytest
from doipclient import messages as m
from hypothesis import given
from hypothesis import strategies as st

from protocols.doip.codec import (
    ALL_TYPES,
    UNSET_VIN,
    Decoder,
    Message,
    Packet,
    code_of,
    decode_datagram,
    encode,
)
from protocols.doip.header import DoipError, HeaderNack
from protocols.errors import LocalProtocolError

VIN = "WVWZZZAUZKW123456"
EID = bytes(range(6))
GID = bytes(range(6, 12))

#: Written by hand from tables 2 to 48 of ISO 13400-2, header of version 02.
GOLDEN: list[tuple[Message, str]] = [
    (m.GenericDoIPNegativeAcknowledge(2), "02FD 0000 00000001 02"),
    (m.VehicleIdentificationRequest(), "02FD 0001 00000000"),
    (m.VehicleIdentificationRequestWithEID(EID), "02FD 0002 00000006 000102030405"),
    (
        m.VehicleIdentificationRequestWithVIN(VIN),
        "02FD 0003 00000011 5756575A5A5A41555A4B57313233343536",
    ),
    (
        m.VehicleIdentificationResponse(VIN, 0x1000, EID, GID, 0, 0x10),
        "02FD 0004 00000021 5756575A5A5A41555A4B57313233343536 1000 000102030405 060708090A0B0010",
    ),
    (
        m.VehicleIdentificationResponse(VIN, 0x1000, EID, GID, 0x10),
        "02FD 0004 00000020 5756575A5A5A41555A4B57313233343536 1000000102030405 060708090A0B 10",
    ),
    (m.RoutingActivationRequest(0x0E80, 0xE0), "02FD 0005 00000007 0E80 E0 00000000"),
    (
        m.RoutingActivationRequest(0x0E80, 0, vm_specific=0xCAFE0001),
        "02FD 0005 0000000B 0E80 00 00000000 CAFE0001",
    ),
    (
        m.RoutingActivationResponse(0x0E80, 0x1000, 0x10),
        "02FD 0006 00000009 0E80 1000 10 00000000",
    ),
    (
        m.RoutingActivationResponse(0x0E80, 0x1000, 0xE5, vm_specific=7),
        "02FD 0006 0000000D 0E80 1000 E5 00000000 00000007",
    ),
    (m.AliveCheckRequest(), "02FD 0007 00000000"),
    (m.AliveCheckResponse(0x0E80), "02FD 0008 00000002 0E80"),
    (m.DoipEntityStatusRequest(), "02FD 4001 00000000"),
    (m.EntityStatusResponse(0, 4, 1), "02FD 4002 00000003 00 04 01"),
    (m.EntityStatusResponse(0, 4, 1, 0x20000), "02FD 4002 00000007 00 04 01 00020000"),
    (m.DiagnosticPowerModeRequest(), "02FD 4003 00000000"),
    (m.DiagnosticPowerModeResponse(1), "02FD 4004 00000001 01"),
    (m.DiagnosticMessage(0x0E80, 0x1010, b"\x22\xf1\x90"), "02FD 8001 00000007 0E80 1010 22F190"),
    (
        m.DiagnosticMessagePositiveAcknowledgement(0x1010, 0x0E80, 0, b""),
        "02FD 8002 00000005 1010 0E80 00",
    ),
    (
        m.DiagnosticMessageNegativeAcknowledgement(0x1010, 0x0E80, 3, b"\x22"),
        "02FD 8003 00000006 1010 0E80 03 22",
    ),
]


def fields(message: Message) -> str:
    return repr(message)


@pytest.mark.parametrize(("message", "golden"), GOLDEN, ids=lambda value: type(value).__name__)
def test_golden_messages(message: Message, golden: str) -> None:
    wire = bytes.fromhex(golden)
    assert encode(message) == wire
    (packet,) = Decoder(100).receive(wire)
    assert isinstance(packet, Packet)
    assert packet.version == 2
    assert fields(packet.message) == fields(message)
    assert encode(packet.message) == wire


def test_every_payload_type_has_a_golden_message() -> None:
    assert {message.payload_type for message, _ in GOLDEN} == ALL_TYPES


addresses = st.integers(0, 0xFFFF)
some_bytes = st.binary(min_size=1, max_size=40)
any_message = st.one_of(
    st.sampled_from([message for message, _ in GOLDEN]),
    st.builds(m.DiagnosticMessage, addresses, addresses, some_bytes),
    st.builds(
        m.DiagnosticMessageNegativeAcknowledgement,
        addresses,
        addresses,
        st.integers(0, 255),
        st.binary(max_size=9),
    ),
    st.builds(m.RoutingActivationRequest, addresses, st.integers(0, 255)),
)


@given(st.lists(any_message, max_size=6), st.data())
def test_a_stream_comes_out_the_same_however_it_is_cut(
    sent: list[Message], data: st.DataObject
) -> None:
    wire = b"".join(encode(message, 3) for message in sent)
    decoder, got = Decoder(100), []
    while wire:
        size = data.draw(st.integers(1, len(wire)))
        got += decoder.receive(wire[:size])
        wire = wire[size:]
    assert [fields(item.message) for item in got if isinstance(item, Packet)] == [
        fields(message) for message in sent
    ]
    assert {item.version for item in got if isinstance(item, Packet)} <= {3}


@given(st.binary(max_size=200), st.integers(0, 50))
def test_any_bytes_give_messages_or_errors(data: bytes, cut: int) -> None:
    decoder = Decoder(64)
    for item in decoder.receive(data[:cut]) + decoder.receive(data[cut:]):
        assert isinstance(item, Packet | DoipError)


headers = st.builds(
    lambda kind, length: b"\x02\xfd" + kind.to_bytes(2, "big") + length.to_bytes(4, "big"),
    st.sampled_from([*sorted(ALL_TYPES), 0x0009, 0xF000]),
    st.integers(0, 40),
)


@given(headers, st.binary(max_size=60))
def test_any_payload_after_a_good_header_is_handled(header: bytes, payload: bytes) -> None:
    for item in Decoder(64).receive(header + payload):
        assert isinstance(item, Packet | DoipError)
    try:
        packet = decode_datagram(header + payload, 64)
    except DoipError:
        return
    assert encode(packet.message)


def errors(*chunks: str, decoder: Decoder | None = None) -> list[object]:
    """Return NACK codes and message class names in the order they came out."""
    found: list[object] = []
    decoder = decoder or Decoder(32)
    for chunk in chunks:
        found += [
            item.code if isinstance(item, DoipError) else type(item.message).__name__
            for item in decoder.receive(bytes.fromhex(chunk))
        ]
    return found


ALIVE = "02FD000700000000"


@pytest.mark.parametrize(
    ("bad", "code"),
    [
        ("02FD 1234 00000003 AABBCC", HeaderNack.UnknownPayloadType),
        ("02FD 8001 00000021" + "AA" * 33, HeaderNack.MessageTooLarge),
    ],
)
def test_discarded_messages_do_not_disturb_the_next(bad: str, code: int) -> None:
    assert errors(bad + ALIVE) == [code, "AliveCheckRequest"]
    cut = bad.replace(" ", "") + ALIVE
    assert errors(*[cut[at : at + 2] for at in range(0, len(cut), 2)]) == [
        code,
        "AliveCheckRequest",
    ]


def test_four_gigabytes_are_skipped_without_keeping_them() -> None:
    decoder = Decoder(32)
    assert errors("02FD 8001 FFFFFFFF", decoder=decoder) == [HeaderNack.MessageTooLarge]
    for _ in range(4):
        assert decoder.receive(bytes(1 << 16)) == []
    assert len(decoder._buffer) == 0


def test_no_room_is_nack_03_and_the_message_is_skipped() -> None:
    room = [False, True]
    decoder = Decoder(32, has_room=lambda: room.pop(0))
    alive = encode(m.AliveCheckResponse(0x0E80))
    first, second = decoder.receive(alive + alive)
    assert isinstance(first, DoipError)
    assert first.code == HeaderNack.OutOfMemory
    assert not first.close
    assert isinstance(second, Packet)


def test_room_is_asked_for_with_the_new_message_counted() -> None:
    limit = 9
    decoder = Decoder(32, has_room=lambda: decoder.gathering <= limit)
    assert decoder.receive(bytes.fromhex("02FD 8001 00000009 0E80")) == []
    assert decoder.gathering == 9
    assert len(decoder.receive(bytes(7))) == 1
    assert decoder.gathering == 0
    assert errors("02FD 8001 0000000A", decoder=decoder) == [HeaderNack.OutOfMemory]


@pytest.mark.parametrize(
    "bad",
    ["02FD 0007 00000001", "02FD 0005 00000008", "02FD 8001 00000004", "02FD 0004 0000001F"],
)
def test_impossible_lengths_are_nack_04_and_end_the_stream(bad: str) -> None:
    assert errors(bad, ALIVE) == [HeaderNack.InvalidPayloadLength]


def test_a_broken_stream_stays_broken() -> None:
    assert errors(ALIVE + "00" * 8 + ALIVE, ALIVE) == ["AliveCheckRequest", 0]


def test_types_outside_the_endpoint_are_unknown() -> None:
    decoder = Decoder(32, types=frozenset({0x0008}))
    assert errors(ALIVE, decoder=decoder) == [HeaderNack.UnknownPayloadType]


@pytest.mark.parametrize("raw", [b"\x00" * 17, b"\xff" * 17])
def test_an_unset_vin_reads_the_same_either_way(raw: bytes) -> None:
    wire = encode(m.VehicleIdentificationRequestWithVIN(VIN))[:8] + raw
    message = decode_datagram(wire, 100).message
    assert isinstance(message, m.VehicleIdentificationRequestWithVIN)
    assert message.vin == UNSET_VIN
    assert encode(message)[8:] == bytes(17)


def test_a_vin_that_is_no_text_is_met_with_silence() -> None:
    wire = encode(m.VehicleIdentificationRequestWithVIN(VIN))[:-1] + b"\x80"
    with pytest.raises(DoipError) as caught:
        decode_datagram(wire, 100)
    assert caught.value.code is None
    assert errors(wire.hex() + ALIVE, decoder=Decoder(100)) == [None, "AliveCheckRequest"]


@pytest.mark.parametrize(
    ("datagram", "code"),
    [
        ("", None),
        ("02FD0007000000", None),
        ("02FD 0001 00000000 AA", HeaderNack.InvalidPayloadLength),
        ("02FD 0002 00000006 0001", HeaderNack.InvalidPayloadLength),
        ("0202 0001 00000000", HeaderNack.IncorrectPatternFormat),
        ("02FD 7777 00000000", HeaderNack.UnknownPayloadType),
        ("02FD 8001 000000FF 00", HeaderNack.MessageTooLarge),
    ],
)
def test_bad_datagrams(datagram: str, code: int | None) -> None:
    with pytest.raises(DoipError) as caught:
        decode_datagram(bytes.fromhex(datagram), 32)
    assert caught.value.code == code


@pytest.mark.parametrize(
    ("message", "code"),
    [
        (m.RoutingActivationRequest(0x0E80, 0x55), 0x55),
        (m.RoutingActivationResponse(0x0E80, 0x1000, 0xE7), 0xE7),
        (m.DiagnosticMessageNegativeAcknowledgement(1, 2, 0xF0, b"abc"), 0xF0),
        (m.DiagnosticPowerModeResponse(0x40), 0x40),
        (m.GenericDoIPNegativeAcknowledge(0x77), 0x77),
    ],
)
def test_codes_outside_the_enums_are_numbers(message: Message, code: int) -> None:
    assert code_of(message) == code


@pytest.mark.parametrize(
    "message",
    [
        m.DiagnosticMessage(0x10000, 1, b"\x01"),
        m.VehicleIdentificationRequestWithVIN("\xff" * 17),
        m.ReservedMessage(0x1234, b""),
        m.DiagnosticMessage(1, 2, None),
    ],
)
def test_what_cannot_be_packed_is_our_own_fault(message: Message) -> None:
    with pytest.raises(LocalProtocolError, match="cannot be packed"):
        encode(message)
