"""One table of routes for all resources, and the request's way through the engine.

A request is: who asks (token), may they (role, ability), what do they ask (query, body), one
transaction, one envelope. Refusals leave in the API's own shape.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from quart import Blueprint, Response, request
from sqlalchemy import Connection
from structlog.typing import FilteringBoundLogger

from gateway.backoffice import reading, writing
from gateway.backoffice.access import check_ability, check_access, check_module, check_role
from gateway.backoffice.action import Action, Call, Services
from gateway.backoffice.answers import answer, handle_errors
from gateway.backoffice.body import Body, decode, form_body, inputs_of
from gateway.backoffice.check import check
from gateway.backoffice.declarations import Declarations
from gateway.backoffice.paths import Anything, PathTree
from gateway.backoffice.populating import populate
from gateway.backoffice.profile import Api, Page, Removed
from gateway.backoffice.query import parse_inputs, parse_populated, parse_query
from gateway.backoffice.reading import Rendered, absent
from gateway.backoffice.refusal import MethodNotAllowed
from gateway.backoffice.resource import Operation, Resource
from gateway.backoffice.rules import seeds
from gateway.backoffice.shop import Shop
from gateway.domain.errors import Invalid, NotFound
from gateway.domain.principal import ShopPrincipal
from gateway.web.addresses import absolute

T = TypeVar("T")

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
        home: address of this gateway as the caller reaches it.
    """

    services: Services
    resource: Resource
    caller: ShopPrincipal
    path: Path
    home: str

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
        ids = caller.tenant_id, caller.user_id
        world = connection, services.tables, *ids, services.clock(), caller.role
        shop = Shop(*world, sealer=services.outside.sealer, home=self.home)
        check_module(shop, self.resource.module)
        return query(shop)

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
    arguments = _arguments()
    await _seeded(asked)
    query, parent_id = parse_query(resource, arguments), asked.parent_id
    rows, more, total = await asked.read(
        lambda shop: reading.read_list(shop, resource, query, parent_id)
    )
    rows = await _populated(asked, query.populate, rows)
    rest = tuple((n, v) for n, values in arguments.items() if n != "page" for v in values)
    size = query.size or max(1, len(rows))
    page = Page(rows, query.number, size, more, total, request.base_url, rest)
    return answer(resource.profile.page(page))


async def _seeded(asked: Asked) -> None:
    """Give a garage the rows that its tables begin with, the first time it looks."""
    noun = asked.resource.noun
    if not noun.seeds:
        return
    if await asked.read(lambda shop: seeds.missing(shop, noun)):
        await asked.write(lambda shop: seeds.plant(shop, noun))


async def _read(asked: Asked) -> Response:
    ids = asked.item_id, asked.parent_id
    names = _asked_documents(asked.resource)
    row = await asked.read(lambda shop: reading.read(shop, asked.resource, *ids))
    (document,) = await _populated(asked, names, [row])
    return _document(asked, document)


def _asked_documents(resource: Resource) -> tuple[str, ...]:
    try:
        return parse_populated(resource, _arguments())
    except ValueError as error:
        raise Invalid("backoffice.query", f"{resource.profile.populate} {error}") from None


async def _populated(asked: Asked, names: tuple[str, ...], rows: list[Rendered]) -> list[Rendered]:
    if not names or not rows:
        return rows
    return await asked.read(lambda shop: populate(shop, asked.resource, names, rows))


def _document(asked: Asked, document: Rendered, status: int = 200) -> Response:
    return answer(asked.resource.profile.document.value(document), status)


async def _create(asked: Asked) -> Response:
    body, parent_id = await _body(), asked.parent_id
    document = await asked.write(
        lambda shop: writing.create(shop, asked.resource, body, parent_id)
    )
    return _document(asked, document, asked.resource.profile.created)


async def _change(asked: Asked) -> Response:
    body, ids = await _body(), (asked.item_id, asked.parent_id)
    resource = asked.resource
    whole = resource.profile.whole and request.method == "PUT"
    return _document(
        asked,
        await asked.write(
            lambda shop: writing.change(shop, resource, ids[0], body, ids[1], whole=whole)
        ),
    )


async def _remove(asked: Asked) -> Response:
    ids = asked.item_id, asked.parent_id
    document: Rendered = await asked.write(lambda shop: writing.remove(shop, asked.resource, *ids))
    profile = asked.resource.profile
    shown = profile.gone.value(document) if profile.removed is Removed.DOCUMENT else None
    return answer(shown, profile.removed.value)


ROUTES = (
    Route(Operation.LIST, ("GET", "HEAD"), item=False, handle=_list),
    Route(Operation.CREATE, ("POST",), item=False, handle=_create),
    Route(Operation.READ, ("GET", "HEAD"), item=True, handle=_read),
    Route(Operation.CHANGE, ("PATCH", "PUT"), item=True, handle=_change),
    Route(Operation.REMOVE, ("DELETE",), item=True, handle=_remove),
)


