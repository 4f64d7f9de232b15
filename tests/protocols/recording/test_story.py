"""A recording's story: in the order of time, and as a capture."""

from __future__ import annotations

from protocols.can.batch import encode_batch
from protocols.can.frame import CanFrame
from protocols.link.vehicle import CanTarget
from protocols.recording.capture import capture
from protocols.recording.records import (
    Answered,
    Began,
    Exchange,
    Frames,
    Happened,
    Lost,
    Record,
)
from protocols.recording.story import TESTER, CanEvent, Remark, UdsEvent, story

BEGAN = Began(0, "5e" * 16, 0, "u", None, "o", None, ("can0",), ("can",))
ANSWER = Answered(0x7E8, bytes.fromhex("5003"), 1, 1_000, 9_000)


def exchange(*, seen: bool) -> Exchange:
    return Exchange(9_500, CanTarget(0x7E0, 0x7E8), b"\x10\x03", (ANSWER,), None, "ws", seen)


def raw(at: int) -> Frames:
    return Frames(at, 0, False, encode_batch(0, [CanFrame(0x123, timestamp_us=at)]))


def test_what_was_recorded_late_is_told_in_its_time() -> None:
    records: list[Record] = [BEGAN, raw(5_500), raw(9_200), exchange(seen=False)]
    began, *events = story(records)
    assert began == BEGAN
    times = [event.at for event in events if not isinstance(event, Began)]
    assert times == sorted(times)
    said = [event for event in events if isinstance(event, UdsEvent)]
    assert [(event.at, event.data.hex(), event.answer) for event in said] == [
        (1_000, "1003", False),
        (5_000, "7f1078", True),
        (9_000, "5003", True),
    ]
    assert [(event.source, event.target) for event in said[:2]] == [
        (TESTER, 0x7E0),
        (0x7E0, TESTER),
    ]
    frames = [event.frame.id for event in events if isinstance(event, CanEvent)]
    assert frames == [0x7E0, 0x7E8, 0x123, 0x7E8, 0x123]


def test_frames_that_were_seen_are_not_made_up() -> None:
    events = list(story([BEGAN, exchange(seen=True)]))
    assert not any(isinstance(event, CanEvent) for event in events)


def test_nonsense_of_an_operator_is_left_out() -> None:
    assert list(story([BEGAN, Frames(1, 0, True, b"no batch")])) == [BEGAN]


def test_a_capture_begins_with_its_section_and_ends_its_conversation() -> None:
    blocks = list(capture(story([BEGAN, exchange(seen=False)]), "test"))
    assert blocks[0][:4] == bytes.fromhex("0A0D0D0A")
    kinds = [int.from_bytes(block[:4], "little") for block in blocks[1:]]
    # Three interfaces; three frames; handshake, three messages and the end.
    assert kinds == [1, 1, 1] + [6] * (3 + 3 + 3 + 3)


def test_what_else_happened_is_told_in_one_line() -> None:
    records: list[Record] = [
        BEGAN,
        Exchange(9_500, CanTarget(0x7E0, 0x7E8), b"\x10\x03", (), "no_response", "ws", True),
        Happened(7, "session.door", {"door": "doip", "peer": "two\n lines\x00"}),
        Lost(8, 12),
    ]
    told = [event for event in story(records) if isinstance(event, Remark)]
    assert told == [
        Remark(7, "session.door door=doip peer=two lines?"),
        Remark(8, "recording.lost frames=12"),
        Remark(9_500, "exchange.failed why=no_response by=ws"),
    ]
