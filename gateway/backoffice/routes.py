"""One table of routes for all resources, and the request's way through the engine.

A request is: who asks (token), may they (role, ability), what do they ask (query, body), one
transaction, one envelope. Refusals leave in the API's own shape.
"""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

import msgspec
from quart import Blueprint, Response, request
from sqlalchemy import Connection
from structlog.typing import FilteringBoundLogger
from werkzeug.exceptions import HTTPException

from gateway.backoffice import reading, writing
from gateway.backoffice.access import check_ability, check_access
from gateway.backoffice.action import Action, Call, Services
from gateway.backoffice.body import Body, decode, inputs_of
from gateway.backoffice.check import check
from gateway.backoffice.declarations import Declarations
from gateway.backoffice.profile import Api, Page, Removed
from gateway.backoffice.query import parse_query
from gateway.backoffice.reading import Rendered, absent
from gateway.backoffice.refusal import MethodNotAllowed
from gateway.backoffice.resource import Operation, Resource
from gateway.backoffice.shop import Shop
from gateway.domain.errors import GatewayError, Invalid, NotFound, TooLarge
from gateway.domain.principal import ShopPrincipal

T = TypeVar("T")

#: Money leaves as JSON numbers, written from decimals, never from floats.
_ENCODER = msgspec.json.Encoder(decimal_format="number")

_METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]

#: Path parameters of the current request, as text.
Path = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Asked:
    """One request for a resource, checked as far as the token goes.

    Attributes:
        services: what to work with.
        resource: which.
        caller: who asks.
        path: parameters of the path.
    """

    services: Services
    resource: Resource
    caller: ShopPrincipal
    path: Path

    @property
    def parent_id(self) -> int | None:
        """The parent's id where the path begins with one; raises ``NotFound``."""
        parent = self.resource.parent
        return None if parent is None else self._id("id", parent.noun)

    @property
    def item_id(self) -> int:
        """The document's id; raises ``NotFound``."""
        return self._id(self.resource.item, self.resource.name)

    async def read(self, query: Callable[[Shop], T]) -> T:
        """Run ``query`` with the caller's shop."""
        return await self.services.database.read(partial(self._in_shop, query))

    async def write(self, query: Callable[[Shop], T]) -> T:
        """Run ``query`` with the caller's shop, in a transaction."""
        return await self.services.database.write(partial(self._in_shop, query))

    def _in_shop(self, query: Callable[[Shop], T], connection: Connection) -> T:
        caller, services = self.caller, self.services
        now = services.clock()
        return query(Shop(connection, services.tables, caller.tenant_id, caller.user_id, now))

    def _id(self, name: str, noun: str) -> int:
        try:
            return int(str(self.resource.profile.api.identifier.read(self.path[name])))
        except ValueError:
            raise absent(noun) from None


Handler = Callable[[Asked], Awaitable[Response]]


@dataclass(frozen=True, slots=True)
class Route:
    """Where one of the operations lives.

    Attributes:
        operation: which.
        methods: of HTTP; an update takes both verbs, whatever the contract prints.
        item: behind the list's path stands an id.
        handle: serves it.
    """

    operation: Operation
    methods: tuple[str, ...]
    item: bool
    handle: Handler


async def _list(asked: Asked) -> Response:
    resource = asked.resource
    arguments = {name: list(values) for name, values in request.args.lists()}
    query, parent_id = parse_query(resource, arguments), asked.parent_id
    rows, more, total = await asked.read(
        lambda shop: reading.read_list(shop, resource, query, parent_id)
    )
    rest = tuple((n, v) for n, values in arguments.items() if n != "page" for v in values)
    size = query.size or max(1, len(rows))
    page = Page(rows, query.number, size, more, total, request.base_url, rest)
    return _answer(resource.profile.page(page))


async def _read(asked: Asked) -> Response:
    ids = asked.item_id, asked.parent_id
    return _answer(await asked.read(lambda shop: reading.read(shop, asked.resource, *ids)))


async def _create(asked: Asked) -> Response:
    body, parent_id = await _body(), asked.parent_id
    document = await asked.write(
        lambda shop: writing.create(shop, asked.resource, body, parent_id)
    )
    return _answer(document, asked.resource.profile.created)


async def _change(asked: Asked) -> Response:
    body, item_id, parent_id = await _body(), asked.item_id, asked.parent_id
    return _answer(
        await asked.write(
            lambda shop: writing.change(shop, asked.resource, item_id, body, parent_id)
        )
    )


async def _remove(asked: Asked) -> Response:
    ids = asked.item_id, asked.parent_id
    document: Rendered = await asked.write(lambda shop: writing.remove(shop, asked.resource, *ids))
    removed = asked.resource.profile.removed
    return _answer(document if removed is Removed.DOCUMENT else None, removed.value)


ROUTES = (
    Route(Operation.LIST, ("GET", "HEAD"), item=False, handle=_list),
    Route(Operation.CREATE, ("POST",), item=False, handle=_create),
    Route(Operation.READ, ("GET", "HEAD"), item=True, handle=_read),
    Route(Operation.CHANGE, ("PATCH", "PUT"), item=True, handle=_change),
    Route(Operation.REMOVE, ("DELETE",), item=True, handle=_remove),
)

