"""Chat, attachments and the post, built once for the composition root."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from gateway.bus.memory import MemoryBus
from gateway.chat.news import ChatNews
from gateway.chat.service import ChatService
from gateway.chat.translation import Translator
from gateway.config import Settings
from gateway.domain.clock import Clock
from gateway.identity.sealing import Seal
from gateway.mail.delivery import MailDelivery
from gateway.runtime.logs import Log
from gateway.sessions.service import SessionService
from gateway.storage.database import Database
from gateway.storage.files.bucket import BucketStore
from gateway.storage.files.cabinet import FileCabinet
from gateway.storage.files.folder import FolderStore
from gateway.storage.files.links import FileLinks
from gateway.storage.files.store import FileStore
from gateway.storage.files.upkeep import FileUpkeep


@dataclass(frozen=True, slots=True)
class ChatParts:
    """What doors and supervisor need.

    Attributes:
        chat: saying and reading.
        translator: other languages.
        cabinet: attachments.
        store: their bytes.
        links: lead to attachments.
        services: name -> what runs as long as the gateway does.
    """

    chat: ChatService
    translator: Translator
    cabinet: FileCabinet
    store: FileStore
    links: FileLinks
    services: dict[str, Callable[..., Awaitable[None]]]


def build_chat(
    settings: Settings,
    database: Database,
    seal: Seal,
    sessions: SessionService,
    bus: MemoryBus,
    clock: Clock,
    log: Log,
) -> ChatParts:
    """Return the parts, none of them running yet."""
    chosen = settings.files
    services: dict[str, Callable[..., Awaitable[None]]] = {}
    store: FileStore
    if chosen.kind == "s3":
        store = BucketStore(chosen, log)
        services["file store"] = store.run
    else:
        store = FolderStore(chosen.directory or settings.data.directory / "files")
    services["chat news"] = ChatNews(sessions, bus).run
    services["file upkeep"] = FileUpkeep(database, store, clock, log).run
    if settings.mail.host:
        post = MailDelivery(database, settings.mail, seal.fernet, clock, log)
        services["mail"] = post.run
    return ChatParts(
        chat=ChatService(database, clock, longest=settings.chat.longest_message),
        translator=Translator(settings.chat, log),
        cabinet=FileCabinet(
            database, store, largest=chosen.largest, uploads=chosen.uploads, clock=clock
        ),
        store=store,
        links=FileLinks(seal.derive("file links"), chosen.link_lifetime, clock),
        services=services,
    )
