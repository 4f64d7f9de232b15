"""The chat's doors for customers and operators, and where links to files lead."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit
from uuid import uuid4

import pytest
import structlog
from quart_trio import QuartTrio

from gateway.chat.service import ChatService
from gateway.chat.translation import Translator
from gateway.config import ChatSettings
from gateway.domain.errors import Unauthorized
from gateway.domain.principal import OperatorPrincipal
from gateway.rest.customer import chat, files
from gateway.rest.customer.chat import ChatDoor
from gateway.rest.customer.files import FilesDoor
from gateway.rest.operator import chat as operator_chat
from gateway.rest.operator.chat import OperatorChatDoor
from gateway.storage.files.cabinet import FileCabinet
from gateway.storage.files.folder import FolderStore
from gateway.storage.files.links import FileLinks
from gateway.storage.queries.ticket_records import Ticket
from gateway.web import problems
from gateway.web.uploads import request_class
from tests.gateway.portals import KnownTokens, Portal, conforms
from tests.gateway.workshops import MINE, Workshop
from tests.settable_clock import SettableClock

PNG = b"\x89PNG\r\n\x1a\n" + bytes(5_000)
Json = Any  # what a test reads out of an answer is its own business


class KnownOperators:
    """Knows whose each token is; stands where identity stands in a gateway."""

    def __init__(self, workshop: Workshop) -> None:
        self._known = {"op": workshop.operator, "outsider": workshop.outsider}

    async def operator(self, access_token: str) -> OperatorPrincipal:
        if access_token not in self._known:
            raise Unauthorized("token.unknown", "Sign in again.")
        return self._known[access_token]


@pytest.fixture
async def ticket(workshop: Workshop) -> Ticket:
    workshop.presence.plug_in(MINE)
    return await workshop.service.create(workshop.customer, workshop.order())


@pytest.fixture
def portal(workshop: Workshop, clock: SettableClock, tmp_path: Path) -> Portal:
    tokens = KnownTokens({"mine": workshop.customer, "next": workshop.neighbour})
    talk = ChatService(workshop.database, clock, longest=4_000)
    store = FolderStore(tmp_path / "files")
    cabinet = FileCabinet(workshop.database, store, largest=10_000, uploads=4, clock=clock)
    links = FileLinks(bytes(32), 900.0, clock)
    log = structlog.get_logger()
    app = QuartTrio("portal")
    app.config["MAX_CONTENT_LENGTH"] = 1_000
    app.request_class = request_class({"/files/": 10_000})
    problems.install(app, log)
    translator = Translator(ChatSettings(), log)
    app.register_blueprint(chat.blueprint(ChatDoor(tokens, talk, translator, links)))
    app.register_blueprint(
        operator_chat.blueprint(OperatorChatDoor(KnownOperators(workshop), talk, links))
    )
    app.register_blueprint(files.blueprint(FilesDoor(cabinet, links)))
    return Portal(app, workshop, clock)


async def done(portal: Portal, method: str, path: str, status: int, **options: Any) -> Json:
    answer = await portal.call(method, path, **options)
    document = await answer.get_json()
    assert answer.status_code == status, document
    return document


async def put(portal: Portal, url: str, data: bytes) -> int:
    parts = urlsplit(url)
    answer = await portal.app.test_client().put(f"{parts.path}?{parts.query}", data=data)
    return answer.status_code


async def attached(portal: Portal, ticket: Ticket, name: str = "photo.png") -> Json:
    path = f"/v1/channel-attachments?channel_id={ticket.uuid}"
    made = await done(portal, "POST", path, 201, json={"file_name": name})
    conforms(made, "Attachment")
    return made


async def test_a_channel_has_the_contracts_shape_under_both_its_names(
    portal: Portal, ticket: Ticket
) -> None:
    for name in (ticket.uuid, f"{ticket.id}_{ticket.uuid}"):
        channel = await portal.get(f"/v1/channels/{name}", "Channel")
        assert channel == {"arn": f"urn:gateway:channel:{ticket.uuid}", "state": "open"}
        path = f"/v1/channels/{name}/actions/send-control-message"
        pinged = await done(portal, "POST", path, 200)
        conforms(pinged, "ControlMessageResult")
        assert pinged == {"channel_id": str(ticket.uuid)}


async def test_customer_and_operator_talk(portal: Portal, ticket: Ticket) -> None:
    path = f"/v1/channels/{ticket.uuid}/messages"
    said = await done(portal, "POST", path, 201, json={"content": "Hello"})
    assert (said["sender"]["type"], said["type"]) == ("customer", "text")
    mine, theirs = {"token": "mine"}, {"token": "op"}
    desk = f"/operator/v1/tickets/{ticket.id}/messages"
    answered = await done(portal, "POST", desk, 201, json={"content": "Hi"}, **theirs)
    assert answered["sender"] == {"type": "operator", "id": "op-1", "name": "op-1"}
    for where, who in ((path, mine), (desk, theirs)):
        found = await done(portal, "GET", f"{where}?limit=1", 200, **who)
        assert found == {"result": [answered]}
        older = f"{where}?limit=5&before={answered['number']}"
        assert await done(portal, "GET", older, 200, **who) == {"result": [said]}


async def test_a_file_goes_up_and_comes_down(portal: Portal, ticket: Ticket) -> None:
    made = await attached(portal, ticket, "Foto é;1.png")
    assert await put(portal, made["url"], PNG) == 200  # five times what other bodies may be
    assert await put(portal, made["url"], PNG) == 409
    said = {"content": "look", "file_reference": made["file_reference"]}
    path = f"/v1/channels/{ticket.uuid}/messages"
    message = await done(portal, "POST", path, 201, json=said)
    assert message["attachment"]["file_reference"] == made["file_reference"]
    for where, token in (
        (f"/v1/channel-attachments?channel_id={ticket.uuid}&", "mine"),
        (f"/operator/v1/tickets/{ticket.id}/attachments?", "op"),
    ):
        query = f"file_reference={quote(made['file_reference'])}"
        found = await done(portal, "GET", f"{where}{query}", 200, token=token)
        conforms(found, "Attachment")
        parts = urlsplit(found["url"])
        answer = await portal.app.test_client().get(f"{parts.path}?{parts.query}")
        assert answer.status_code == 200
        assert await answer.get_data(as_text=False) == PNG
        headers = answer.headers
        assert headers["Content-Type"] == "image/png"
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Content-Length"] == str(len(PNG))
        assert (
            headers["Content-Disposition"] == "attachment; filename*=UTF-8''Foto%20%C3%A9%3B1.png"
        )
        assert "sandbox" in headers["Content-Security-Policy"]


async def test_an_operator_attaches_too(portal: Portal, ticket: Ticket) -> None:
    path = f"/operator/v1/tickets/{ticket.id}/attachments"
    made = await done(portal, "POST", path, 201, token="op", json={"file_name": "report.txt"})
    assert await put(portal, made["url"], b"all well") == 200


@pytest.mark.parametrize(
    ("data", "status"), [(b"<html>" + bytes(99), 400), (b"", 400), (PNG + bytes(9_000), 413)]
)
async def test_what_is_not_taken_is_told(
    portal: Portal, ticket: Ticket, data: bytes, status: int
) -> None:
    made = await attached(portal, ticket)
    assert await put(portal, made["url"], data) == status
    assert await put(portal, made["url"], PNG) == 200


async def test_a_body_elsewhere_stays_small(portal: Portal, ticket: Ticket) -> None:
    path = f"/v1/channels/{ticket.uuid}/messages"
    await portal.refused("POST", path, 413, json={"content": "x" * 2_000})


async def test_where_clients_reach_the_bucket_they_are_sent_there(
    portal: Portal, ticket: Ticket, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[tuple[str, str, int]] = []

    def direct(_store: FolderStore, _key: str, kind: str, disposition: str, seconds: int) -> str:
        told.append((kind, disposition, seconds))
        return "https://bucket.example/it"

    monkeypatch.setattr(FolderStore, "direct", direct)
    made = await attached(portal, ticket)
    assert await put(portal, made["url"], PNG) == 200
    path = f"/v1/channel-attachments?channel_id={ticket.uuid}"
    shown = await done(portal, "GET", f"{path}&file_reference={made['file_reference']}", 200)
    link = urlsplit(shown["url"])
    answer = await portal.app.test_client().get(f"{link.path}?{link.query}")
    assert (answer.status_code, await answer.get_data()) == (307, b"")
    assert answer.headers["Location"] == "https://bucket.example/it"
    assert answer.headers["Cache-Control"] == "private, no-store"
    ((kind, disposition, seconds),) = told
    assert (kind, seconds) == ("image/png", 60)
    assert disposition.startswith("attachment;")


async def test_a_link_is_for_one_thing_and_ends(
    portal: Portal, ticket: Ticket, clock: SettableClock
) -> None:
    made = await attached(portal, ticket)
    parts = urlsplit(made["url"])
    client = portal.app.test_client()
    assert (await client.get(f"{parts.path}?{parts.query}")).status_code == 404
    assert (await client.put(parts.path, data=PNG)).status_code == 404
    assert (await client.put(f"{parts.path}?{parts.query}x", data=PNG)).status_code == 404
    clock.advance(900)
    assert await put(portal, made["url"], PNG) == 404


async def test_foreign_unknown_and_strangers(portal: Portal, ticket: Ticket) -> None:
    made = await attached(portal, ticket)
    channel, reference = ticket.uuid, made["file_reference"]
    calls: tuple[tuple[str, str, Json], ...] = (
        ("GET", f"/v1/channels/{channel}", None),
        ("POST", f"/v1/channels/{channel}/actions/send-control-message", None),
        ("GET", f"/v1/channels/{channel}/messages", None),
        ("POST", f"/v1/channels/{channel}/messages", {"content": "x"}),
        ("POST", f"/v1/channel-attachments?channel_id={channel}", {"file_name": "x.png"}),
        (
            "GET",
            f"/v1/channel-attachments?channel_id={channel}&file_reference={reference}",
            None,
        ),
    )
    for method, path, body in calls:
        await portal.refused(method, path, 404, token="next", json=body)
        await portal.refused(method, path, 401, token=None, json=body)
        unknown = path.replace(str(channel), str(uuid4()))
        await portal.refused(method, unknown, 404, json=body)
    for method, name, body in (
        ("GET", "messages", None),
        ("POST", "messages", {"content": "x"}),
        ("POST", "attachments", {"file_name": "x.png"}),
        ("GET", f"attachments?file_reference={reference}", None),
    ):
        path = f"/operator/v1/tickets/{ticket.id}/{name}"
        await portal.refused(method, path, 404, token="outsider", json=body)
        await portal.refused(method, path, 401, token="mine", json=body)


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        ("/v1/channel-attachments", {"file_name": "x.png"}, "channel_id"),
        ("/v1/channel-attachments?channel_id={c}", {}, "file_name"),
        ("/v1/channel-attachments?channel_id={c}", {"file_name": "x.exe"}, "file_name"),
        ("/v1/channels/{c}/messages", {"content": ""}, "content"),
        ("/v1/channels/{c}/messages", {"content": 7}, "content"),
        ("/v1/translate", {"target_language": "nl"}, "message"),
        ("/v1/translate", {"message": {}, "target_language": "nl"}, "message.original"),
    ],
)
async def test_a_bad_body_names_its_field(
    portal: Portal, ticket: Ticket, path: str, body: Json, field: str
) -> None:
    answer = await portal.refused("POST", path.replace("{c}", str(ticket.uuid)), 400, json=body)
    assert answer["field"] == field


async def test_without_a_translation_server_it_says_so(portal: Portal, ticket: Ticket) -> None:
    body = {"message": {"original": "Guten Tag"}, "target_language": "nl"}
    problem = await portal.refused("POST", "/v1/translate", 503, json=body)
    assert problem["code"] == "chat.translation_not_configured"
    await portal.refused("POST", "/v1/translate", 401, json=body, token=None)
