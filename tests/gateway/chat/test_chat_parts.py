from __future__ import annotations

from dataclasses import replace

from structlog.typing import FilteringBoundLogger

from gateway.bus.memory import MemoryBus
from gateway.chat.parts import build_chat
from gateway.config import FileSettings, MailSettings, Settings
from gateway.domain.clock import utc_now
from gateway.identity.identity import Identity
from gateway.sessions.limits import SessionLimits
from gateway.sessions.service import SessionService
from gateway.storage.database import Database


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
