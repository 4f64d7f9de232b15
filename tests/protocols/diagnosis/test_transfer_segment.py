from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from udsoncan.common.MemoryLocation import MemoryLocation
from udsoncan.services.RequestDownload import RequestDownload
from udsoncan.services.RequestUpload import RequestUpload

from protocols.diagnosis.transfer_segment import SegmentTransfer
from protocols.errors import RemoteProtocolError
from protocols.link.jobs import Direction, Segment


@given(address=st.integers(0, 2**32 - 1), length=st.integers(1, 2**24 - 1))
def test_requests_are_those_of_an_independent_tester(address: int, length: int) -> None:
    segment = Segment(address, length, address_size=4, length_size=3)
    location = MemoryLocation(address, length, address_format=32, memorysize_format=24)
    for service, direction in (
        (RequestDownload, Direction.DOWNLOAD),
        (RequestUpload, Direction.UPLOAD),
    ):
        ours = SegmentTransfer(segment, direction, 0).request()
        assert ours == service.make_request(location, None).get_payload()


def test_the_block_length_counts_service_and_counter() -> None:
    going = SegmentTransfer(Segment(0, 100), Direction.DOWNLOAD, 0)
    assert (going.blocks, going.block) == (0, 0)
    going.opened(bytes.fromhex("74200022"))
    assert (going.block_size, going.blocks, going.block) == (32, 4, 1)
    limited = SegmentTransfer(Segment(0, 100), Direction.DOWNLOAD, 10)
    limited.opened(bytes.fromhex("74200022"))
    assert limited.block_size == 10
    vast = SegmentTransfer(Segment(0, 100), Direction.DOWNLOAD, 0)
    vast.opened(bytes.fromhex("7440ffffffff"))
    assert vast.block_size == 0xFFFF


@given(length=st.integers(1, 3_000), block=st.integers(3, 40), offset=st.integers(0, 50))
def test_blocks_are_the_image_cut_up(length: int, block: int, offset: int) -> None:
    image = bytes(index * 31 & 0xFF for index in range(offset + length))
    going = SegmentTransfer(Segment(0, length, offset), Direction.DOWNLOAD, 0)
    going.opened(b"\x74\x10" + bytes((block,)))
    sent = b""
    while not going.complete:
        assert going.needs() <= len(image)
        request = going.next_block(lambda at, size: image[at : at + size])
        assert request == going.next_block(lambda at, size: image[at : at + size])
        assert not going.accepted(bytes((0x76, request[1] - 1 & 0xFF)), lambda _at, _data: None)
        sent += request[2:]
        assert going.accepted(bytes((0x76, request[1])), lambda _at, _data: None)
    assert sent == image[offset:]
    assert going.exit() == b"\x37"


def test_an_upload_hands_on_what_it_gets() -> None:
    got: list[tuple[int, bytes]] = []
    going = SegmentTransfer(Segment(0x100, 5, offset=7), Direction.UPLOAD, 0)
    going.opened(b"\x75\x10\x05")
    assert going.next_block(lambda _at, _size: b"") == b"\x36\x01"
    assert going.accepted(b"\x76\x01abc", lambda at, data: got.append((at, data)))
    assert going.accepted(b"\x76\x02de", lambda at, data: got.append((at, data)))
    assert got == [(7, b"abc"), (10, b"de")]
    assert going.complete


@pytest.mark.parametrize("data", [b"", b"123456"])
def test_an_upload_without_data_or_with_too_much_is_none(data: bytes) -> None:
    going = SegmentTransfer(Segment(0, 5), Direction.UPLOAD, 0)
    going.opened(b"\x75\x10\x05")
    with pytest.raises(RemoteProtocolError, match="5 are left"):
        going.accepted(b"\x76\x01" + data, lambda _at, _data: None)
