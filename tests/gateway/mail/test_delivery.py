from __future__ import annotations

from datetime import timedelta

import pytest
import trio
from cryptography.fernet import Fernet
from sqlalchemy import select
from structlog.testing import CapturingLogger
from structlog.typing import FilteringBoundLogger

from gateway.mail import delivery as room
from gateway.mail.delivery import MailDelivery
from gateway.mail.letters import Letter
from gateway.mail.postbox import Postbox
from gateway.storage.database import Database
from gateway.storage.queries import mail as queries
from gateway.storage.tables.mail import mail
from tests.gateway.mail.postmaster import Postmaster, mail_server
from tests.settable_clock import SettableClock

pytestmark = pytest.mark.slow

CIPHER = Fernet(Fernet.generate_key())


class Post:
    """A queue, and who empties it."""

    def __init__(
        self,
        postmaster: Postmaster,
        database: Database,
        clock: SettableClock,
        log: FilteringBoundLogger,
    ) -> None:
        settings = postmaster.settings()
        self.database, self.clock = database, clock
        self.box = Postbox(settings, CIPHER)
        self.delivery = MailDelivery(database, settings, CIPHER, clock, log)

    async def put(self, text: str = "text", recipient: str = "eva@garage.example") -> None:
        await self.database.write(self.box.put, Letter(recipient, "s", text), self.clock.now)

    # Any row: the table's own columns.
    async def row(self) -> object:
        return await self.database.read(lambda c: c.execute(select(mail)).one())


async def test_letters_are_delivered_and_their_text_forgotten(
    database: Database, clock: SettableClock, log: FilteringBoundLogger
) -> None:
    with mail_server() as postmaster:
        post = Post(postmaster, database, clock, log)
        await post.put()
        assert await post.delivery.deliver_due() == 1
        assert await post.delivery.deliver_due() == 0
    ((readers, letter),) = postmaster.taken
    assert (readers, letter.get_content().strip()) == (["eva@garage.example"], "text")
    row = await post.row()
    assert (row.sealed, row.due_at, row.attempts) == (None, None, 1)  # type: ignore[attr-defined]
    assert row.delivered_at == clock.now  # type: ignore[attr-defined]


async def test_a_server_that_is_away_gets_the_letter_later(
    database: Database,
    clock: SettableClock,
    log: FilteringBoundLogger,
    logged: CapturingLogger,
) -> None:
    with mail_server() as postmaster:
        post = Post(postmaster, database, clock, log)
        postmaster.refusal = "451 try later"
        await post.put("secret words")
        await post.delivery.deliver_due()
        assert await post.delivery.deliver_due() == 0  # not before its pause is over
        clock.advance(room.FIRST_PAUSE)
        await post.delivery.deliver_due()
        clock.advance(room.FIRST_PAUSE)
        assert await post.delivery.deliver_due() == 0  # the second pause is longer
        postmaster.refusal = ""
        clock.advance(room.FIRST_PAUSE)
        await post.delivery.deliver_due()
    assert len(postmaster.taken) == 1
    assert "451" in str(logged.calls[0].kwargs["reason"])
    assert "secret words" not in repr(logged.calls)


async def test_a_reader_who_does_not_exist_is_given_up(
    database: Database, clock: SettableClock, log: FilteringBoundLogger
) -> None:
    with mail_server() as postmaster:
        post = Post(postmaster, database, clock, log)
        postmaster.refusal = "550 no such user"
        await post.put()
        await post.delivery.deliver_due()
    row = await post.row()
    assert (row.due_at, row.sealed, row.delivered_at) == (None, None, None)  # type: ignore[attr-defined]
    assert row.last_error == "550 no such user"  # type: ignore[attr-defined]


async def test_after_a_day_it_is_given_up(
    database: Database, clock: SettableClock, log: FilteringBoundLogger
) -> None:
    post = Post(Postmaster(port=1), database, clock, log)  # nobody listens there
    await post.put()
    clock.advance(86_400)
    await post.delivery.deliver_due()
    assert (await post.row()).due_at is None  # type: ignore[attr-defined]


async def test_a_letter_sealed_with_another_key_is_given_up(
    database: Database, clock: SettableClock, log: FilteringBoundLogger
) -> None:
    post = Post(Postmaster(port=1), database, clock, log)
    await database.write(queries.add, "eva@garage.example", "s", b"garbage", clock.now)
    await post.delivery.deliver_due()
    assert (await post.row()).last_error == "sealed with another key"  # type: ignore[attr-defined]


async def test_one_who_died_with_letters_in_hand_has_not_lost_them(
    database: Database, clock: SettableClock, log: FilteringBoundLogger
) -> None:
    with mail_server() as postmaster:
        post = Post(postmaster, database, clock, log)
        await post.put()
        lease = timedelta(seconds=60)
        assert len(await database.write(queries.take_due, clock.now, lease, 10)) == 1
        assert await post.delivery.deliver_due() == 0  # another node has it in hand
        clock.advance(60)
        assert await post.delivery.deliver_due() == 1
    assert len(postmaster.taken) == 1


async def test_letters_to_one_reader_go_in_turn(
    database: Database, clock: SettableClock, log: FilteringBoundLogger
) -> None:
    with mail_server() as postmaster:
        post = Post(postmaster, database, clock, log)
        for number in range(4):
            await post.put(str(number))
        for _ in range(4):
            assert await post.delivery.deliver_due() == 1
        assert await post.delivery.deliver_due() == 0
    texts = [letter.get_content().strip() for _readers, letter in postmaster.taken]
    assert texts == ["0", "1", "2", "3"]


async def test_a_letter_that_was_put_off_holds_up_no_other(
    database: Database, clock: SettableClock, log: FilteringBoundLogger
) -> None:
    post = Post(Postmaster(port=1), database, clock, log)
    await post.put()
    await post.put()
    await database.write(queries.postponed, 1, clock.now + timedelta(hours=1), "later")
    lease = timedelta(seconds=60)
    (taken,) = await database.write(queries.take_due, clock.now, lease, 10)
    assert taken.id == 2


async def test_the_service_delivers_what_is_queued_while_it_runs(
    database: Database,
    clock: SettableClock,
    log: FilteringBoundLogger,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(room, "LOOK_INTERVAL", 0.01)
    with mail_server() as postmaster:
        post = Post(postmaster, database, clock, log)
        async with trio.open_nursery() as nursery:
            await nursery.start(post.delivery.run)
            for number in range(5):
                await post.put(str(number))
            with trio.fail_after(20):
                while len(postmaster.taken) < 5:  # noqa: ASYNC110 - the server is in a thread
                    await trio.sleep(0.01)
            nursery.cancel_scope.cancel()


async def test_done_letters_are_deleted_after_a_month(
    database: Database, clock: SettableClock, log: FilteringBoundLogger
) -> None:
    post = Post(Postmaster(port=1), database, clock, log)
    await post.put()
    await post.put()
    await database.write(queries.given_up, 1, "no")
    assert await database.write(queries.prune, clock.now + timedelta(days=31)) == 1
