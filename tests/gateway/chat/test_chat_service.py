from __future__ import annotations

from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError

from gateway.chat.channels import channel_uuid, file_in
from gateway.chat.service import SAID
from gateway.chat.shapes import channel_shape, message_shape
from gateway.domain.errors import Conflict, Invalid, NotFound
from gateway.domain.principal import CustomerPrincipal, OperatorPrincipal
from gateway.storage.database import Database
from gateway.storage.queries import chat, events
from gateway.storage.tables.chat import chat_message
from tests.gateway.chat.conftest import Talk
from tests.gateway.chat.test_chat_files import PNG, chunks


async def written(database: Database) -> list[dict[str, object]]:
    found = await database.read(events.after, 0, 100)
    return [event.payload for event in found if event.type == SAID]


async def test_both_sides_read_what_is_said_in_its_order(talk: Talk) -> None:
    customer, operator = talk.workshop.customer, talk.workshop.operator
    first = await talk.chat.say(customer, talk.ticket.uuid, "  Hello ")
    talk.clock.advance(1)
    second = await talk.chat.say(operator, talk.ticket.uuid, "Good morning")
    for speaker in (customer, operator):
        found = await talk.chat.history(speaker, talk.ticket.uuid, before=None, limit=10)
        assert found.messages == (second, first)
    assert (first.content, first.sender) == ("Hello", f"user:{customer.user_id}")
    assert (second.sender, second.sender_name) == ("operator:op-1", "op-1")
    older = await talk.chat.history(customer, talk.ticket.uuid, before=second.id, limit=10)
    assert older.messages == (first,)
    told = await written(talk.workshop.database)
    assert told == [message_shape(talk.ticket.uuid, one) for one in (first, second)]


async def test_foreign_and_unknown_channels_are_not_there(talk: Talk) -> None:
    strangers: list[CustomerPrincipal | OperatorPrincipal] = [
        talk.workshop.neighbour,
        talk.workshop.outsider,
    ]
    for speaker in strangers:
        for attempt in (
            talk.chat.channel(speaker, talk.ticket.uuid),
            talk.chat.say(speaker, talk.ticket.uuid, "x"),
            talk.chat.history(speaker, talk.ticket.uuid, before=None, limit=1),
            talk.chat.ping(speaker, talk.ticket.uuid),
            talk.chat.attach(speaker, talk.ticket.uuid, "x.png"),
        ):
            with pytest.raises(NotFound):
                await attempt
    with pytest.raises(NotFound):
        await talk.chat.channel(talk.workshop.customer, uuid4())
    with pytest.raises(NotFound):
        await talk.chat.channel_of_ticket(talk.workshop.outsider, talk.ticket.id)
    assert await written(talk.workshop.database) == []


async def test_a_prepared_ticket_has_no_channel(talk: Talk) -> None:
    prepared = await talk.workshop.service.prepare(
        talk.workshop.operator, 1, talk.ticket.vin, talk.workshop.basket("100203")
    )
    with pytest.raises(NotFound):
        await talk.chat.channel(talk.workshop.customer, prepared.uuid)


async def test_a_channel_closes_with_its_ticket_and_can_still_be_read(talk: Talk) -> None:
    customer, operator = talk.workshop.customer, talk.workshop.operator
    await talk.chat.say(customer, talk.ticket.uuid, "Hello")
    assert channel_shape(await talk.chat.channel(customer, talk.ticket.uuid))["state"] == "open"
    await talk.workshop.service.begin(operator, talk.ticket.id)
    await talk.workshop.service.close(operator, talk.ticket.id)
    with pytest.raises(Conflict):
        await talk.chat.say(customer, talk.ticket.uuid, "Thanks")
    with pytest.raises(Conflict):
        await talk.chat.attach(customer, talk.ticket.uuid, "x.png")
    found = await talk.chat.history(customer, talk.ticket.uuid, before=None, limit=10)
    assert [one.content for one in found.messages] == ["Hello"]
    assert channel_shape(found.channel)["state"] == "closed"


