from __future__ import annotations

import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_sim.vehicle.data_spec import MemorySpec
from firmware_sim.vehicle.dialogue import Refusal
from firmware_sim.vehicle.memory import Memory, Region
from firmware_sim.vehicle.transfer import Direction, Transfer

LENGTH = 600


def flash() -> Region:
    region = Memory([MemorySpec(name="x", start=0, length=LENGTH, flash=True)], "s").regions[0]
    region.erase(0, LENGTH)
    return region


def refused(transfer: Transfer, counter: int, data: bytes) -> int | None:
    with pytest.raises(Refusal) as caught:
        transfer.block(counter, data)
    return caught.value.code


def test_a_download_block_by_block() -> None:
    region = flash()
    transfer = Transfer(Direction.DOWNLOAD, region, 10, 5, max_block=5)
    assert [transfer.begun, transfer.complete] == [False, False]
    assert refused(transfer, 0, b"abc") == 0x73
    assert refused(transfer, 2, b"abc") == 0x73
    assert refused(transfer, 1, b"abcd") == 0x13
    assert refused(transfer, 1, b"") == 0x13
    assert transfer.block(1, b"abc") == b""
    assert [transfer.begun, transfer.complete] == [True, False]
    assert refused(transfer, 2, b"def") == 0x71  # one byte more than was requested
    assert transfer.block(2, b"de") == b""
    assert transfer.complete
    assert refused(transfer, 3, b"f") == 0x24
    assert region.read(9, 7) == b"\xffabcde\xff"
    assert transfer.checksum == zlib.crc32(b"abcde")


def test_a_repeated_block_is_answered_and_not_written() -> None:
    region = flash()
    transfer = Transfer(Direction.DOWNLOAD, region, 0, 4, max_block=4)
    transfer.block(1, b"ab")
    assert transfer.is_repetition(1)
    assert transfer.block(1, b"zz") == b""
    transfer.block(2, b"cd")
    assert transfer.block(2, b"cd") == b""  # also after the last one
    assert region.read(0, 5) == b"abcd\xff"


def test_an_upload_gives_the_same_block_again() -> None:
    region = flash()
    region.write(0, b"abcde")
    transfer = Transfer(Direction.UPLOAD, region, 0, 5, max_block=5)
    assert refused(transfer, 1, b"x") == 0x13
    assert [transfer.block(counter, b"") for counter in (1, 1, 2, 2)] == [
        b"abc", b"abc", b"de", b"de",
    ]  # fmt: skip
    assert refused(transfer, 3, b"") == 0x24


@given(
    st.lists(st.tuples(st.integers(0, 3), st.booleans()), min_size=LENGTH, max_size=LENGTH),
)
def test_whatever_is_lost_or_wrong_the_memory_gets_the_image(
    plan: list[tuple[int, bool]],
) -> None:
    """One byte a block, so that the counter wraps; each block sent with wrong counters before."""
    region, image = flash(), bytes(place * 7 & 0xFF for place in range(LENGTH))
    transfer = Transfer(Direction.DOWNLOAD, region, 0, LENGTH, max_block=3)
    for place, (wrong, repeat) in enumerate(plan):
        counter = place + 1 & 0xFF
        data = image[place : place + 1]
        if wrong:
            assert refused(transfer, counter + wrong & 0xFF, data) == 0x73
        assert transfer.block(counter, data) == b""
        if repeat:
            assert transfer.block(counter, data) == b""
    assert transfer.complete
    assert region.read(0, LENGTH) == image
    assert transfer.checksum == zlib.crc32(image)
