"""Attachments from reservation to bytes: cabinet, upkeep and queries, with a channel's files."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator
from datetime import timedelta
from uuid import UUID, uuid4

import pytest
import trio
from sqlalchemy.exc import IntegrityError
from structlog.typing import FilteringBoundLogger

from gateway.domain.errors import Conflict, Invalid, NotFound, Throttled, TooLarge
from gateway.storage.files import cabinet as room
from gateway.storage.files.upkeep import FileUpkeep
from gateway.storage.queries import files, tickets
from gateway.storage.queries.files import FileRecord
from gateway.storage.tables.files import file
from gateway.tickets.life import Report
from tests.gateway.chat.conftest import Talk

PNG = b"\x89PNG\r\n\x1a\n" + bytes(100)


class chunks:  # noqa: N801 - reads as the call it is
    """A body that arrives in parts."""

    def __init__(self, *parts: bytes) -> None:
        self._parts = list(parts)

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        await trio.lowlevel.checkpoint()
        if not self._parts:
            raise StopAsyncIteration
        return self._parts.pop(0)


async def reserved(talk: Talk, name: str = "photo.png") -> UUID:
    made = await talk.chat.attach(talk.workshop.customer, talk.ticket.uuid, name)
    return made.file_id


def kept(talk: Talk) -> int:
    return sum(path.is_file() for path in talk.folder.rglob("*"))


@pytest.mark.parametrize("cut", [1, 3, 7, 8, 40, len(PNG)])
async def test_a_file_comes_back_as_it_was_sent(talk: Talk, cut: int) -> None:
    file_id = await reserved(talk)
    pieces = [PNG[at : at + cut] for at in range(0, len(PNG), cut)]
    record = await talk.cabinet.fill(file_id, chunks(*pieces))
    assert (record.size, record.sha256) == (len(PNG), hashlib.sha256(PNG).digest())
    assert (record.content_type, record.stored_at) == ("image/png", talk.clock.now)
    stored = await talk.cabinet.stored(file_id)
    assert b"".join([piece async for piece in talk.cabinet.pieces(stored)]) == PNG


@pytest.mark.parametrize(
    ("name", "parts", "kind"),
    [
        ("photo.png", (b"<html>" + bytes(100),), Invalid),
        ("photo.png", (b"\x89", b"PNX\r\n\x1a\n", bytes(100)), Invalid),
        ("photo.png", (b"\x89PN",), Invalid),
        ("photo.png", (b"",), Invalid),
        ("photo.png", (), Invalid),
        ("photo.png", (PNG, bytes(1_000)), TooLarge),
        ("notes.txt", (b"words", b"and \0 bytes"), Invalid),
    ],
)
async def test_what_is_not_what_its_name_says_is_not_kept(
    talk: Talk, name: str, parts: tuple[bytes, ...], kind: type[Exception]
) -> None:
    file_id = await reserved(talk, name)
    with pytest.raises(kind):
        await talk.cabinet.fill(file_id, chunks(*parts))
    assert kept(talk) == 0
    with pytest.raises(NotFound):
        await talk.cabinet.stored(file_id)
    await talk.cabinet.fill(file_id, chunks(PNG if name.endswith("png") else b"words"))


async def test_a_file_is_filled_once_also_by_many_at_once(talk: Talk) -> None:
    file_id, outcomes = await reserved(talk), []

    async def fill(data: bytes) -> None:
        try:
            await talk.cabinet.fill(file_id, chunks(data[:20], data[20:]))
            outcomes.append("stored")
        except (Conflict, Throttled) as refused:
            outcomes.append(refused.kind)

    async with trio.open_nursery() as nursery:
        for number in range(2):
            nursery.start_soon(fill, PNG + bytes([number]))
    assert sorted(outcomes) == ["conflict", "stored"]
    assert kept(talk) == 1
    with pytest.raises(Conflict):
        await talk.cabinet.fill(file_id, chunks(PNG))
    record = await talk.cabinet.stored(file_id)
    data = b"".join([piece async for piece in talk.cabinet.pieces(record)])
    assert hashlib.sha256(data).digest() == record.sha256


@pytest.mark.slow
async def test_uploads_at_once_are_bounded_and_take_no_longer_than_they_may(
    talk: Talk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room, "UPLOAD_LIMIT", 0.3)
    begun = [trio.Event(), trio.Event()]

    async def stuck(number: int) -> AsyncIterator[bytes]:
        yield PNG
        begun[number].set()
        await trio.sleep_forever()

    async def slow(number: int) -> None:
        with pytest.raises(Invalid, match="too long"):
            await talk.cabinet.fill(ids[number], stuck(number))

    ids = [await reserved(talk) for _ in range(3)]
    async with trio.open_nursery() as nursery:
        for number, event in enumerate(begun):
            nursery.start_soon(slow, number)
            await event.wait()
        with pytest.raises(Throttled):
            await talk.cabinet.fill(ids[2], chunks(PNG))
        await trio.sleep(0.4)
        await talk.cabinet.fill(ids[2], chunks(PNG))
    assert kept(talk) == 1


async def test_nothing_is_kept_that_nobody_asked_for(talk: Talk) -> None:
    with pytest.raises(NotFound):
        await talk.cabinet.fill(uuid4(), chunks(PNG))
    assert kept(talk) == 0


async def test_reservations_and_orphans_are_swept(talk: Talk, log: FilteringBoundLogger) -> None:
    filled, forgotten = await reserved(talk), await reserved(talk)
    await talk.cabinet.fill(filled, chunks(PNG))
    await talk.store.put("ab" * 16, chunks(b"nobody knows me"))
    upkeep = FileUpkeep(talk.workshop.database, talk.store, lambda: talk.clock.now, log)
    await upkeep.clean()
    assert kept(talk) == 2
    # The store goes by the machine's time stamps.
    talk.clock.advance((timedelta(days=20_000)).total_seconds())
    await upkeep.clean()
    assert kept(talk) == 1
    assert (await talk.cabinet.stored(filled)).size == len(PNG)
    assert await talk.workshop.database.read(files.find, forgotten) is None


async def test_files_of_notes_are_found_by_note(talk: Talk) -> None:
    operator, number = talk.workshop.operator, talk.ticket.id
    await talk.workshop.service.begin(operator, number)
    await talk.workshop.service.close(operator, number, Report("all well"))
    notes = await talk.workshop.database.read(tickets.notes, number, offset=0, limit=1)
    note = notes.items[0].id
    customer_file = uuid4()
    record = FileRecord(
        customer_file, 1, number, note, "a.png", "image/png", "operator:op-1", talk.clock.now
    )
    await talk.workshop.database.write(files.reserve, record)
    assert await talk.workshop.database.read(files.of_notes, [note]) == {note: ()}
    await talk.cabinet.fill(customer_file, chunks(PNG))
    other = uuid4()
    found = await talk.workshop.database.read(files.of_notes, [note, other])
    assert (found[note][0].id, found[other]) == (customer_file, ())


async def test_a_key_belongs_to_one_file(talk: Talk) -> None:
    for _ in range(2):
        await talk.cabinet.fill(await reserved(talk), chunks(PNG))
    with pytest.raises(IntegrityError):
        await talk.workshop.database.write(
            lambda connection: connection.execute(file.update().values(store_key="same"))
        )