#: Serves one method of one path.
Endpoint = Callable[[Path], Awaitable[Response]]


def blueprints(
    services: Services, declarations: Declarations, log: FilteringBoundLogger
) -> tuple[Blueprint, ...]:
    """Return one blueprint for each API, to be registered on the app.

    Raises:
        DeclarationError: the declarations contradict themselves.
    """
    check(declarations)
    return tuple(_blueprint(api, services, declarations, log) for api in declarations.apis)


def _blueprint(
    api: Api, services: Services, declarations: Declarations, log: FilteringBoundLogger
) -> Blueprint:
    blueprint = Blueprint(f"backoffice_{api.name}", __name__, url_prefix=api.mount)
    endpoints = _endpoints(api, services, declarations)
    for prefix in api.prefixes:
        for path, methods in endpoints.items():
            rule = (prefix + path).replace("{", "<").replace("}", ">")
            _add(blueprint, rule, partial(_dispatch, methods))
    _add(blueprint, "/<path:anything>", _nowhere)
    _handle_errors(blueprint, api, log)
    return blueprint


def _add(blueprint: Blueprint, rule: str, view: Callable[..., Awaitable[Response]]) -> None:
    # All methods come here, so that a wrong one is refused in the API's own shape.
    name = rule.replace(".", "_")
    blueprint.add_url_rule(rule, name, view, methods=_METHODS, provide_automatic_options=False)


def _endpoints(
    api: Api, services: Services, declarations: Declarations
) -> dict[str, dict[str, Endpoint]]:
    """Return path -> method -> endpoint."""
    endpoints: dict[str, dict[str, Endpoint]] = {}
    for resource in declarations.resources:
        if resource.profile.api is api:
            for path, method, route in _routes_of(resource):
                serve = partial(_serve, services, resource, route)
                endpoints.setdefault(path, {})[method] = serve
    for action in declarations.actions:
        if action.api is api:
            for path in (action.path, *action.aliases):
                endpoints.setdefault(path, {})[action.method] = partial(_act, services, action)
    return endpoints


def _routes_of(resource: Resource) -> Iterable[tuple[str, str, Route]]:
    for route in ROUTES:
        path = resource.path + (f"/{{{resource.item}}}" if route.item else "")
        if route.operation in resource.operations:
            yield from ((path, method, route) for method in route.methods)


async def _dispatch(methods: Mapping[str, Endpoint], **path: str) -> Response:
    endpoint = methods.get(request.method)
    if endpoint is None:
        raise MethodNotAllowed(tuple(sorted(methods)))
    return await endpoint(path)


async def _serve(services: Services, resource: Resource, route: Route, path: Path) -> Response:
    api = resource.profile.api
    caller = await services.identity.shop(api.name, api.credentials(_header))
    check_access(caller, resource, route.operation)
    return await route.handle(Asked(services, resource, caller, path))


async def _act(services: Services, action: Action, path: Path) -> Response:
    caller, token = None, ""
    if not action.public:
        token = action.api.credentials(_header)
        caller = await services.identity.shop(action.api.name, token)
    if caller is not None and action.ability:
        check_ability(caller, action.ability)
    values = inputs_of(action.inputs, await _body()) if action.inputs else {}
    address = request.remote_addr or ""
    answer = await action.run(Call(services, caller, token, values, path, address))
    return _answer(answer, action.status)


async def _nowhere(anything: str) -> Response:
    raise NotFound("backoffice.no_route", f"There is nothing at {anything}.")


def _header(name: str) -> str | None:
    return request.headers.get(name)


async def _body() -> Body:
    return decode(await request.get_data(cache=False, as_text=False, parse_form_data=False))


def _answer(document: object, status: int = 200) -> Response:
    if document is None:
        return Response(b"", status=204 if status == 200 else status)
    return Response(_ENCODER.encode(document), status=status, content_type="application/json")


def _handle_errors(blueprint: Blueprint, api: Api, log: FilteringBoundLogger) -> None:
    async def on_refusal(error: GatewayError) -> Response:
        return _refused(api, error)

    async def on_http(error: HTTPException) -> Response:
        kind = {413: TooLarge, 400: Invalid}.get(error.code or 500, GatewayError)
        return _refused(api, kind("backoffice.http", error.description or error.name))

    async def on_surprise(error: Exception) -> Response:
        log.error("back office request failed", path=request.path, exc_info=error)
        return _refused(api, GatewayError("backoffice.internal", "Something went wrong here."))

    blueprint.register_error_handler(GatewayError, on_refusal)
    blueprint.register_error_handler(HTTPException, on_http)
    blueprint.register_error_handler(Exception, on_surprise)


def _refused(api: Api, error: GatewayError) -> Response:
    status, body = api.refusal(error)
    response = _answer(body, status)
    if error.retry_after is not None:
        response.headers["Retry-After"] = str(max(1, math.ceil(error.retry_after)))
    if status == 401:
        response.headers["WWW-Authenticate"] = "Bearer"
    if isinstance(error, MethodNotAllowed):
        response.headers["Allow"] = ", ".join(error.allowed)
    return response
