from __future__ import annotations

import msgspec
import pytest
from hypothesis import given, reject
from hypothesis import strategies as st

from protocols.errors import RemoteProtocolError
from protocols.link.buses import BusConfigure, BusConfigured, BusState
from protocols.link.messages import (
    Ack,
    Challenge,
    Channel,
    CloseCode,
    ControlMessage,
    Credit,
    ExchangeMessage,
    ExchangeRequest,
    ExchangeResponse,
    ExchangeResult,
    Goodbye,
    Hello,
    Message,
    MonitorStart,
    MonitorStop,
    Ping,
    Pong,
    Proof,
    Resume,
    SessionClose,
    SessionClosed,
    SessionOpen,
    StatusReport,
    Welcome,
    decode_body,
    encode_body,
)
from protocols.link.vehicle import (
    BusInfo,
    CanTarget,
    Capabilities,
    DoipTarget,
    EcuInfo,
    FrameFilter,
    FunctionalTarget,
)

UUID_TEXT = "0b6f4a52-7b0e-4c1e-9d4e-2f6a1f5f7a01"

#: A hello: its tag, versions, UUID, nonce, capabilities, resume claim, credit.
HELLO = (
    f"97 01 91 01 d924{UUID_TEXT.encode().hex()} c420{'4e' * 32}"
    " 96 91 94 a463616e30 a363616e ce0007a120 00"
    " 91 9b a6656e67696e65 a463616e30 cd07e0 cd07e8 c0 c2 a66e6f726d616c c0 c0 c0 c0"
    " c3 c2 0c 00"
    f" 92 c410{'54' * 16} 09 81 01 cc80"
)

#: Every message as it stands on the wire. Written by hand from the MessagePack specification:
#: both ends share the codec, so that a shared misreading would otherwise pass.
GOLDEN: list[tuple[Message, str]] = [
    (
        Hello(
            (1,),
            UUID_TEXT,
            b"N" * 32,
            Capabilities(
                (BusInfo("can0", "can", 500_000),),
                (EcuInfo("engine", "can0", 0x7E0, 0x7E8),),
                software=12,
            ),
            Resume(b"T" * 16, 9),
            {1: 128},
        ),
        HELLO,
    ),
    (Challenge(1, b"C" * 32), f"93 02 01 c420{'43' * 32}"),
    (Proof(b"S" * 64), f"92 03 c440{'53' * 64}"),
    (
        Welcome(b"T" * 16, True, 70_000, 5000, 60_000, {0: 64}),
        f"97 04 c410{'54' * 16} c3 ce00011170 cd1388 cdea60 81 00 40",
    ),
    (Goodbye(CloseCode.OVERLOADED, "full", 10_000), "94 05 03 a466756c6c cd2710"),
    (Ping(7), "93 06 07 00"),
    (Ping(8, 5000), "93 06 08 cd1388"),
    (Pong(7, 1_000_000), "93 07 07 ce000f4240"),
    (Ack(), "91 08"),
    (Credit(Channel.EXCHANGE, 192), "93 09 01 ccc0"),
    (
        StatusReport("WVWZZZAUZKW123456", 12_600, True),
        "96 14 b15756575a5a5a41555a4b57313233343536 cd3138 c3 c2 90",
    ),
    (SessionOpen("s1", True, 30_000), "94 15 a27331 c3 cd7530"),
    (SessionClose("s1"), "92 16 a27331"),
    (SessionClosed("s1", False, "late"), "94 17 a27331 c2 a46c617465"),
    (
        MonitorStart("can0", 0, (FrameFilter(0x700, 0x700),), 20),
        "95 18 a463616e30 00 91 93 cd0700 cd0700 c2 14",
    ),
    (MonitorStop("can0"), "92 19 a463616e30"),
    (
        BusConfigure(1, "s1", "can0", 250_000, None, True, (FrameFilter(0x7E8, 0x7FF),)),
        "98 1a 01 a27331 a463616e30 ce0003d090 c0 c3 91 93 cd07e8 cd07ff c2",
    ),
    (
        BusConfigured(1, BusState("can0", False, "gone", 500_000, 2_000_000, True, 1), "refused"),
        "95 1b 01 97 a463616e30 c2 a4676f6e65 ce0007a120 ce001e8480 c3 01 a772656675736564 a0",
    ),
    (
        ExchangeRequest(1, "s1", CanTarget(0x7E0, 0x7E8), bytes.fromhex("22F190")),
        "95 28 01 a27331 9a 01 cd07e0 cd07e8 a0 c2 a66e6f726d616c c0 c0 c0 c0 c403 22f190",
    ),
    (
        ExchangeRequest(2, "s1", DoipTarget(0x1010), b"\x3e\x00"),
        "95 28 02 a27331 93 02 cd1010 c2 c402 3e00",
    ),
    (
        ExchangeRequest(3, "s1", FunctionalTarget(), b"\x3e\x80"),
        "95 28 03 a27331 92 03 a0 c402 3e80",
    ),
    (
        ExchangeResult(1, (ExchangeResponse(0x7E8, b"\x7e\x00", 2, 10, 300),)),
        "95 29 01 91 95 cd07e8 c402 7e00 02 0a cd012c a0 a0",
    ),
    (ExchangeResult(2, failure="no_response"), "95 29 02 90 ab6e6f5f726573706f6e7365 a0"),
]


