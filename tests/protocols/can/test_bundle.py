from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.can.bundle import HEADER_SIZE, entry_header, split_bundle
from protocols.errors import RemoteProtocolError

ENTRIES = st.lists(st.tuples(st.binary(min_size=16, max_size=16), st.binary(max_size=300)))


def _bundle(entries: list[tuple[bytes, bytes]]) -> bytes:
    return b"".join(entry_header(session, len(batch)) + batch for session, batch in entries)


def test_an_entry_is_as_the_page_says() -> None:
    session = bytes(range(16))
    assert _bundle([(session, b"batch")]) == session + b"\0\0\0\5" + b"batch"


@given(ENTRIES)
def test_every_batch_comes_out_under_its_session(entries: list[tuple[bytes, bytes]]) -> None:
    assert list(split_bundle(_bundle(entries))) == entries


@given(ENTRIES.filter(bool), st.data())
def test_a_bundle_that_is_cut_off_is_refused_after_what_is_whole(
    entries: list[tuple[bytes, bytes]], data: st.DataObject
) -> None:
    missing = data.draw(st.integers(1, HEADER_SIZE + len(entries[-1][1]) - 1))
    coming = split_bundle(_bundle(entries)[:-missing])
    assert [next(coming) for _ in entries[:-1]] == entries[:-1]
    with pytest.raises(RemoteProtocolError):
        next(coming)
