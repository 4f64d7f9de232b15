from __future__ import annotations

from dataclasses import replace

import trio
from structlog.typing import FilteringBoundLogger

from gateway.bus.memory import MemoryBus
from gateway.chat.parts import build_chat
from gateway.config import FileSettings, MailSettings, Settings
from gateway.domain.clock import utc_now
from gateway.identity.identity import Identity
from gateway.sessions.limits import SessionLimits
from gateway.sessions.service import SessionService
from gateway.storage.database import Database
from gateway.storage.files.bucket import BucketStore
from tests.support.buckets import SETTINGS


async def test_the_post_runs_where_there_is_a_mail_server(
    database: Database, identity: Identity, settings: Settings, log: FilteringBoundLogger
) -> None:
    sessions = SessionService(None, SessionLimits(), utc_now, print)  # type: ignore[arg-type]
    mail = MailSettings(host="mail.example", sender="p@gateway.example")
    for chosen, more in ((settings, set()), (replace(settings, mail=mail), {"mail"})):
        parts = build_chat(chosen, database, identity.seal, sessions, MemoryBus(), utc_now, log)
        assert parts.services.keys() == {"chat news", "file upkeep"} | more
    limited = replace(settings, files=FileSettings(largest=7))
    parts = build_chat(limited, database, identity.seal, sessions, MemoryBus(), utc_now, log)
    assert parts.cabinet.largest == 7


async def test_files_are_in_a_bucket_where_one_is_named(
    database: Database, identity: Identity, settings: Settings, log: FilteringBoundLogger
) -> None:
    sessions = SessionService(None, SessionLimits(), utc_now, print)  # type: ignore[arg-type]
    chosen = replace(settings, files=replace(SETTINGS, s3_endpoint="http://127.0.0.1:1"))
    parts = build_chat(chosen, database, identity.seal, sessions, MemoryBus(), utc_now, log)
    assert isinstance(parts.store, BucketStore)
    assert {"file store", "file upkeep"} <= parts.services.keys()
    async with trio.open_nursery() as nursery:
        await nursery.start(parts.services["file store"])
        nursery.cancel_scope.cancel()
