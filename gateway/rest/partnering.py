"""The doors of service providers over HTTP, and what runs for them, from the parts behind."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from functools import partial
from typing import Protocol

from quart import Blueprint

from gateway.bus.consumers import DurableConsumer
from gateway.chat.parts import ChatParts
from gateway.config import Settings
from gateway.domain.clock import Clock
from gateway.identity.identity import Identity
from gateway.nodes.parts import Node
from gateway.rest import partner
from gateway.rest.partner import token
from gateway.rest.partner.door import PartnerDoor, limiter_of
from gateway.rest.partner.token import TokenDoor
from gateway.runtime.logs import Log
from gateway.sessions.service import SessionService
from gateway.storage.database import Database
from gateway.tickets.partner_events import CONSUMER, TOPICS, PartnerFeed, record
from gateway.tickets.service import TicketService
from gateway.web.paging import PageProfile


class Parts(Protocol):
    """What there must be below; the composition root has it."""

    @property
    def settings(self) -> Settings: ...
    @property
    def log(self) -> Log: ...
    @property
    def identity(self) -> Identity: ...
    @property
    def database(self) -> Database: ...
    @property
    def tickets(self) -> TicketService: ...
    @property
    def sessions(self) -> SessionService: ...
    @property
    def talk(self) -> ChatParts: ...
    @property
    def node(self) -> Node: ...
    @property
    def partner_feed(self) -> PartnerFeed: ...


def services(parts: Parts) -> dict[str, Callable[..., Awaitable[None]]]:
    """Return what runs beside the doors: events written down for providers, and told."""
    recorder = DurableConsumer(CONSUMER, record, TOPICS)
    return {
        "partner events": partial(recorder.run, parts.database, parts.log),
        "partner feed": parts.partner_feed.run,
    }


def blueprints(parts: Parts, clock: Clock) -> Iterator[Blueprint]:
    """Yield all routes below ``/partner``."""
    settings, identity = parts.settings, parts.identity
    chosen = settings.partner_api
    yield token.blueprint(TokenDoor(identity.operators, settings.http.trusted_proxies))
    limiter = limiter_of(chosen)
    parts.node.counts.share("partner requests", limiter)
    door = PartnerDoor(
        identity=identity,
        database=parts.database,
        tickets=parts.tickets,
        sessions=parts.sessions,
        chat=parts.talk.chat,
        employees=identity.employees,
        clock=clock,
        limiter=limiter,
        pages=PageProfile(chosen.page_default, chosen.page_limit),
    )
    yield from partner.blueprints(door)
