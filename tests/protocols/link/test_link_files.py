from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.link.files import RANGE, WINDOW, Fetch, chunks, has_range
from protocols.link.jobs import CHUNK_SIZE, MAX_RANGE, FileChunk, FileRequest

NAME = b"A" * 32


def served(request: FileRequest, data: bytes) -> list[FileChunk]:
    return [
        FileChunk(NAME, offset, data[offset : offset + length])
        for offset, length in chunks(request, len(data))
    ]


@given(size=st.integers(1, 2_000_000), have=st.integers(0, 1_000))
def test_a_file_comes_whole_and_the_window_holds(size: int, have: int) -> None:
    data = bytes(size)
    fetch = Fetch(NAME, size, min(have, size))
    got = fetch.have
    waiting = list(fetch.next_requests())
    while waiting:
        assert sum(request.length for request in waiting) <= WINDOW
        for chunk in served(waiting.pop(0), data):
            assert chunk.offset == got
            assert len(chunk.data) <= CHUNK_SIZE
            assert fetch.takes(chunk)
            got += len(chunk.data)
        waiting += fetch.next_requests()
    assert fetch.complete
    assert got == size


def test_after_a_cut_it_goes_on_where_it_was() -> None:
    data = bytes(5 * RANGE)
    fetch = Fetch(NAME, len(data))
    asked = list(fetch.next_requests())
    first = served(asked[0], data)
    for chunk in first[:3]:
        assert fetch.takes(chunk)
    assert not fetch.takes(first[5]), "what lies between is missing"
    fetch.begin_again(fetch.have)
    again = next(fetch.next_requests())
    assert again.offset == 3 * CHUNK_SIZE
    assert not fetch.takes(first[0]), "one of the earlier attempt"
    assert fetch.takes(served(again, data)[0])


@pytest.mark.parametrize("data", [b"", b"12345"])
def test_chunks_that_cannot_be_are_not_taken(data: bytes) -> None:
    assert not Fetch(NAME, 4).takes(FileChunk(NAME, 0, data))


def test_no_request_gets_more_than_a_range() -> None:
    greedy = FileRequest(NAME, 10, 1 << 60)
    assert sum(length for _, length in chunks(greedy, 10 * MAX_RANGE)) == MAX_RANGE
    assert sum(length for _, length in chunks(greedy, 100)) == 90


@pytest.mark.parametrize(("offset", "length"), [(-1, 5), (100, 5), (0, 0), (0, -1)])
def test_ranges_that_are_none(offset: int, length: int) -> None:
    assert not has_range(FileRequest(NAME, offset, length), 100)
    assert has_range(FileRequest(NAME, 99, 5), 100)
