from __future__ import annotations

import pytest

from gateway.domain.errors import Invalid, NotFound
from gateway.storage.queries import files
from gateway.storage.queries.files import FileRecord
from gateway.tickets import notes as ticket_notes
from tests.gateway.portals import LINK_LIFETIME, Json, Portal
from tests.gateway.workshops import MINE


@pytest.fixture
async def ticket(portal: Portal) -> int:
    """Number of a ticket that was ordered."""
    workshop = portal.workshop
    workshop.presence.plug_in(MINE)
    return (await workshop.service.create(workshop.customer, workshop.order())).id


async def write(portal: Portal, ticket: int, *names: str) -> tuple[FileRecord, ...]:
    workshop = portal.workshop
    _, attached = await workshop.service.add_note(workshop.operator, ticket, "See below.", names)
    return attached


async def fill(portal: Portal, record: FileRecord) -> None:
    """Note that the bytes of a file are there."""
    await portal.workshop.database.write(
        files.store, record.id, record.id.hex, 8, bytes(32), portal.clock()
    )


async def notes(portal: Portal, ticket: int) -> list[Json]:
    page = await portal.get(f"/v1/tickets/{ticket}/notes", "TicketNotePage")
    assert page["total"] == len(page["result"])
    return list(page["result"])


async def test_a_file_shows_once_its_bytes_are_there(portal: Portal, ticket: int) -> None:
    photo, report = await write(portal, ticket, "plate.jpg", "report.pdf")
    await write(portal, ticket)
    assert [note["attachments"] for note in await notes(portal, ticket)] == [[], []]
    await fill(portal, report)
    shown = [note["attachments"] for note in await notes(portal, ticket)]
    (attachment,) = next(one for one in shown if one)
    assert (attachment["file_name"], attachment["size"]) == ("report.pdf", 8)
    assert attachment["content_type"] == "application/pdf"
    assert f"/files/{report.id}?" in attachment["url"]
    await fill(portal, photo)
    assert sorted(len(note["attachments"]) for note in await notes(portal, ticket)) == [0, 2]


async def test_names_that_are_not_taken_leave_no_note(portal: Portal, ticket: int) -> None:
    for name in ("tool.exe", "../plate.jpg", "", ".jpg"):
        with pytest.raises(Invalid):
            await write(portal, ticket, "plate.jpg", name)
    assert await notes(portal, ticket) == []


async def test_whoever_has_good_links_is_told_that_nothing_changed(
    portal: Portal, ticket: int
) -> None:
    (report,) = await write(portal, ticket, "report.pdf")
    await fill(portal, report)
    path, client = f"/v1/tickets/{ticket}/notes", portal.app.test_client()
    headers = {"Authorization": "Bearer mine"}
    first = await client.get(path, headers=headers)
    headers["If-None-Match"] = first.headers["ETag"]
    portal.clock.advance(1)
    again = await client.get(path, headers=headers)
    assert (again.status_code, await again.get_data()) == (304, b"")
    # Before the links it has run out, there are new ones.
    portal.clock.advance(LINK_LIFETIME / 2)
    assert (await client.get(path, headers=headers)).status_code == 200
    await write(portal, ticket)
    news = await client.get(path, headers=headers)
    assert (news.status_code, (await news.get_json())["total"]) == (200, 2)


async def test_tags_may_be_weak_many_and_anything(portal: Portal, ticket: int) -> None:
    path, client = "/v1/connectors", portal.app.test_client()
    token = {"Authorization": "Bearer mine"}
    tag = (await client.get(path, headers=token)).headers["ETag"]
    for known, status in ((f"W/{tag}", 304), (f'"other", {tag}', 304), ('"other"', 200)):
        answer = await client.get(path, headers=token | {"If-None-Match": known})
        assert answer.status_code == status, known
        assert answer.headers["ETag"] == tag
        assert answer.headers["Vary"] == "Authorization"
    # A tag is of what one garage was shown.
    other = {"Authorization": "Bearer next", "If-None-Match": tag}
    assert (await client.get(path, headers=other)).status_code == 200


async def test_only_the_garages_own_provider_writes_notes(portal: Portal, ticket: int) -> None:
    workshop = portal.workshop
    with pytest.raises(NotFound):
        await workshop.database.write(
            ticket_notes.add, workshop.outsider, ticket, "Mine now.", (), portal.clock()
        )
    assert await notes(portal, ticket) == []
