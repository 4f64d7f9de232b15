"""A ticket with a channel, and files in a folder of the test's own."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from gateway.chat.service import ChatService
from gateway.storage.files.cabinet import FileCabinet
from gateway.storage.files.folder import FolderStore
from gateway.storage.queries.ticket_records import Ticket
from tests.gateway.workshops import MINE, Workshop
from tests.settable_clock import SettableClock


@dataclass(frozen=True, slots=True)
class Talk:
    """What tests of this room need.

    Attributes:
        ticket: open, of the workshop's customer.
        folder: where bytes are kept.
    """

    workshop: Workshop
    chat: ChatService
    cabinet: FileCabinet
    store: FolderStore
    ticket: Ticket
    folder: Path
    clock: SettableClock


@pytest.fixture
async def talk(workshop: Workshop, clock: SettableClock, tmp_path: Path) -> Talk:
    workshop.presence.plug_in(MINE)
    ticket = await workshop.service.create(workshop.customer, workshop.order())
    folder = tmp_path / "files"
    store = FolderStore(folder)
    cabinet = FileCabinet(workshop.database, store, largest=1_000, uploads=2, clock=clock)
    chat = ChatService(workshop.database, clock, longest=100)
    return Talk(workshop, chat, cabinet, store, ticket, folder, clock)
