"""What an API does beyond the five operations: a named function at a path of its own.

Most are a rule inside one transaction (``in_shop``, ``verb``); one that talks to another service
is a coroutine that reads, calls and writes, so that no transaction waits for the network.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TypedDict, TypeVar

from sqlalchemy import Connection
from typing_extensions import Unpack

from gateway.backoffice.access import check_module
from gateway.backoffice.kinds import Kind, Schema
from gateway.backoffice.outside import Outside
from gateway.backoffice.profile import Api
from gateway.backoffice.reading import absent, hold_row, read
from gateway.backoffice.resource import Input, Resource, Shape
from gateway.backoffice.shop import Shop, Values
from gateway.backoffice.tables import Tables
from gateway.domain.clock import Clock
from gateway.domain.errors import Unauthorized
from gateway.domain.principal import ShopPrincipal
from gateway.identity.identity import Identity
from gateway.storage.database import Database

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Services:
    """What the back office works with; built by the composition root.

    Attributes:
        database: the one door to SQL.
        identity: who the tokens belong to, and who may have one.
        tables: noun name -> table (``schema.TABLES``).
        clock: stamps what is written.
        outside: other services, mail and the cipher for their secrets.
    """

    database: Database
    identity: Identity
    tables: Tables
    clock: Clock
    outside: Outside


@dataclass(frozen=True, slots=True)
class Call:
    """One call of an action.

    Attributes:
        services: what it works with.
        action: which.
        caller: who asks; ``None`` only where the action is public.
        token: the proof they brought; empty where the action is public.
        values: the body's members and the query's, checked.
        path: the path's parameters as text.
        address: the client's network address, for throttling and audit.
        home: address of this gateway as the client reaches it, without a slash at the end.
        data: the body as it came, where the action is ``raw``: signatures are over its bytes.
        header: looks up a header of the request.
    """

    services: Services
    action: Action
    caller: ShopPrincipal | None
    token: str
    values: Values
    path: Mapping[str, str]
    address: str
    home: str
    data: bytes = b""
    header: Callable[[str], str | None] = dict[str, str]().get

    @property
    def user(self) -> ShopPrincipal:
        """Who asks; raises ``Unauthorized`` for nobody."""
        if self.caller is None:
            raise Unauthorized("token.missing", "This needs a token. Sign in first.")
        return self.caller

    @property
    def outside(self) -> Outside:
        """Other services."""
        return self.services.outside

    def id(self, name: str = "id") -> int:
        """Return an id of the path; raises ``NotFound`` for what is none."""
        try:
            return int(str(self.action.api.identifier.read(self.path[name])))
        except ValueError:
            raise absent("record") from None

    async def read(self, rule: Callable[[Shop], T]) -> T:
        """Run ``rule`` with the caller's shop."""
        return await self.services.database.read(partial(self._in_shop, rule))

    async def write(self, rule: Callable[[Shop], T]) -> T:
        """Run ``rule`` with the caller's shop, in a transaction."""
        return await self.services.database.write(partial(self._in_shop, rule))

    async def of_garage(self, tenant_id: int, rule: Callable[[Shop], T]) -> T:
        """Run ``rule`` with a garage's shop in a transaction, on nobody's behalf.

        Only for public actions, and only behind a proof of their own.
        """
        services = self.services

        def work(connection: Connection) -> T:
            return rule(Shop(connection, services.tables, tenant_id, None, services.clock()))

        return await services.database.write(work)

    def _in_shop(self, rule: Callable[[Shop], T], connection: Connection) -> T:
        user, services = self.user, self.services
        shop = Shop(
            connection,
            services.tables,
            user.tenant_id,
            user.user_id,
            services.clock(),
            user.role,
            home=self.home,
        )
        check_module(shop, self.action.module)
        return rule(shop)


#: Returns the JSON-ready answer, or a ``File``; ``None`` is an empty one.
Run = Callable[[Call], Awaitable[object]]

#: A rule of an action: what it answers.
Rule = Callable[[Shop, Values], object]

#: A rule about one row: ``None`` answers the row's document as it is then.
RowRule = Callable[[Shop, Values, Values], object]


