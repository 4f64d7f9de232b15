from __future__ import annotations

import hashlib
import os
from collections.abc import AsyncIterable, AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import trio
from typing_extensions import override

from gateway.domain.errors import Unavailable
from gateway.storage.files.folder import FolderStore
from gateway.storage.images import ImageStore
from protocols.link.jobs import PIECE_SIZE

DATA = bytes(range(256)) * 300
NAME = hashlib.sha256(DATA).hexdigest()
LONG_AGO = datetime(2024, 1, 1, tzinfo=UTC)


async def chunks(*parts: bytes) -> AsyncIterator[bytes]:
    for part in parts:
        yield part


def files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


async def test_what_is_put_is_found_by_its_hash_and_read_at_any_place(tmp_path: Path) -> None:
    store = ImageStore(tmp_path / "images")
    assert await store.put(chunks(DATA[:100], DATA[100:])) == (NAME, len(DATA))
    assert await store.put(chunks(DATA)) == (NAME, len(DATA)), "the same again is the same file"
    assert files(tmp_path) == [tmp_path / "images" / NAME[:2] / NAME]
    assert await store.read(NAME, 1_000, 50) == DATA[1_000:1_050]
    assert await store.read(NAME, len(DATA) - 5, 50) == DATA[-5:]
    assert await store.pieces(NAME) == (
        hashlib.sha256(DATA[:PIECE_SIZE]).digest(),
        hashlib.sha256(DATA[PIECE_SIZE:]).digest(),
    )


async def test_what_does_not_come_whole_is_not_kept(tmp_path: Path) -> None:
    async def breaks() -> AsyncIterator[bytes]:
        yield DATA
        raise ConnectionError("cut")

    store = ImageStore(tmp_path)
    with pytest.raises(ConnectionError):
        await store.put(breaks())
    assert files(tmp_path) == []


@pytest.mark.parametrize("name", [NAME, "", "../" * 21 + "x", NAME.upper(), "0" * 63])
async def test_names_that_lead_nowhere(tmp_path: Path, name: str) -> None:
    with pytest.raises(FileNotFoundError):
        await ImageStore(tmp_path).read(name, 0, 1)


def age(path: Path, moment: datetime) -> None:
    os.utime(path, (moment.timestamp(), moment.timestamp()))


async def test_old_files_are_found_and_removed_and_what_was_put_anew_is_not(
    tmp_path: Path,
) -> None:
    store = ImageStore(tmp_path)
    name, _ = await store.put(chunks(DATA))
    other, _ = await store.put(chunks(b"other"))
    age(store.path(name), LONG_AGO)
    between = LONG_AGO + timedelta(days=1)
    assert await store.older_than(between) == [name]
    await store.put(chunks(DATA))
    assert not await store.remove(name, between), "it was put anew meanwhile"
    age(store.path(name), LONG_AGO)
    assert await store.remove(name, between)
    assert not await store.remove(name, between)
    assert files(tmp_path) == [store.path(other)]


async def test_what_a_crash_has_left_half_written_goes(tmp_path: Path) -> None:
    store = ImageStore(tmp_path)
    assert await store.drop_drafts(LONG_AGO) == 0
    left, going = await store.draft(), await store.draft()
    age(Path(left._file.name), LONG_AGO)
    assert await store.drop_drafts(LONG_AGO + timedelta(days=1)) == 1
    assert [path.name for path in files(tmp_path)] == [Path(going._file.name).name]
    for draft in (left, going):
        await draft.drop()


class Cut(FolderStore):
    """A store behind that does not answer."""

    @override
    async def put(self, key: str, chunks: AsyncIterable[bytes]) -> None:
        raise Unavailable("files.unavailable", "Not now.")

    @override
    async def read(self, key: str, offset: int, size: int) -> bytes:
        raise Unavailable("files.unavailable", "Not now.")


async def test_what_one_node_puts_another_has(tmp_path: Path) -> None:
    shared = FolderStore(tmp_path / "shared")
    here, there = ImageStore(tmp_path / "a", shared), ImageStore(tmp_path / "b", shared)
    await here.put(chunks(DATA))
    assert await there.read(NAME, 1_000, 50) == DATA[1_000:1_050]
    assert await there.pieces(NAME) == await here.pieces(NAME)
    # Fetched once, whole, and without anything beside it.
    await shared.delete(NAME)
    assert await there.read(NAME, 0, len(DATA)) == DATA
    assert files(tmp_path / "b") == [there.path(NAME)]


async def test_a_file_is_fetched_for_those_who_open_it_themselves(tmp_path: Path) -> None:
    shared = FolderStore(tmp_path / "shared")
    await ImageStore(tmp_path / "a", shared).put(chunks(DATA))
    there = ImageStore(tmp_path / "b", shared)
    assert (await there.require(NAME)).read_bytes() == DATA
    with pytest.raises(FileNotFoundError):
        await there.require("0" * 64)
    with pytest.raises(FileNotFoundError):
        await there.require("../" * 8)
    with pytest.raises(FileNotFoundError):
        await ImageStore(tmp_path / "alone").require(NAME)


async def test_what_is_damaged_behind_is_not_taken(tmp_path: Path) -> None:
    shared = FolderStore(tmp_path / "shared")
    await shared.put(NAME, chunks(DATA[:-1]))
    there = ImageStore(tmp_path / "b", shared)
    with pytest.raises(FileNotFoundError, match="damaged"):
        await there.read(NAME, 0, 10)
    assert files(tmp_path / "b") == []


async def test_what_the_store_behind_does_not_take_is_refused(tmp_path: Path) -> None:
    store = ImageStore(tmp_path / "a", Cut(tmp_path / "shared"))
    with pytest.raises(Unavailable):
        await store.put(chunks(DATA))
    with pytest.raises(Unavailable):
        await store.read("0" * 64, 0, 10)
    # It is here, so that whoever needs no other node can go on.
    assert await store.read(NAME, 0, 10) == DATA[:10]


async def test_what_is_old_goes_from_behind_too(tmp_path: Path) -> None:
    shared = FolderStore(tmp_path / "shared")
    here, there = ImageStore(tmp_path / "a", shared), ImageStore(tmp_path / "b", shared)
    await here.put(chunks(DATA))
    later = datetime.now(UTC) + timedelta(hours=1)
    # Another node finds it behind, though it never had it.
    assert await there.older_than(LONG_AGO) == []
    assert await there.older_than(later) == [NAME]
    assert await here.remove(NAME, LONG_AGO) is False
    assert await there.remove(NAME, later) is True
    assert await shared.keys(later) == ()
    assert await here.remove(NAME, later) is True
    assert files(tmp_path / "a") == []


async def test_it_keeps_what_is_behind_at_hand(tmp_path: Path) -> None:
    for store in (ImageStore(tmp_path), ImageStore(tmp_path, FolderStore(tmp_path / "shared"))):
        async with trio.open_nursery() as nursery:
            await nursery.start(store.run)
            nursery.cancel_scope.cancel()
