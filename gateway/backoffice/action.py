"""What an API does beyond the five operations: a named function at a path of its own."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from gateway.backoffice.kinds import Schema
from gateway.backoffice.profile import Api
from gateway.backoffice.resource import Input
from gateway.backoffice.shop import Values
from gateway.backoffice.tables import Tables
from gateway.domain.clock import Clock
from gateway.domain.principal import ShopPrincipal
from gateway.identity.identity import Identity
from gateway.storage.database import Database


@dataclass(frozen=True, slots=True)
class Services:
    """What the back office works with; built by the composition root.

    Attributes:
        database: the one door to SQL.
        identity: who the tokens belong to, and who may have one.
        tables: noun name -> table (``schema.TABLES``).
        clock: stamps what is written.
    """

    database: Database
    identity: Identity
    tables: Tables
    clock: Clock


@dataclass(frozen=True, slots=True)
class Call:
    """One call of an action.

    Attributes:
        services: what it works with.
        caller: who asks; ``None`` only where the action is public.
        token: the proof they brought; empty where the action is public.
        values: the body's members, checked.
        path: the path's parameters as text.
        address: the client's network address, for throttling and audit.
    """

    services: Services
    caller: ShopPrincipal | None
    token: str
    values: Values
    path: Mapping[str, str]
    address: str


#: Returns the JSON-ready answer; ``None`` is an empty one.
Run = Callable[[Call], Awaitable[object]]


@dataclass(frozen=True, eq=False)
class Action:
    """An operation of its own.

    Attributes:
        name: unique within its API; the ``operationId``.
        api: whose it is.
        method: GET, POST, PUT, PATCH or DELETE.
        path: with ``{parameters}``.
        summary: for the document.
        answer: JSON Schema of the answer; ``None`` for an empty one.
        run: does it.
        inputs: the body's members.
        status: of success.
        public: no token is needed.
        ability: that the token must have; empty for any token.
        aliases: further paths.
    """

    name: str
    api: Api
    method: str
    path: str
    summary: str
    answer: Schema | None
    run: Run
    inputs: tuple[Input, ...] = ()
    status: int = 200
    public: bool = False
    ability: str = ""
    aliases: tuple[str, ...] = ()