@pytest.mark.parametrize(
    ("message", "golden"), GOLDEN, ids=[type(message).__name__ for message, _ in GOLDEN]
)
def test_golden_bytes(message: Message, golden: str) -> None:
    assert encode_body(message).hex() == bytes.fromhex(golden).hex()
    assert decode_body(message.channel, bytes.fromhex(golden)) == message


def test_every_message_has_its_golden_bytes() -> None:
    known = set(ControlMessage.__args__) | set(ExchangeMessage.__args__)
    assert {type(message) for message, _ in GOLDEN} == known


NUMBERS = st.integers(0, 2**32 - 1)
TEXT = st.text(max_size=12)

MESSAGES = st.one_of(
    *(
        st.from_type(kind)
        for kind in (*ControlMessage.__args__, *ExchangeMessage.__args__)
        if kind is not Hello
    ),
    st.builds(
        Hello,
        versions=st.lists(NUMBERS, max_size=3).map(tuple),
        uuid=TEXT,
        nonce=st.binary(max_size=40),
        capabilities=st.from_type(Capabilities),
        resume=st.none() | st.builds(Resume, st.binary(max_size=20), st.integers(0, 2**63)),
        credit=st.dictionaries(st.integers(0, 9), NUMBERS, max_size=5),
    ),
)


@pytest.mark.slow
@given(MESSAGES)
def test_what_is_encoded_is_decoded(message: Message) -> None:
    try:
        body = encode_body(message)
    except OverflowError:  # an integer beyond 64 bits, which no field of ours ever holds
        reject()
    assert decode_body(message.channel, body) == message


def _decoded(channel: Channel, body: bytes) -> Message | int | None:
    """Return the message, or the code of the one error that may be raised."""
    try:
        return decode_body(channel, body)
    except RemoteProtocolError as error:
        return error.code


@pytest.mark.slow
@given(st.sampled_from(Channel), st.binary(max_size=200))
def test_any_bytes_are_a_message_or_a_remote_error(channel: Channel, body: bytes) -> None:
    decoded = _decoded(channel, body)
    assert decoded == CloseCode.PROTOCOL or isinstance(decoded, Message)


@pytest.mark.slow
@given(st.sampled_from(GOLDEN), st.data())
def test_mutated_messages_are_messages_or_remote_errors(
    golden: tuple[Message, str], data: st.DataObject
) -> None:
    message, text = golden
    body = bytearray.fromhex(text)
    for _ in range(data.draw(st.integers(1, 4))):
        body[data.draw(st.integers(0, len(body) - 1))] = data.draw(st.integers(0, 255))
    decoded = _decoded(message.channel, bytes(body))
    assert decoded == CloseCode.PROTOCOL or isinstance(decoded, Message)


@pytest.mark.parametrize(("message", "golden"), GOLDEN)
def test_a_message_cut_off_anywhere_is_a_remote_error(message: Message, golden: str) -> None:
    body = bytes.fromhex(golden)
    for end in range(len(body)):
        with pytest.raises(RemoteProtocolError):
            decode_body(message.channel, body[:end])


def test_a_message_on_a_foreign_channel_does_not_decode() -> None:
    for message, golden in GOLDEN:
        for channel in Channel:
            if channel is not message.channel:
                with pytest.raises(RemoteProtocolError):
                    decode_body(channel, bytes.fromhex(golden))


def test_members_that_a_newer_peer_adds_are_ignored() -> None:
    body = msgspec.msgpack.encode([6, 7, 0, "new", {"deep": [1, 2]}])
    assert decode_body(Channel.CONTROL, body) == Ping(7)


def test_members_that_an_older_peer_lacks_take_their_defaults() -> None:
    assert decode_body(Channel.CONTROL, bytes.fromhex("92 05 00")) == Goodbye(0)
    assert decode_body(Channel.CONTROL, bytes.fromhex("92 06 07")) == Ping(7, 0)


@pytest.mark.parametrize("opening", [b"\x91", b"\x81\x01"], ids=["arrays", "maps"])
def test_a_bottomless_member_is_a_remote_error(opening: bytes) -> None:
    with pytest.raises(RemoteProtocolError, match="recursion"):
        decode_body(Channel.CONTROL, b"\x92\x08" + opening * 100_000)


@pytest.mark.parametrize(
    "body",
    [
        "95 01 dd ffffffff",
        "92 03 c6 ffffffff",
        "94 05 00 db ffffffff",
        "97 01 90 a0 c400 df ffffffff",
    ],
)
def test_an_announced_size_is_not_believed(body: str) -> None:
    with pytest.raises(RemoteProtocolError):
        decode_body(Channel.CONTROL, bytes.fromhex(body))
