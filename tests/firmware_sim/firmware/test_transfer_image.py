from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from firmware_sim.firmware.transfer_image import MAX_BAD_PIECES, BadImageError, Image
from protocols.link.jobs import PIECE_SIZE
from tests.support.transfer_bench import pieces

DATA = bytes(index * 7 & 0xFF for index in range(1000)) * 150  # two pieces and some
HASH = hashlib.sha256(DATA).digest()


def image(folder: Path, data: bytes = DATA, sha256: bytes = HASH) -> Image:
    return Image(folder / "image", sha256, len(data), pieces(data))


def test_only_whole_pieces_of_the_right_hash_may_be_used(tmp_path: Path) -> None:
    one = image(tmp_path)
    one.append(DATA[:1000])
    assert (one.length, one.verified) == (1000, 0)
    one.append(DATA[1000:70_000])
    assert (one.length, one.verified) == (70_000, PIECE_SIZE)
    one.append(DATA[70_000:])
    assert one.complete
    assert one.read(500, 100) == DATA[500:600]
    one.close()


def test_a_wrong_piece_is_dropped_and_may_come_again(tmp_path: Path) -> None:
    one = image(tmp_path)
    one.append(bytes(PIECE_SIZE + 10))
    assert (one.length, one.verified) == (0, 0)
    one.append(DATA)
    assert one.complete
    one.close()


def test_a_piece_that_stays_wrong_is_the_wrong_image(tmp_path: Path) -> None:
    one = image(tmp_path)
    for _ in range(MAX_BAD_PIECES - 1):
        one.append(bytes(PIECE_SIZE))
    with pytest.raises(BadImageError, match="another hash 3 times"):
        one.append(bytes(PIECE_SIZE))
    one.close()


def test_right_pieces_of_a_wrong_whole_are_no_image(tmp_path: Path) -> None:
    one = image(tmp_path, sha256=b"x" * 32)
    with pytest.raises(BadImageError, match=HASH.hex()):
        one.append(DATA)
    assert one.verified == 0
    one.close()


@pytest.mark.parametrize("left", [0, 100, PIECE_SIZE, 2 * PIECE_SIZE - 1, len(DATA)])
def test_what_an_earlier_attempt_has_left_is_checked_and_kept(tmp_path: Path, left: int) -> None:
    (tmp_path / "image").write_bytes(DATA[:left])
    one = image(tmp_path)
    kept = left if left == len(DATA) else left // PIECE_SIZE * PIECE_SIZE
    assert one.length == one.verified == kept
    one.append(DATA[kept:]) if kept < len(DATA) else None
    assert one.complete
    one.close()


def test_what_was_spoiled_on_the_disk_is_not_used(tmp_path: Path) -> None:
    spoiled = bytearray(DATA)
    spoiled[PIECE_SIZE + 3] ^= 1
    (tmp_path / "image").write_bytes(spoiled)
    one = image(tmp_path)
    assert one.verified == PIECE_SIZE
    one.close()
