from __future__ import annotations

from contextlib import suppress

import can
import can.interfaces.socketcand.socketcand as theirs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.can.frame import FD_LENGTHS, CanFrame
from protocols.errors import RemoteProtocolError
from protocols.socketcand import commands as said
from protocols.socketcand.commands import Mode, parse

words = st.lists(st.text("0123456789abcdefxyz-", max_size=9), max_size=12)


@given(st.sampled_from(sorted(said._READERS)), words)
def test_any_words_make_a_command_or_a_refusal(name: str, more: list[str]) -> None:
    with suppress(RemoteProtocolError):
        parse([name, *more])


@given(
    st.booleans(),
    st.integers(0, 0x7FF),
    st.sampled_from(FD_LENGTHS).flatmap(lambda n: st.binary(min_size=n, max_size=n)),
)
def test_frames_as_python_can_sends_them(wide: bool, number: int, data: bytes) -> None:
    message = can.Message(
        arbitration_id=number, data=data, is_extended_id=wide, is_fd=len(data) > 8
    )
    text = theirs.convert_can_message_to_ascii_message(message)
    command = parse(text.strip("<> ").split())
    fd = len(data) > 8
    assert command == said.Send(CanFrame(number, data, wide, fd=fd, brs=fd))


@pytest.mark.parametrize(
    ("text", "command"),
    [
        ("open can0", said.Open("can0")),
        ("can0 B 500000 0 0 0 0 0 0 0", said.Setup("can0", bitrate=500_000)),
        ("can0 C 1 0 0", said.Setup("can0", listen_only=True)),
        ("can0 C 0 0 0", said.Setup("can0", listen_only=False)),
        ("rawmode", said.Switch(Mode.RAW)),
        ("bcmmode", said.Switch(Mode.BCM)),
        ("controlmode", said.Switch(Mode.CONTROL)),
        ("isotpmode", said.Switch(Mode.ISOTP)),
        ("echo", said.Echo()),
        ("send 123 0", said.Send(CanFrame(0x123))),
        (
            "send 1AAAAAAA 2 1 f1",
            said.Send(CanFrame(0x1AAAAAAA, b"\x01\xf1", extended=True)),
        ),
        ("send 00000123 0", said.Send(CanFrame(0x123, extended=True))),
        ("add 1 500000 123 1 11", said.Add(CanFrame(0x123, b"\x11"), 1.5)),
        ("update 123 1 22", said.Update(CanFrame(0x123, b"\x22"))),
        ("delete 123", said.Delete((0x123, False))),
        (
            "filter 0 10 123 1 FF",
            said.Subscribe((0x123, False), 1e-05, (b"\xff" + bytes(7),)),
        ),
        (
            "muxfilter 0 0 123 2 FF 0 0 0 0 0 0 0 33 FF FF FF FF FF FF FF",
            said.Subscribe((0x123, False), 0.0, (b"\xff" + bytes(7), b"\x33" + b"\xff" * 7)),
        ),
        ("subscribe 0 0 123", said.Subscribe((0x123, False), 0.0)),
        ("unsubscribe 00000123", said.Unsubscribe((0x123, True))),
        ("statistics 1000", said.Statistics(1.0)),
        (
            "isotpconf 1F998877 1F998876 C 4 0 0 AA 55",
            said.IsotpConf((0x1F998877, True), (0x1F998876, True), 0xC, 4, 0, 0xAA),
        ),
        (
            "isotpconf 7E0 7E8 202 0 0 0 0 0 12 F1",
            said.IsotpConf((0x7E0, False), (0x7E8, False), 0x202, 0, 0, None, 0x12, 0xF1),
        ),
        ("sendpdu 001122", said.SendPdu(b"\x00\x11\x22")),
    ],
)
def test_the_commands_of_the_protocol(text: str, command: said.Command) -> None:
    assert parse(text.split()) == command


@pytest.mark.parametrize(
    "text",
    [
        "send 123 2 1",
        "send 20000000 0",
        "send 123 9 1 2 3 4 5 6 7 8 9",
        "send 123 1 100",
        "send",
        "open",
        "open a b",
        "can0 B 500000",
        "can0 B 0 0 0 0 0 0 0 0",
        "can0 B 500000 0 0 0 0 0 0 x",
        "can0 C 1 0",
        "can0 C 2 0 0",
        "echo twice",
        "add 0 -5 123 0",
        "add 100000 0 123 0",
        "filter 0 0 123 12 1 2 3 4 5 6 7 8 9 a b c",
        "muxfilter 0 0 123 1 1 2 3 4 5 6 7 8",
        "muxfilter 0 0 123 2 1",
        "statistics -1",
        "isotpconf 7E0 7E8 4 0 0",
        "isotpconf 7E0 7E8 0 256 0",
        "sendpdu 123",
        "sendpdu",
    ],
)
def test_what_is_made_otherwise_is_refused_with_how_it_is_made(text: str) -> None:
    with pytest.raises(RemoteProtocolError, match=f"^syntax: {shape_of(text)}($| )"):
        parse(text.split())


def shape_of(text: str) -> str:
    """Return how the shape of a command begins."""
    first, second, *_ = (*text.split(), "")
    return f"BUS {second}" if first == "can0" else first


@pytest.mark.parametrize("text", ["can0 B 500000 875 0 0 0 0 0 0", "can0 C 0 1 0", "can0 C 0 0 1"])
def test_what_cannot_be_had_of_a_bus_is_refused_and_not_ignored(text: str) -> None:
    with pytest.raises(RemoteProtocolError, match="give 0 for"):
        parse(text.split())


@pytest.mark.parametrize("words", [[], ["fly"], ["can0", "D", "500000"], ["B"], ["C", "can0"]])
def test_other_commands_are_unknown(words: list[str]) -> None:
    with pytest.raises(RemoteProtocolError, match=r"^unknown command$"):
        parse(words)


def test_each_command_says_how_it_is_made() -> None:
    assert said._SHAPES.keys() == said._READERS.keys() | said._SETUPS.keys()