@pytest.mark.parametrize("words", ["", "  \n", "x" * 101])
async def test_nothing_and_too_much_are_refused(talk: Talk, words: str) -> None:
    with pytest.raises(Invalid) as caught:
        await talk.chat.say(talk.workshop.customer, talk.ticket.uuid, words)
    assert caught.value.field == "content"


async def test_a_file_is_attached_after_its_upload(talk: Talk) -> None:
    customer, operator = talk.workshop.customer, talk.workshop.operator
    made = await talk.chat.attach(customer, talk.ticket.uuid, "photo.png")
    assert made.reference == f"{talk.ticket.uuid}/{made.file_id}/photo.png"
    with pytest.raises(Invalid, match="not uploaded"):
        await talk.chat.say(customer, talk.ticket.uuid, "look", made.reference)
    await talk.cabinet.fill(made.file_id, chunks(PNG))
    said = await talk.chat.say(customer, talk.ticket.uuid, "", made.reference)
    assert (said.type, said.file_name) == ("attachment", "photo.png")
    found = await talk.chat.history(operator, talk.ticket.uuid, before=None, limit=10)
    assert found.messages == (said,)
    shape = message_shape(talk.ticket.uuid, said)
    assert shape["attachment"] == {"file_name": "photo.png", "file_reference": made.reference}
    record = await talk.chat.attachment(operator, talk.ticket.uuid, made.reference)
    assert record.id == made.file_id


async def test_no_reference_leads_into_another_channel(talk: Talk) -> None:
    made = await talk.chat.attach(talk.workshop.customer, talk.ticket.uuid, "photo.png")
    customer = talk.workshop.customer
    for reference in (
        "",
        "x",
        f"{talk.ticket.uuid}/{uuid4()}/photo.png",
        f"{uuid4()}/{made.file_id}/photo.png",
        f"{talk.ticket.uuid}/{made.file_id}/other.png",
        f"{talk.ticket.uuid}/{made.file_id}/photo.png/x",
    ):
        with pytest.raises(NotFound):
            await talk.chat.attachment(customer, talk.ticket.uuid, reference)
        with pytest.raises(NotFound):
            await talk.chat.say(customer, talk.ticket.uuid, "x", reference)


async def test_a_ping_is_told_but_not_part_of_the_conversation(talk: Talk) -> None:
    customer = talk.workshop.customer
    for _ in range(3):
        await talk.chat.ping(customer, talk.ticket.uuid)
    assert [one["type"] for one in await written(talk.workshop.database)] == ["control"]
    talk.clock.advance(1)
    await talk.chat.ping(talk.workshop.operator, talk.ticket.uuid)
    assert len(await written(talk.workshop.database)) == 2
    found = await talk.chat.history(customer, talk.ticket.uuid, before=None, limit=10)
    assert found.messages == ()
    rows = await talk.workshop.database.read(chat.after, talk.ticket.id, 0, 10)
    assert [row.type for row in rows] == ["control", "control"]


def test_a_channel_is_named_by_uuid_or_by_chat_id() -> None:
    uuid = uuid4()
    assert channel_uuid(str(uuid)) == channel_uuid(f"4711_{uuid}") == uuid
    for other in ("", "4711", f"x_{uuid}", f"1_2_{uuid}", f"{uuid}_"):
        with pytest.raises(NotFound):
            channel_uuid(other)


@given(st.text(max_size=80))
def test_no_text_breaks_the_names(text: str) -> None:
    for read in (channel_uuid, file_in):
        try:
            read(text)
        except NotFound:
            continue


async def test_a_message_of_no_known_type_is_not_stored(talk: Talk) -> None:
    said = await talk.chat.say(talk.workshop.customer, talk.ticket.uuid, "Hello")

    def corrupt(connection: Connection) -> None:
        connection.execute(chat_message.update().values(type="shout"))

    with pytest.raises(IntegrityError):
        await talk.workshop.database.write(corrupt)
    found = await talk.chat.history(talk.workshop.customer, talk.ticket.uuid, before=None, limit=1)
    assert found.messages == (said,)
