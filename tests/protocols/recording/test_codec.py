"""Recordings: what was written comes back, whatever a crash has done to the file's end."""

from __future__ import annotations

import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.errors import LocalProtocolError, RemoteProtocolError
from protocols.link.vehicle import CanTarget, DoipTarget
from protocols.recording import codec
from protocols.recording.codec import MAGIC, Cut, Reader, encode
from protocols.recording.records import (
    Answered,
    Began,
    Exchange,
    Frames,
    Happened,
    Lost,
    Record,
)

times = st.integers(0, 2**62)
texts = st.text(max_size=12)
blobs = st.binary(max_size=40)
targets = st.one_of(
    st.builds(CanTarget, st.integers(0, 0x7FF), st.none() | st.integers(0, 0x7FF)),
    st.builds(DoipTarget, st.integers(0, 0xFFFF)),
)
answers = st.builds(Answered, st.integers(0, 0xFFFF), blobs, st.integers(0, 9), times, times)
RECORDS: st.SearchStrategy[Record] = st.one_of(
    st.builds(
        Began,
        times,
        texts,
        st.integers(0, 99),
        texts,
        st.none() | texts,
        texts,
        st.none() | st.integers(1, 99),
        st.tuples(texts),
    ),
    st.builds(Frames, times, st.integers(-(2**40), 2**40), st.booleans(), blobs),
    st.builds(Exchange, times, targets, blobs, st.tuples(answers), st.none() | texts, texts),
    st.builds(Happened, times, texts, st.dictionaries(texts, texts, max_size=3)),
    st.builds(Lost, times, st.integers(1, 2**32)),
)


def read(data: bytes, step: int = 1 << 20) -> tuple[list[Record], Cut | None]:
    reader = Reader()
    found: list[Record] = []
    for start in range(0, len(data), step):
        found += reader.feed(data[start : start + step])
    return found, reader.finish()


@given(st.lists(RECORDS, max_size=6), st.integers(1, 50))
def test_what_was_recorded_comes_back_in_pieces_of_any_size(
    records: list[Record], step: int
) -> None:
    data = MAGIC + b"".join(map(encode, records))
    assert read(data, step) == (records, None)


@given(st.lists(RECORDS, min_size=1, max_size=4), st.data())
def test_a_file_cut_at_any_byte_gives_its_whole_records(
    records: list[Record], data: st.DataObject
) -> None:
    pieces = [MAGIC, *map(encode, records)]
    whole = b"".join(pieces)
    end = data.draw(st.integers(0, len(whole)))
    ends = [sum(map(len, pieces[: n + 1])) for n in range(len(pieces))]
    found, cut = read(whole[:end])
    complete = [n for n in ends if n <= end]
    assert found == records[: max(len(complete) - 1, 0)]
    if end in ends:
        assert cut is None
    else:
        assert cut is not None
        assert cut.whole == max(complete, default=0)


@given(st.lists(RECORDS, min_size=1, max_size=3), st.data())
def test_a_changed_byte_ends_the_reading_before_it(
    records: list[Record], data: st.DataObject
) -> None:
    pieces = [MAGIC, *map(encode, records)]
    whole = bytearray(b"".join(pieces))
    at = data.draw(st.integers(len(MAGIC), len(whole) - 1))
    whole[at] ^= data.draw(st.integers(1, 255))
    found, cut = read(bytes(whole))
    assert found == records[: len(found)]
    assert cut is not None
    assert cut.whole <= at


def test_a_hole_of_zeros_is_no_record() -> None:
    found, cut = read(MAGIC + encode(Lost(1, 2)) + bytes(64))
    assert found == [Lost(1, 2)]
    assert cut == Cut(len(MAGIC) + len(encode(Lost(1, 2))), "a record's length is 0")


def test_content_that_is_no_record_is_named() -> None:
    good = encode(Lost(1, 2))
    length = bytes([0, 0, 0, 1])
    foreign = length + zlib.crc32(length + b"\xc0").to_bytes(4) + b"\xc0"
    found, cut = read(MAGIC + good + foreign + good)
    assert found == [Lost(1, 2)]
    assert cut is not None
    assert cut.reason.startswith("a record's content is unknown")


@pytest.mark.parametrize("data", [b"PK\x03\x04", b"DGREC\x02\x00\x00", b"X"])
def test_another_file_is_refused(data: bytes) -> None:
    with pytest.raises(RemoteProtocolError, match="no recording"):
        read(data)


def test_nothing_at_all_is_a_recording_cut_at_once() -> None:
    assert read(b"") == ([], Cut(0, "the file ends within a record"))


def test_a_record_beyond_all_bounds_is_not_written(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(codec, "MAX_CONTENT", 10)
    with pytest.raises(LocalProtocolError, match="10 is the most"):
        encode(Happened(1, "a long story", {}))


def test_the_bytes_of_a_record_are_what_the_format_says() -> None:
    assert encode(Lost(1, 2)) == bytes.fromhex("00000004 ce89a565 93050102")


@pytest.mark.parametrize("length", [1, 1023, 1024, 70_000])
def test_the_checksum_is_that_of_length_and_content_together(length: int) -> None:
    content = bytes(length)
    assert codec._checksum(content) == zlib.crc32(length.to_bytes(4) + content)