@dataclass(frozen=True, eq=False)
class Action:
    """An operation of its own.

    Attributes:
        name: unique within its API; the ``operationId``.
        api: whose it is.
        method: GET, POST, PUT, PATCH or DELETE.
        path: with ``{parameters}``; those called ``id`` or ``..._id`` are ids.
        summary: for the document.
        answer: JSON Schema or shape of the answer; ``None`` for an empty one.
        run: does it.
        inputs: the body's members.
        query: query parameters; their values come with the body's.
        status: of success.
        public: no token is needed.
        raw: the body is not read as members, but handed over as it came.
        ability: that the token must have; empty for any token.
        roles: who may; ``None`` for every role.
        module: licence module that must be switched on; empty for none.
        aliases: further paths.
        also: further methods.
        media: of the answer.
        accepts: media type of the body in the document; JSON and multipart are always taken.
        tag: groups operations in the document.
    """

    name: str
    api: Api
    method: str
    path: str
    summary: str
    answer: Schema | Shape | None
    run: Run
    inputs: tuple[Input, ...] = ()
    query: tuple[Input, ...] = ()
    status: int = 200
    public: bool = False
    raw: bool = False
    ability: str = ""
    roles: frozenset[str] | None = None
    module: str = ""
    aliases: tuple[str, ...] = ()
    also: tuple[str, ...] = ()
    media: str = "application/json"
    accepts: str = "application/json"
    tag: str = ""

    @property
    def paths(self) -> tuple[str, ...]:
        """All its paths."""
        return (self.path, *self.aliases)

    @property
    def methods(self) -> tuple[str, ...]:
        """All its methods; what can be got can be asked for its head."""
        head = ("HEAD",) if "GET" in (self.method, *self.also) else ()
        return (self.method, *self.also, *head)

    def parameter(self, name: str) -> Kind | None:
        """Return the kind of a path parameter, or ``None`` for plain text."""
        return self.api.identifier if name == "id" or name.endswith("_id") else None


def in_shop(rule: Rule, *, writes: bool = True) -> Run:
    """Return what runs ``rule`` in one transaction; the path's ids are among its values."""

    async def run(call: Call) -> object:
        ids = {name: call.id(name) for name in call.path if call.action.parameter(name)}
        texts = {name: text for name, text in call.path.items() if name not in ids}
        values = call.values | texts | ids
        within = call.write if writes else call.read
        return await within(lambda shop: rule(shop, values))

    return run


class More(TypedDict, total=False):
    """What an action may say besides, as :class:`Action` explains it."""

    inputs: tuple[Input, ...]
    query: tuple[Input, ...]
    status: int
    public: bool
    raw: bool
    ability: str
    roles: frozenset[str] | None
    module: str
    aliases: tuple[str, ...]
    also: tuple[str, ...]
    media: str
    accepts: str
    tag: str


@dataclass(frozen=True, slots=True)
class Section:
    """What the actions of one section of an API have in common.

    Attributes:
        api: whose they are.
        tag: groups operations in the document.
        ability: first half of what tokens need: for GET ``:read`` follows, else ``:write``.
            ``None`` for the tag; empty: any token will do.
        module: licence module that must be switched on.
    """

    api: Api
    tag: str = ""
    ability: str | None = None
    module: str = ""

    def action(
        self,
        method: str,
        name: str,
        path: str,
        summary: str,
        answer: Schema | Shape | None,
        run: Run,
        **more: Unpack[More],
    ) -> Action:
        """Return an action of the section; what ``more`` gives goes before what is common."""
        noun = self.tag if self.ability is None else self.ability
        needed = f"{noun}:{'read' if method == 'GET' else 'write'}" if noun else ""
        common: More = {"ability": needed, "module": self.module, "tag": self.tag}
        given: More = {**common, **more}
        return Action(name, self.api, method, path, summary, answer, run, **given)


def verb(
    resource: Resource,
    name: str,
    word: str,
    rule: RowRule,
    *,
    summary: str,
    inputs: tuple[Input, ...] = (),
    answer: Schema | Shape | None = None,
    status: int = 200,
    roles: frozenset[str] | None = None,
    method: str = "POST",
    also: tuple[str, ...] = (),
    aliases: tuple[str, ...] = (),
) -> Action:
    """Return the action ``POST {resource}/{id}/{word}``.

    ``rule`` gets the row, held against other writers. When it returns ``None`` the answer is the
    resource's document.
    """

    def apply(shop: Shop, values: Values) -> object:
        identifier = values.pop(resource.item)
        done = rule(shop, hold_row(shop, resource, identifier, None), values)
        return read(shop, resource, identifier, None) if done is None else done

    paths = [f"{path}/{{{resource.item}}}/{word}" for path in resource.paths]
    api = resource.profile.api
    return Action(
        name,
        api,
        method,
        paths[0],
        summary,
        answer or resource.full,
        in_shop(apply, writes=method != "GET"),
        inputs,
        status=status,
        ability=f"{resource.ability}:{'read' if method == 'GET' else 'write'}",
        roles=roles,
        module=resource.module,
        aliases=(*paths[1:], *aliases),
        also=also,
        tag=resource.ability,
    )
