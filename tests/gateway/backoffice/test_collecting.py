"""Letters come in from mailboxes: each once, into its thread, whoever looks and whatever fails."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
import trio

from gateway.backoffice import mailbox, schema
from gateway.backoffice.collecting import Collecting
from gateway.backoffice.rules import correspondence, inbox
from gateway.backoffice.shop import Shop
from tests.gateway.backoffice.imap_server import ImapServer, imap_server

pytestmark = pytest.mark.slow

LETTER = """From: Jan <jan@example.test>
To: desk@garage.test
Subject: My car
Message-ID: <one@example.test>

When is it ready?
"""


@pytest.fixture
async def server() -> AsyncIterator[ImapServer]:
    async with imap_server() as there:
        yield there


@pytest.fixture
def collecting(shops: Any, clock: Any, outside: Any, log: Any) -> Collecting:
    return Collecting(shops, schema.TABLES, clock, outside, log)


async def set_up(repair: Any, server: ImapServer, **change: Any) -> dict[str, Any]:
    body = {"host": "127.0.0.1", "port": server.port, "encryption": "none", "username": "desk"}
    status, shown = await repair.ask(
        "PUT", "/v1/email/mailbox", json=body | {"password": server.password, "enabled": True}
        | change
    )  # fmt: skip
    assert status == 200, shown
    return dict(shown)


async def look(collecting: Collecting, clock: Any) -> None:
    clock.now = clock() + timedelta(minutes=11)
    await collecting.collect_due()


async def letters(repair: Any) -> list[tuple[str, int]]:
    found = (await repair.ask("GET", "/v1/email/inbox"))[1]["data"]
    return [(one["subject"], one["message_count"]) for one in found]


async def test_letters_come_in_once_and_stay_where_they_are(
    repair: Any, server: ImapServer, collecting: Collecting, clock: Any
) -> None:
    server.put(LETTER.replace("one@", "old@"))
    shown = await set_up(repair, server)
    assert "password" not in shown
    await look(collecting, clock)
    # What was there before is not the gateway's business.
    assert await letters(repair) == []
    server.put(LETTER)
    answer = LETTER.replace("one@", "two@").replace("Subject: ", "Subject: Re: ")
    server.put(answer.replace("\n\n", "\nIn-Reply-To: <one@example.test>\n\n", 1))
    await look(collecting, clock)
    await look(collecting, clock)
    assert await letters(repair) == [("My car", 2)]
    # Read, and never marked as read.
    assert not [one for one in server.said if "STORE" in one or "BODY[" in one]
    status, told = await repair.ask("GET", "/v1/email/mailbox")
    assert (status, told["problem"], bool(told["checked_at"])) == (200, "", True)


async def test_two_nodes_look_once(
    repair: Any, server: ImapServer, collecting: Collecting, clock: Any
) -> None:
    await set_up(repair, server)
    async with trio.open_nursery() as nursery:
        for _ in range(3):
            nursery.start_soon(collecting.collect_due)
    assert len([one for one in server.said if one.startswith("EXAMINE")]) == 1


async def test_a_server_that_numbers_anew_brings_nothing_twice(
    repair: Any, server: ImapServer, collecting: Collecting, clock: Any
) -> None:
    await set_up(repair, server)
    await look(collecting, clock)
    server.put(LETTER)
    await look(collecting, clock)
    server.validity, server.letters = 8, {}
    server.put(LETTER)
    server.put(LETTER.replace("one@", "two@").replace("My car", "Another"))
    await look(collecting, clock)
    await look(collecting, clock)
    assert sorted(await letters(repair)) == [("Another", 1), ("My car", 1)]


@pytest.mark.parametrize("plain", [True, False])
async def test_what_is_wrong_is_said_once_and_tried_again(
    repair: Any, server: ImapServer, collecting: Collecting, clock: Any, in_shop: Any, plain: bool
) -> None:
    server.plain = plain
    server.password = "s3cret"
    await set_up(repair, server, password="wrong")
    for _ in range(2):
        await look(collecting, clock)
    problem = (await repair.ask("GET", "/v1/email/mailbox"))[1]["problem"]
    assert "wrong user or password" in problem
    assert "s3cret" not in problem

    def told(shop: Shop) -> int:
        return shop.count("notification", title="The mailbox", user_id=1)

    assert await in_shop(told) == 1
    # Not at once again: servers lock out who tries too often.
    tried = len(server.said)
    await collecting.collect_due()
    assert len(server.said) == tried
    await set_up(repair, server)
    await look(collecting, clock)
    assert (await repair.ask("GET", "/v1/email/mailbox"))[1]["problem"] == ""


async def test_letters_that_cannot_be_kept_hold_up_no_other(
    repair: Any,
    server: ImapServer,
    collecting: Collecting,
    clock: Any,
    in_shop: Any,
    monkeypatch: Any,
    logged: Any,
) -> None:
    monkeypatch.setattr(mailbox, "LARGEST", 400)
    await set_up(repair, server)
    await look(collecting, clock)
    server.put("Subject: nobody's\n\nx\n")
    server.put(LETTER.replace("one@", "large@") + "x" * 400)
    server.put(LETTER.replace("My car", "poison"))
    server.put(LETTER.replace("one@", "two@"))
    note = correspondence.note_received

    def fail(shop: Shop, data: bytes) -> int:
        if b"poison" in data:
            raise RuntimeError("a mistake of ours")
        return note(shop, data)

    monkeypatch.setattr(inbox, "note_received", fail)
    for _ in range(3):
        await look(collecting, clock)
    assert await letters(repair) == [("My car", 1)]
    assert [call.kwargs["uid"] for call in logged.calls] == [43]

    def told(shop: Shop) -> list[str]:
        return [str(row["body"]) for row in shop.where("notification", user_id=1)]

    bodies = await in_shop(told)
    assert len(bodies) == 3
    assert all("still in the mailbox" in one for one in bodies)


async def test_a_server_that_lies_about_sizes_fills_no_memory(
    repair: Any, server: ImapServer, collecting: Collecting, clock: Any, monkeypatch: Any
) -> None:
    await set_up(repair, server)
    await look(collecting, clock)
    server.put(LETTER)
    monkeypatch.setattr(mailbox, "LARGEST", 50)
    monkeypatch.setattr(server, "_fetched", lying(server))
    await look(collecting, clock)
    problem = (await repair.ask("GET", "/v1/email/mailbox"))[1]["problem"]
    assert "more than it was asked for" in problem
    assert await letters(repair) == []


def lying(server: ImapServer) -> Any:
    def fetched(number: int, what: str) -> bytes:
        if what == "RFC822.SIZE":
            return b"* 1 FETCH (UID %d RFC822.SIZE 5)\r\nTAG OK done\r\n" % number
        return b"* 1 FETCH (UID %d BODY[] {9999999999}\r\n" % number

    return fetched


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"host": "a b"}, "host"),
        ({"folder": 'x"'}, "folder"),
        ({"username": ""}, "username"),
        ({"host": ""}, "host"),
    ],
)
async def test_what_cannot_be_read_is_refused(
    repair: Any, server: ImapServer, change: dict[str, str], field: str
) -> None:
    body = {"host": "127.0.0.1", "port": server.port, "username": "u", "password": "p"}
    status, answer = await repair.ask(
        "PUT", "/v1/email/mailbox", json=body | {"enabled": True} | change
    )
    assert (status, list(answer["errors"])) == (422, [field])


async def test_private_networks_are_not_reached(repair: Any) -> None:
    status, answer = await repair.ask(
        "PUT", "/v1/email/mailbox", json={"host": "10.0.0.1", "username": "u", "password": "p"}
    )
    assert (status, "private network" in answer["message"]) == (422, True)


async def test_another_mailbox_begins_anew(
    repair: Any, server: ImapServer, collecting: Collecting, clock: Any, in_shop: Any
) -> None:
    await set_up(repair, server)
    await look(collecting, clock)
    row = await in_shop(lambda shop: shop.where("mailbox")[0])
    assert (row["validity"], row["last_uid"]) == (7, 40)
    assert server.password not in row["password"]
    await set_up(repair, server, password="***masked***", folder="Other")
    row = await in_shop(lambda shop: shop.where("mailbox")[0])
    assert (row["validity"], row["last_uid"]) == (None, None)
