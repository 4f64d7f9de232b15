from __future__ import annotations

import os
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import trio

from gateway.storage.files.folder import FolderStore
from gateway.storage.files.store import FileStore

KEY, OTHER = "ab" * 16, "cd" * 16


async def chunks(*parts: bytes) -> AsyncIterator[bytes]:
    for part in parts:
        yield part


async def read(store: FileStore, key: str) -> bytes:
    return await store.read(key, 0, 1_000_000)


def everything(folder: Path) -> list[str]:
    return [path.name for path in folder.rglob("*") if path.is_file()]


async def test_what_was_put_is_there(tmp_path: Path) -> None:
    store = FolderStore(tmp_path / "files")
    await store.put(KEY, chunks(b"one", b"", b"two"))
    assert await read(store, KEY) == b"onetwo"
    assert everything(tmp_path) == [KEY]
    assert (tmp_path / "files" / "ab").stat().st_mode & 0o077 == 0
    await store.delete(KEY)
    await store.delete(KEY)
    with pytest.raises(FileNotFoundError):
        await read(store, KEY)


async def test_any_part_can_be_read(tmp_path: Path) -> None:
    store, data = FolderStore(tmp_path), os.urandom(200_000)
    await store.put(KEY, chunks(data))
    assert await store.read(KEY, 70_000, 1_000) == data[70_000:71_000]
    assert await store.read(KEY, 199_999, 1_000) == data[199_999:]
    assert await store.read(KEY, 200_000, 1_000) == b""


async def test_what_breaks_off_leaves_nothing(tmp_path: Path) -> None:
    store = FolderStore(tmp_path)

    async def broken() -> AsyncIterator[bytes]:
        yield b"half"
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await store.put(KEY, broken())
    assert everything(tmp_path) == []


async def test_a_client_that_goes_away_leaves_nothing(tmp_path: Path) -> None:
    store, begun = FolderStore(tmp_path), trio.Event()

    async def endless() -> AsyncIterator[bytes]:
        yield b"half"
        begun.set()
        await trio.sleep_forever()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(store.put, KEY, endless())
        await begun.wait()
        nursery.cancel_scope.cancel()
    assert everything(tmp_path) == []


@pytest.mark.parametrize("key", ["", "../../etc/passwd", "AB" * 16, "ab" * 15, "ab" * 15 + "/x"])
async def test_no_key_leads_out_of_the_folder(tmp_path: Path, key: str) -> None:
    with pytest.raises(ValueError, match="is no key"):
        await FolderStore(tmp_path).put(key, chunks(b"x"))


async def test_old_keys_are_told_and_old_drafts_deleted(tmp_path: Path) -> None:
    store = FolderStore(tmp_path)
    for key in (KEY, OTHER):
        await store.put(key, chunks(b"x"))
    draft = tmp_path / "ab" / "left.part"
    draft.write_bytes(b"")
    long_ago = datetime(2020, 1, 1, tzinfo=UTC)
    for path in (tmp_path / "ab" / KEY, draft):
        os.utime(path, (long_ago.timestamp(),) * 2)
    assert await store.keys(long_ago + timedelta(days=1)) == (KEY,)
    assert sorted(everything(tmp_path)) == [KEY, OTHER]
