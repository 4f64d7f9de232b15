from __future__ import annotations

import msgspec
import pytest
from msgspec.structs import replace

from protocols.diagnosis.transfer_program import Part, again, check, program
from protocols.errors import LocalProtocolError
from protocols.link.jobs import Segment, Step, StepKind
from tests.support.transfer_bench import CHECK, IMAGE, POLL, SEGMENTS, download, request, upload


def test_a_program_is_the_order_written_out() -> None:
    first = msgspec.structs.replace(SEGMENTS[0], before=(request("3101ff02"),), after=(CHECK,))
    order = download(segments=(first, SEGMENTS[1]), before=(request("1002"),))
    found = [(operation.segment, operation.part, operation.name) for operation in program(order)]
    assert found == [
        (-1, Part.STEP, "10 02"),
        (0, Part.STEP, "31 01 FF 02"),
        (0, Part.REQUEST, "request download"),
        (0, Part.DATA, "transfer data"),
        (0, Part.EXIT, "request transfer exit"),
        (0, Part.STEP, "check"),
        (1, Part.REQUEST, "request download"),
        (1, Part.DATA, "transfer data"),
        (1, Part.EXIT, "request transfer exit"),
        (2, Part.STEP, "check"),
        (2, Part.STEP, "11 01"),
    ]


def test_going_on_with_a_segment_opens_the_session_again_and_erases_nothing_before_it() -> None:
    operations = program(download())
    names = [operations[number].name for number in again(operations, 1)]
    assert names[:6] == ["10 83", "85 82", "28 83 01", "10 02", "security access 01", names[5]]
    assert names[5] == "request download"
    assert "erase" not in names
    assert len([name for name in names if name == "transfer data"]) == 1


def test_a_poll_of_what_is_not_started_again_is_left_out() -> None:
    operations = program(download(before=(CHECK, POLL, replace(POLL, again=True))))
    steps = [operations[number].step for number in again(operations, 1)]
    assert steps[:2] == [replace(POLL, again=True), None]


def test_what_is_declared_again_is_done_again() -> None:
    fingerprint = Step(StepKind.REQUEST, "fingerprint", b"\x2e\xf1\x5a\x01", again=True)
    operations = program(download(before=(fingerprint, CHECK)))
    assert operations[again(operations, 1)[0]].name == "fingerprint"
    assert operations[again(operations, 1)[1]].part is Part.REQUEST


LONG = Segment(0, len(IMAGE) + 1)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"direction": "sideways"}, "download, upload"),
        ({"start": "soon"}, "whole, ahead"),
        ({"recovery": "perhaps"}, "whole, segment, none"),
        ({"segments": ()}, "1 to 256 segments"),
        ({"image": b""}, "SHA-256"),
        ({"size": 0}, "bytes"),
        ({"pieces": ()}, "1 pieces"),
        ({"pieces": (b"short",)}, "1 pieces"),
        ({"repeats": 21}, "repeats"),
        ({"restarts": -1}, "restarts"),
        ({"block_limit": -1}, "block_limit"),
        ({"key_ms": 0}, "a wait"),
        ({"segments": (LONG,)}, "exceed 400 bytes"),
        ({"segments": (Segment(0, 0),)}, "0 is no length"),
        ({"segments": (Segment(1 << 32, 1),)}, "does not fit"),
        ({"segments": (Segment(0, 1, offset=-1),)}, "exceed"),
        ({"segments": (Segment(0, 1, address_size=9),)}, "1 to 8 bytes"),
        ({"segments": (Segment(0, 1, data_format=256),)}, "one byte"),
        ({"before": (request("34004400"),)}, "declare a segment"),
        ({"before": (request("2701"),)}, "step of its own"),
        ({"before": (Step(StepKind.REQUEST),)}, "needs its request"),
        ({"before": (Step(StepKind.SECURITY, level=2),)}, "odd"),
        ({"after": (Step(StepKind.WAIT),)}, "waits"),
        ({"after": (Step("dance"),)}, "'dance' is no kind"),
        ({"restore": (Step(StepKind.SECURITY, level=1),)}, "nobody is there"),
        ({"restore": (POLL,)}, "has no polls"),
        ({"after": (replace(POLL, running=b""),)}, "needs running"),
        ({"after": (replace(POLL, expect=b"\x71\x03\xff\x01\x01\x05"),)}, "while it is running"),
        ({"after": (replace(POLL, functional=True),)}, "one control unit"),
        ({"after": (replace(POLL, wait_ms=0),)}, "a poll comes every"),
        ({"after": (replace(POLL, limit_ms=0),)}, "a poll has a limit"),
        ({"after": (replace(POLL, request=b""),)}, "needs its request"),
        ({"after": (request("3e00"),) * 65}, "64 steps"),
    ],
)
def test_orders_without_sense_are_refused_in_words(changes: dict[str, object], words: str) -> None:
    with pytest.raises(LocalProtocolError, match=words):
        check(msgspec.structs.replace(download(), **changes))


def test_sound_orders_pass() -> None:
    check(download())
    check(download(after=(CHECK, POLL)))
    check(upload())
    with pytest.raises(LocalProtocolError, match="no image"):
        check(upload(image=bytes(32)))
