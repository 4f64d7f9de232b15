from __future__ import annotations

import can.interfaces.socketcand.socketcand as theirs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.can.frame import CanFrame
from protocols.errors import RemoteProtocolError
from protocols.socketcand.text import MAX_COMMAND, Splitter, error_text, frame_text, pdu_text

frames = st.builds(
    CanFrame,
    id=st.integers(0, 0x7FF),
    data=st.binary(max_size=8),
) | st.builds(
    CanFrame,
    id=st.integers(0, 0x1FFFFFFF),
    data=st.binary(max_size=8),
    extended=st.just(True),
)  # fmt: skip


@given(st.lists(st.sampled_from(["echo", "send 123 1 ff", "open can0"])), st.data())
def test_a_stream_comes_out_the_same_however_it_is_cut(
    said: list[str], data: st.DataObject
) -> None:
    stream = "".join(f"< {it} >\n" for it in said).encode()
    splitter, found = Splitter(), []
    while stream:
        size = data.draw(st.integers(1, len(stream)))
        found += splitter.receive(stream[:size])
        stream = stream[size:]
    assert found == [it.split() for it in said]


@given(st.binary(max_size=200))
def test_no_bytes_raise_but_those_without_end(noise: bytes) -> None:
    Splitter().receive(noise)


def test_what_is_between_commands_is_passed_over() -> None:
    assert Splitter().receive(b"noise > < lost < echo > more <rawmode>\xff") == [
        ["echo"],
        ["rawmode"],
    ]


def test_a_command_without_end_is_one_too_many() -> None:
    splitter = Splitter()
    splitter.receive(b"<" + b" " * (MAX_COMMAND - 1))
    with pytest.raises(RemoteProtocolError, match="at most"):
        splitter.receive(b"  ")


@given(frames, st.integers(0, 4_000_000_000_000_000))
def test_python_can_reads_our_frames(frame: CanFrame, wall_us: int) -> None:
    text = frame_text(frame, wall_us)
    assert text is not None
    message = theirs.convert_ascii_message_to_can_message(text)
    assert (message.arbitration_id, bytes(message.data)) == (frame.id, frame.data)
    assert message.is_extended_id == frame.extended
    assert message.timestamp == pytest.approx(wall_us / 1e6)


def test_frames_as_the_daemon_writes_them() -> None:
    frame = CanFrame(0x123, bytes.fromhex("1A220344"))
    assert frame_text(frame, 23_424_242) == "< frame 123 23.424242 1A220344 >"
    assert frame_text(frame, 23_424_242, spaced=True) == "< frame 123 23.424242 1A 22 03 44  >"
    wide = CanFrame(0x1F998877, b"", extended=True)
    assert frame_text(wide, 5) == "< frame 1F998877 0.000005  >"
    assert frame_text(CanFrame(0x123, remote=True), 5) is None
    assert frame_text(CanFrame(0x88, bytes(8), error=True), 1_000_000) == "< error 088 1.000000 >"
    assert pdu_text(b"\x62\xf1", 1_417_687_245_814_579) == "< pdu 1417687245.814579 62F1 >"


def test_refusals_stay_one_message() -> None:
    assert error_text("a <b>\n ü") == "< error a (b) ? >"
