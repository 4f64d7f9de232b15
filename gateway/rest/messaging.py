"""The doors of chat and attachments, for customers and operators, from the parts behind them."""

from __future__ import annotations

from collections.abc import Iterator

from quart import Blueprint

from gateway.chat.parts import ChatParts
from gateway.config import Settings
from gateway.identity.identity import Identity
from gateway.rest.customer import chat, files
from gateway.rest.customer.chat import ChatDoor
from gateway.rest.customer.files import FilesDoor
from gateway.rest.operator import chat as operator_chat
from gateway.rest.operator.chat import OperatorChatDoor
from gateway.storage.files.links import PREFIX
from gateway.web.paging import PageProfile


def blueprints(parts: ChatParts, identity: Identity, settings: Settings) -> Iterator[Blueprint]:
    """Yield all routes of chats and files."""
    public_url, pages = settings.http.public_url, settings.customer_api
    customer_pages = PageProfile(pages.page_default, pages.page_limit)
    yield chat.blueprint(
        ChatDoor(identity, parts.chat, parts.translator, parts.links, public_url, customer_pages)
    )
    yield operator_chat.blueprint(OperatorChatDoor(identity, parts.chat, parts.links, public_url))
    yield files.blueprint(FilesDoor(parts.cabinet, parts.links))


def largest_bodies(settings: Settings) -> dict[str, int]:
    """Return where bodies may be larger than elsewhere: beginning of a path -> bytes."""
    return {PREFIX: settings.files.largest}
