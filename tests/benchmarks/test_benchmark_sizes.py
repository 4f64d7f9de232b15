from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from wsproto.connection import Connection, ConnectionType
from wsproto.events import BytesMessage

from benchmarks import sizes


@given(st.sampled_from([0, 125, 126, 127, 65_535, 65_536]) | st.integers(0, 70_000))
def test_sizes_are_those_of_the_library(size: int) -> None:
    for kind, masked in ((ConnectionType.CLIENT, True), (ConnectionType.SERVER, False)):
        sent = Connection(kind).send(BytesMessage(bytes(size)))
        assert sizes.websocket(size, masked=masked) == len(sent)


def test_an_exchange_grows_with_its_bytes_alone() -> None:
    there, back = sizes.exchange(b"\x3e\x00", b"\x7e\x00")
    assert 50 < there < 120
    assert 30 < back < 120
    assert sizes.exchange(b"\x3e\x00" + bytes(10), b"\x7e\x00") == (there + 10, back)


def test_a_frame_alone_pays_for_everything() -> None:
    # 10 bytes of the batch's own for each frame, and 8 of data.
    assert sizes.frames(512) == pytest.approx(18.07, abs=0.05)
    assert sizes.frames(1) > 2 * sizes.frames(512)
