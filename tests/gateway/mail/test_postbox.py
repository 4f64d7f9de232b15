from __future__ import annotations

import pytest
import trio
from cryptography.fernet import Fernet

from gateway.config import MailSettings
from gateway.domain.errors import Unavailable
from gateway.mail.letters import Letter
from gateway.mail.postbox import Postbox
from gateway.storage.database import Connection, Database
from tests.settable_clock import SettableClock

LETTER = Letter("eva@garage.example", "Subject", "the code is 4711-secret")


def open_box() -> Postbox:
    settings = MailSettings(host="mail.example", sender="p@gateway.example")
    return Postbox(settings, Fernet(Fernet.generate_key()))


@pytest.mark.sqlite_only
async def test_what_waits_cannot_be_read_in_the_database(
    database: Database, clock: SettableClock
) -> None:
    await database.write(open_box().put, LETTER, clock.now)
    path = database.engine.url.database
    assert path is not None
    content = await trio.Path(path).read_bytes() + await trio.Path(f"{path}-wal").read_bytes()
    assert b"eva@garage.example" in content
    assert b"4711-secret" not in content


async def test_a_letter_goes_with_its_reason(database: Database, clock: SettableClock) -> None:
    box = open_box()

    def fail(connection: Connection) -> None:
        box.put(connection, LETTER, clock.now)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await database.write(fail)
    rows = await database.read(lambda c: c.exec_driver_sql("SELECT count(*) FROM mail").scalar())
    assert rows == 0


def test_a_gateway_without_mail_says_so() -> None:
    closed = Postbox(MailSettings(), Fernet(Fernet.generate_key()))
    assert not closed.is_open
    with pytest.raises(Unavailable, match="no mail server"):
        closed.require_open()
    open_box().require_open()
