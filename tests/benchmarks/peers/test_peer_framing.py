from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from benchmarks.client import Answer, Frames
from benchmarks.peers.framing import Splitter, answer, framed, frames, numbered, read, u32

bodies = st.lists(st.binary(max_size=40), max_size=8)


@given(bodies, st.integers(1, 9))
def test_bodies_come_out_as_they_went_in_however_they_are_cut(
    sent: list[bytes], size: int
) -> None:
    wire, splitter = b"".join(map(framed, sent)), Splitter()
    pieces = [wire[at : at + size] for at in range(0, len(wire), size)]
    assert [body for piece in pieces for body in splitter.feed(piece)] == sent


@given(st.integers(0, 2**32 - 1), st.binary(max_size=20))
def test_an_answer_has_its_requests_number(number: int, data: bytes) -> None:
    request = u32(number) + b"\x3e\x00"
    assert read(answer(request, data)) == Answer(number, data)
    assert numbered(request) == (number, b"\x3e\x00")


def test_frames_are_no_answer() -> None:
    assert read(frames(b"batch")) == Frames(b"batch")
