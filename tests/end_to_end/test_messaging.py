"""A whole gateway: what is said reaches both sides; a mailed code opens the portal."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import trio
from structlog.typing import FilteringBoundLogger

from gateway.rest.messaging import largest_bodies
from tests.end_to_end.houses import House, open_house, settings_for
from tests.gateway.mail.postmaster import mail_server

pytestmark = [pytest.mark.slow, pytest.mark.timeout(90)]

FORGOT = "/legacy/api/mobile/authentication/authenticate/forgot/password"
PDF = b"%PDF-1.7\n" + bytes(2_000_000)  # more than bodies have elsewhere


async def hear(socket: Any, action: str) -> Any:
    """Return the next message of this action; others may come between."""
    with trio.fail_after(10):
        while True:
            heard = json.loads(await socket.get_message())
            if heard["action"] == action:
                return heard


async def test_what_is_said_reaches_the_sockets_of_both_sides(house: House) -> None:
    await house.plug_in("can")
    customer, operator = await house.customer(), await house.operator()
    ticket = await house.order("can")
    body = {"ticket_id": int(ticket["id"])}
    session = await house.done("POST", "/operator/v1/sessions", body, token=operator)
    messages = f"/v1/channels/{ticket['chat_id']}/messages"
    desk = f"/operator/v1/tickets/{ticket['id']}/messages"
    async with (
        house.socket(operator) as bench,
        house.socket(customer, "/ws/customer") as portal,
    ):
        follow = {"action": "subscribe", "session": session["id"], "stream": "news"}
        await bench.send_message(json.dumps(follow))
        await hear(bench, "subscribed")
        enter = {"action": "subscribeToChannel", "channel_id": ticket["chat_id"]}
        await portal.send_message(json.dumps(enter))
        await hear(portal, "subscribeToChannel")
        said = await house.done("POST", messages, {"content": "It rattles"}, token=customer)
        begun = trio.current_time()
        told = await hear(bench, "news")
        while told["kind"] != "chat":
            told = await hear(bench, "news")
        assert told["message"] == said
        assert (await hear(portal, "channelMessage"))["message"] == said
        assert trio.current_time() - begun < 4, "before the next turn"
        answered = await house.done("POST", desk, {"content": "I hear it"}, token=operator)
        assert (await hear(portal, "channelMessage"))["message"] == answered
        await house.done(
            "POST",
            f"/v1/channels/{ticket['chat_id']}/actions/send-control-message",
            token=customer,
        )
        assert (await hear(portal, "channelMessage"))["message"]["type"] == "control"


async def test_a_large_file_goes_through_the_real_server(house: House) -> None:
    await house.plug_in("can")
    customer = await house.customer()
    ticket = await house.order("can")
    path = f"/v1/channel-attachments?channel_id={ticket['chat_id']}"
    made = await house.done("POST", path, {"file_name": "report.pdf"}, token=customer)
    assert made["url"].startswith(house.gateway.http_url)
    stored = await house.client.put(made["url"], content=PDF)
    assert (stored.status_code, stored.json()["size"]) == (200, len(PDF))
    query = {"channel_id": ticket["chat_id"], "file_reference": made["file_reference"]}
    found = await house.client.get(
        "/v1/channel-attachments", params=query, headers={"Authorization": f"Bearer {customer}"}
    )
    fetched = await house.client.get(found.json()["url"])
    assert fetched.content == PDF
    assert fetched.headers["Content-Disposition"].startswith("attachment;")
    head = await house.client.head(found.json()["url"])
    assert (head.status_code, head.content) == (200, b"")
    kept = [path for path in (house.folder / "files").rglob("*") if path.is_file()]
    assert [path.stat().st_mode & 0o077 for path in kept] == [0]


async def test_a_mailed_code_opens_the_portal(folder: Path, log: FilteringBoundLogger) -> None:
    with mail_server() as postmaster:
        async with open_house(folder, log, mail=postmaster.settings()) as house:
            customer = await house.customer()
            somebody = {
                "given_name": "Eva",
                "family_name": "Bos",
                "username": "eva@garage.example",
            }
            await house.done("POST", "/v1/employees", somebody, token=customer)
            asked = await house.done("POST", FORGOT, {"email_address": "eva@garage.example"})
            assert asked == {"method": "SESSION"}
            with trio.fail_after(10):
                while len(postmaster.taken) < 2:  # noqa: ASYNC110 - the server is in a thread
                    await trio.sleep(0.05)
            outcomes = set()
            for _, letter in postmaster.taken:
                found = re.search(r"(?m)([\w-]{43})$", letter.get_content())
                assert found is not None
                chosen = {"code": found[1], "password": "correct horse"}
                answer = await house.call("POST", "/v1/authenticate/password/choose", chosen)
                outcomes.add(answer.status_code)
            assert outcomes == {204, 401}  # the welcome's code ended with the later one
            known = {"username": "eva@garage.example", "password": "correct horse"}
            tokens = await house.done("POST", "/v1/authenticate/password", known)
            me = await house.done("GET", "/v1/employees/me", token=tokens["access_token"])
            assert me["given_name"] == "Eva"


def test_only_files_may_be_large(tmp_path: Path) -> None:
    settings = settings_for(tmp_path)
    assert largest_bodies(settings) == {"/files/": settings.files.largest}