@dataclass(frozen=True, slots=True)
class Endpoint:
    """What serves one method of one path.

    Attributes:
        serve: answers the current request.
        public: no token is needed.
    """

    serve: Callable[[Path], Awaitable[Response]]
    public: bool = False


#: Where a path may lead: methods, and the parameters in it.
Found = Sequence[tuple[Mapping[str, Endpoint], Path]]


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
    tree: PathTree[Mapping[str, Endpoint]] = PathTree()
    for path, methods in _endpoints(api, services, declarations).items():
        for prefix in api.prefixes:
            tree.put(prefix + path, methods)
    blueprint.record(lambda state: state.app.url_map.converters.update(anything=Anything))
    # One rule: all methods come here, so that a wrong one is refused in the API's own shape.
    blueprint.add_url_rule(
        "/<anything:path>",
        "anything",
        partial(_dispatch, services, api, tree),
        methods=_METHODS,
        provide_automatic_options=False,
    )
    handle_errors(blueprint, api, log)
    return blueprint


def _endpoints(
    api: Api, services: Services, declarations: Declarations
) -> dict[str, dict[str, Endpoint]]:
    """Return path -> method -> endpoint."""
    endpoints: dict[str, dict[str, Endpoint]] = {}
    for resource in declarations.resources:
        if resource.profile.api is api:
            for path, method, route in _routes_of(resource):
                serve = partial(_serve, services, resource, route)
                endpoints.setdefault(path, {})[method] = Endpoint(serve)
    for action in declarations.actions:
        if action.api is api:
            endpoint = Endpoint(partial(_act, services, action), action.public)
            for path in action.paths:
                endpoints.setdefault(path, {}).update(dict.fromkeys(action.methods, endpoint))
    return endpoints


def _routes_of(resource: Resource) -> Iterable[tuple[str, str, Route]]:
    for route in ROUTES:
        tail = f"/{{{resource.item}}}" if route.item else ""
        if route.operation in resource.operations:
            paths = (path + tail for path in resource.paths)
            also = ("POST",) if resource.posted and route.operation is Operation.CHANGE else ()
            methods = (*route.methods, *also)
            yield from ((path, method, route) for path in paths for method in methods)


async def _dispatch(
    services: Services, api: Api, tree: PathTree[Mapping[str, Endpoint]], path: str
) -> Response:
    found = tree.find(path)
    method = await _method(services, api, found)
    for methods, values in found:
        if method in methods:
            return await methods[method].serve(values)
    if found:
        raise MethodNotAllowed(tuple(sorted({name for methods, _ in found for name in methods})))
    raise NotFound("backoffice.no_route", f"There is nothing at {path}.")


async def _method(services: Services, api: Api, found: Found) -> str:
    """Return the method; a multipart POST may stand for PUT or PATCH, which forms cannot say.

    Nobody's form is read who has not shown a token first: files come with it.

    Raises:
        Unauthorized: what the form may mean needs a token, and there is no good one.
    """
    others = [m[name] for m, _ in found for name in ("PUT", "PATCH") if name in m]
    if request.method != "POST" or request.mimetype != "multipart/form-data" or not others:
        return str(request.method)
    if not all(endpoint.public for endpoint in others):
        await services.identity.shop(api.name, api.credentials(_header))
    meant = str((await request.form).get("_method", "POST")).upper()
    return meant if meant in {"PUT", "PATCH"} else "POST"


async def _serve(services: Services, resource: Resource, route: Route, path: Path) -> Response:
    api = resource.profile.api
    caller = await services.identity.shop(api.name, api.credentials(_header))
    check_access(caller, resource, route.operation)
    return await route.handle(Asked(services, resource, caller, path, _home(services)))


async def _act(services: Services, action: Action, path: Path) -> Response:
    caller, token = None, ""
    if not action.public:
        token = action.api.credentials(_header)
        caller = await services.identity.shop(action.api.name, token)
        check_role(caller, action.roles)
        if action.ability:
            check_ability(caller, action.ability)
    values = parse_inputs(action.query, _arguments()) if action.query else {}
    if action.inputs:
        values |= inputs_of(action.inputs, await _body())
    address = request.remote_addr or ""
    data = await _bytes() if action.raw else b""
    call = Call(
        services, action, caller, token, values, path, address, _home(services), data, _header
    )
    return answer(await action.run(call), action.status)


def _home(services: Services) -> str:
    return absolute(services.outside.public_url, "")


def _header(name: str) -> str | None:
    return request.headers.get(name)


def _arguments() -> dict[str, list[str]]:
    return {name: list(values) for name, values in request.args.lists()}


async def _body() -> Body:
    if request.mimetype == "multipart/form-data":
        form, files = await request.form, await request.files
        return form_body(form.items(multi=True), files.items(multi=True))
    return decode(await _bytes())


async def _bytes() -> bytes:
    return await request.get_data(cache=False, as_text=False, parse_form_data=False)
