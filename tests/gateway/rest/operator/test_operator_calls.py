"""How operators reach the garage: notes on tickets, calls for attention."""

from __future__ import annotations

import pytest

from gateway.storage.queries import connectors, events, tickets
from gateway.tickets.attention import CHANGED
from tests.gateway.operators import MINE, Floor, uuid_of
from tests.gateway.workshops import FOREIGN

pytestmark = pytest.mark.slow


async def test_notes_reach_the_ticket_and_its_followers(floor: Floor) -> None:
    await floor.plug_in()
    ticket = await floor.order()
    path = f"/tickets/{ticket.id}/notes"
    note = await floor.done("POST", path, {"value": " Please switch the lights off. "}, status=201)
    assert (note["ticket_id"], note["value"]) == (ticket.id, "Please switch the lights off.")
    database = floor.workshop.database
    found = await database.read(tickets.notes, ticket.id, offset=0, limit=5)
    assert [str(one.id) for one in found.items] == [note["id"]]
    told = (await database.read(events.after, 0, 10))[-1]
    assert (told.type, told.subject) == ("tickets.ticket.noted", f"ticket:{ticket.id}")
    for value, code in (("  ", "ticket.note_empty"), ("x" * 10_001, "ticket.note_too_long")):
        await floor.refused("POST", path, {"value": value}, status=400, code=code)
    await floor.refused(
        "POST", path, {"value": "x"}, status=404, code="ticket.unknown", token="far"
    )


async def test_attachments_get_a_link_to_upload_to(floor: Floor) -> None:
    await floor.plug_in()
    path = f"/tickets/{(await floor.order()).id}/notes"
    body = {"value": "The plate.", "attachments": [" plate.jpg ", "codes.csv"]}
    note = await floor.done("POST", path, body, status=201)
    assert [one["file_name"] for one in note["attachments"]] == ["plate.jpg", "codes.csv"]
    assert all("signature=" in one["url"] for one in note["attachments"])
    wrong = {"value": "x", "attachments": ["run.exe"]}
    await floor.refused("POST", path, wrong, status=400, code="files.kind")
    many = {"value": "x", "attachments": ["a.txt"] * 21}
    await floor.refused("POST", path, many, status=400, code="body.field")


async def test_a_connector_calls_for_attention_until_it_is_dismissed(floor: Floor) -> None:
    database = floor.workshop.database
    path = f"/connectors/{uuid_of(MINE)}/actions/call-for-attention"
    for _ in range(2):
        await floor.done("POST", path, status=204)
    record = await database.read(connectors.by_number, MINE)
    assert record is not None
    assert record.calls_for_attention
    await floor.tickets.call_for_attention(record, wanted=False)
    told = await database.read(events.after, 0, 10)
    assert [(one.type, one.subject) for one in told] == [(CHANGED, f"connector:{MINE}")] * 2
    assert [one.payload["calls_for_attention"] for one in told] == [True, False]
    foreign = f"/connectors/{uuid_of(FOREIGN)}/actions/call-for-attention"
    await floor.refused("POST", foreign, status=404, code="connector.unknown", token="far")


async def test_no_token(floor: Floor) -> None:
    for method, path in (
        ("POST", "/tickets/1/notes"),
        ("POST", f"/connectors/{uuid_of(MINE)}/actions/call-for-attention"),
    ):
        await floor.refused(method, path, status=401, code="token.missing", token=None)
