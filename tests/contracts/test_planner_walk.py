"""Every operation of the planner's contract against the running app.

Each is asked without a token (401), with one that may nothing (403), by another garage (404),
with nonsense (422), and as it is meant; every answer is held to the contract's schema and members.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from io import BytesIO
from typing import Any

import pytest
from quart import Response
from werkzeug.datastructures import FileStorage

from gateway.backoffice.catalogue import DECLARATIONS
from gateway.backoffice.openapi import document
from gateway.backoffice.profiles.planner import PLANNER
from tests.gateway.backoffice.conftest import (  # noqa: F401 - fixtures
    Contract,
    Door,
    Tokens,
    app,
    contracts,
    elsewhere,
    in_shop,
    outside,
    planner,
    repair,
    shops,
    tokens,
)

#: Operations of the contract that are not served; it must stay empty.
MISSING: set[str] = set()

_WINDOW = {"plan_from": "2026-03-09T00:00:00Z", "plan_to": "2026-03-20T22:59:59Z"}


@dataclass
class World:
    """A garage in which things can be made for an operation to work on."""

    planner: Door
    repair: Door

    async def make(self, path: str, **body: Any) -> int:
        status, answer = await self.planner.ask("POST", path, json=body)
        assert status == 200, (path, answer)
        return int(answer["id"])

    async def client(self) -> int:
        block = {"street": "Dorpstraat", "house_number": "1", "zipcode": "3511AB", "city": "U"}
        body = {"last_name": "Jansen", "email": "jan@example.test", "address": {"work": block}}
        return await self.make("/client", **body)

    async def address(self, client: int | None = None) -> int:
        client = client or await self.client()
        found = (await self.planner.ask("GET", f"/address?client_id={client}"))[1]["data"]
        return int(found[0]["id"])

    async def item(self) -> dict[str, int]:
        client = await self.client()
        body = {"name": "Boiler", "address_id": await self.address(client)}
        item = await self.make(f"/client/{client}/item", **body)
        return {"client_id": client, "item_id": item}

    async def to_book(self) -> dict[str, Any]:
        made = await self.item()
        types = (await self.planner.ask("GET", "/appointment-type"))[1]
        return {
            "appointment_type_id": types[0]["id"],
            "client_id": made["client_id"],
            "address_id": await self.address(made["client_id"]),
            "services": [made["item_id"]],
            "users": [1],
            **_WINDOW,
        }

    async def appointment(self) -> int:
        return await self.make("/appointment", **await self.to_book())

    async def invoice(self) -> int:
        lines = [{"description": "x", "qty": 1, "unit_price": 100}]
        body = {"customer_id": await self.client(), "invoice_date": "2026-03-02", "lines": lines}
        status, answer = await self.repair.ask("POST", "/invoices", json=body)
        assert status == 201, answer
        return int(answer["id"])


@dataclass
class Ask:
    """How an operation is asked as it is meant."""

    path: dict[str, Any] = field(default_factory=dict)
    body: dict[str, Any] = field(default_factory=dict)


Recipe = Callable[[World], Awaitable[Ask]]


def _of(make: Callable[[World], Awaitable[Any]], **body: Any) -> Recipe:
    async def ask(world: World) -> Ask:
        made = await make(world)
        return Ask(
            made if isinstance(made, dict) else {"id": made}, {"json": body} if body else {}
        )

    return ask


async def _new_address(world: World) -> Ask:
    parts = {"street": "Kerkstraat", "house_number": "2", "zipcode": "1234ab", "city": "G"}
    return Ask(body={"json": parts | {"client_id": await world.client(), "type": "invoice"}})


async def _new_client(_: World) -> Ask:
    return Ask(body={"json": {"company_name": "Garage BV", "contactPerson": [{"name": "Jan"}]}})


async def _new_item(world: World) -> Ask:
    client = await world.client()
    body = {"name": "Piano", "address_id": await world.address(client)}
    return Ask({"client_id": client}, {"json": body})


async def _book(world: World) -> Ask:
    return Ask(body={"json": await world.to_book()})


async def _upload(world: World) -> Ask:
    file = FileStorage(BytesIO(b"%PDF-1.7"), "manual.pdf", "attachments[]", "application/pdf")
    form = {"delete_attachments": "1"}
    return Ask(await world.item(), {"form": form, "files": {"attachments[]": file}})


async def _page(_: World) -> Ask:
    return Ask({"page": "clients"})


async def _client_with_item(world: World) -> dict[str, int]:
    return {"client_id": (await world.item())["client_id"]}


async def _item_by_id(world: World) -> int:
    return (await world.item())["item_id"]


async def _unplanned(world: World) -> int:
    """A client whom nothing keeps."""
    return await world.client()


async def _free_address(world: World) -> int:
    return await world.address()


def _before(make: Callable[[World], Awaitable[Any]]) -> Recipe:
    async def ask(world: World) -> Ask:
        await make(world)
        return Ask()

    return ask


RECIPES: dict[str, Recipe] = {
    "listAddresses": _before(World.client),
    "createAddress": _new_address,
    "showAddress": _of(World.address),
    "updateAddress": _of(World.address, street="Laan"),
    "deleteAddress": _of(_free_address),
    "listAppointments": _before(World.appointment),
    "createAppointment": _book,
    "showAppointment": _of(World.appointment),
    "deleteAppointment": _of(World.appointment),
    "listClients": _before(World.client),
    "createClient": _new_client,
    "showClient": _of(World.client),
    "updateClient": _of(World.client, first_name="Piet"),
    "deleteClient": _of(_unplanned),
    "listClientItems": _of(_client_with_item),
    "createClientItem": _new_item,
    "showClientItem": _of(World.item),
    "updateClientItem": _of(World.item, name="Grand piano"),
    "addClientItemAttachments": _upload,
    "companyRedirect": _page,
    "listInvoices": _before(World.invoice),
    "showInvoice": _of(World.invoice),
    "listItems": _before(World.item),
    "deleteItem": _of(_item_by_id),
}


def _operations() -> list[tuple[str, str, dict[str, Any]]]:
    return [
        (method, path, methods[method])
        for path, methods in Contract("planner").document["paths"].items()
        for method in ("get", "post", "put", "patch", "delete")
        if method in methods
    ]


OPERATIONS = _operations()


def _shape(path: str) -> str:
    return "/".join("{}" if part.startswith("{") else part for part in path.split("/"))


def test_every_operation_is_served(capsys: pytest.CaptureFixture[str]) -> None:
    served = {
        (_shape(path), method)
        for path, methods in document(PLANNER, DECLARATIONS, "1.0")["paths"].items()
        for method in methods
    }
    missing = {
        operation["operationId"]
        for method, path, operation in OPERATIONS
        if (_shape(path), method) not in served
    }
    with capsys.disabled():
        print(f"\nplanner: {len(OPERATIONS) - len(missing)} of {len(OPERATIONS)} operations")  # noqa: T201 - the count is the news
    assert (missing, len(OPERATIONS)) == (MISSING, 27)


def test_aliases_are_served_too() -> None:
    resources = [r for r in DECLARATIONS.resources if r.profile.api is PLANNER]
    paths = {_shape(path) for resource in resources for path in resource.paths}
    actions = [action for action in DECLARATIONS.actions if action.api is PLANNER]
    paths |= {_shape(path) for action in actions for path in action.paths}
    named = {_shape(alias) for *_, one in OPERATIONS for alias in one.get("x-aliases", ())}
    assert named <= paths


@pytest.mark.slow
@pytest.mark.parametrize("operation_id", [one["operationId"] for *_, one in OPERATIONS])
async def test_walk(
    operation_id: str,
    planner: Door,  # noqa: F811 - the fixture
    repair: Door,  # noqa: F811
    tokens: Tokens,  # noqa: F811
    contracts: Any,  # noqa: F811
) -> None:
    method, path, operation = next(o for o in OPERATIONS if o[2]["operationId"] == operation_id)
    contract = contracts("planner")
    make = RECIPES.get(operation_id)
    ask = await make(World(planner, repair)) if make else Ask()
    address = path
    for name, value in ask.path.items():
        address = address.replace(f"{{{name}}}", str(value))
    door = planner

    def again() -> dict[str, Any]:
        for file in ask.body.get("files", {}).values():
            file.stream.seek(0)
        return ask.body

    async def expect(token: str, status: int, **body: Any) -> Any:
        found, answer = await Door(door.app, door.mount, token).ask(
            method.upper(), address, **body
        )
        assert found == status, (operation_id, status, answer)
        if str(status) in operation["responses"]:
            contract.check(method, path, status, answer)
        return answer

    await expect("1|nobody", 401, **again())
    await expect(await tokens.grant("planner", abilities=("nothing",)), 403, **again())
    if "{" in path and operation_id != "companyRedirect":
        await expect(await tokens.grant("planner", tenant_id=2), 404, **again())
    if "requestBody" in operation:
        content = operation["requestBody"]["content"]
        schema = next(iter(content.values()))["schema"]
        names = (name.removesuffix("[]") for name in schema["properties"])
        nonsense = {name: {"no": ["sense"]} for name in names}
        await expect(planner.token, 422, json=nonsense)
    response = await planner.raw(method.upper(), address, **again())
    await _as_meant(contract, (method, path, operation), response)
    await _pages(planner, method, address, operation)


async def _as_meant(
    contract: Contract, what: tuple[str, str, dict[str, Any]], response: Response
) -> None:
    method, path, operation = what
    data = await response.get_data(as_text=False)
    meant = next(int(s) for s in operation["responses"] if s[0] in "23")
    assert response.status_code == meant, data[:500]
    if meant == 302:
        assert response.headers["Location"] == "/backoffice/planner/client"
        assert response.headers["Cache-Control"] == "no-cache, private"
        assert b"Redirecting" in data
        return
    answer = await response.get_json(force=True) if data else None
    contract.check(method, path, meant, answer)
    assert _absent(contract, operation["responses"][str(meant)], answer) == set()


async def _pages(door: Door, method: str, address: str, operation: dict[str, Any]) -> None:
    asked = operation.get("parameters", ())
    names = {parameter["name"] for parameter in asked if parameter["in"] == "query"}
    if method != "get" or "page" not in names:
        return
    first = (await door.ask("GET", f"{address}?per_page=1"))[1]
    assert len(first["data"]) == 1
    second = (await door.ask("GET", f"{address}?page=2&per_page=1"))[1]
    assert second["current_page"] == 2
    assert second["data"] != first["data"]
    assert (await door.ask("GET", f"{address}?page=0"))[0] == 422


def _absent(contract: Contract, response: dict[str, Any], answer: Any) -> set[str]:
    """Return members that the contract names and the answer lacks."""
    schema = response.get("content", {}).get("application/json", {}).get("schema", {})
    shown = answer
    if schema.get("type") == "array":
        schema, shown = schema["items"], answer[0]
    called = schema.get("$ref", "").rpartition("/")[2]
    if called.endswith("Page"):
        shown = answer["data"][0]
        called = called.removesuffix("Page").removesuffix("Length")
    if not called:
        return set(schema.get("properties", {})) - set(shown or ())
    # An appointment that waits has no time yet.
    later = {"time_from", "time_to"} if called == "AppointmentCreated" else set()
    return contract.absent(called, shown) - later


def test_recipes_are_of_the_contract() -> None:
    assert RECIPES.keys() <= {operation["operationId"] for *_, operation in OPERATIONS}
