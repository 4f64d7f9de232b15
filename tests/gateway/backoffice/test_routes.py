"""Who may, what is refused and how it is said, at every door; and garages never meet."""

from __future__ import annotations

import json
from typing import Any

import pytest
import structlog
from quart_trio import QuartTrio
from sqlalchemy import event

from gateway.backoffice import schema
from gateway.storage.database import Database

LISTS = [
    ("/backoffice/repair", "/customers", "repair"),
    ("/backoffice/repair", "/work-orders", "repair"),
    ("/backoffice/planner", "/client", "planner"),
    ("/backoffice/planner", "/address", "planner"),
    ("/backoffice/field-sales", "/client", "field_sales"),
]


@pytest.fixture
async def jansen(repair: Any) -> dict[str, Any]:
    body = {
        "first_name": "Jan",
        "last_name": "Jansen",
        "address": "Dorpstraat 1",
        "city": "Zwolle",
    }
    made: dict[str, Any] = (await repair.ask("POST", "/customers", json=body))[1]
    return made


@pytest.mark.parametrize(("mount", "path", "api"), LISTS)
@pytest.mark.parametrize("header", [None, "", "Bearer", "Bearer 1|wrong", "Basic eDp5"])
async def test_without_a_good_token_nothing(
    app: QuartTrio, contracts: Any, mount: str, path: str, api: str, header: str | None
) -> None:
    headers = {} if header is None else {"Authorization": header}
    response = await app.test_client().get(mount + path, headers=headers)
    assert response.status_code == 401
    assert response.headers["WWW-Authenticate"] == "Bearer"
    body = await response.get_json()
    if api == "field_sales":
        assert (body["success"], type(body["error"])) == (False, str)
    else:
        contracts(api).check("get", path, 401, body)
        assert body == {"message": "Unauthenticated."}


async def test_a_token_opens_its_own_api_only(app: QuartTrio, repair: Any, planner: Any) -> None:
    headers = {"Authorization": f"Bearer {repair.token}"}
    client = app.test_client()
    assert (await client.get("/backoffice/planner/client", headers=headers)).status_code == 401
    assert (await client.get("/backoffice/repair/customers", headers=headers)).status_code == 200


async def test_field_sales_takes_its_key_in_either_header(
    app: QuartTrio, field_sales: Any
) -> None:
    client, path = app.test_client(), "/backoffice/field-sales/client"
    answer = await client.get(path, headers={"api-key": field_sales.token})
    assert answer.status_code == 200
    answer = await client.get(path, headers={"Api-Key": "1|wrong"})
    assert answer.status_code == 401


@pytest.mark.parametrize(
    ("abilities", "reads", "writes"),
    [
        (("*",), 200, 201),
        (("customers:*",), 200, 201),
        (("customers:read",), 200, 403),
        (("customers:write",), 403, 201),
        (("work-orders:*",), 403, 403),
        ((), 403, 403),
    ],
)
async def test_abilities(
    repair: Any, tokens: Any, contracts: Any, abilities: tuple[str, ...], reads: int, writes: int
) -> None:
    repair.token = await tokens.grant("repair", abilities=abilities)
    status, body = await repair.ask("GET", "/customers")
    contracts("repair").check("get", "/customers", status, body)
    assert status == reads
    status, body = await repair.ask("POST", "/customers", json={"first_name": "A"})
    contracts("repair").check("post", "/customers", status, body)
    assert status == writes


@pytest.mark.parametrize(("role", "status"), [("employee", 403), ("manager", 204)])
async def test_roles(
    repair: Any, tokens: Any, jansen: dict[str, Any], role: str, status: int
) -> None:
    repair.token = await tokens.grant("repair", role=role)
    answered, body = await repair.ask("DELETE", f"/customers/{jansen['id']}")
    assert answered == status
    if status == 403:
        assert "employee" in body["message"]
        assert (await repair.ask("GET", "/customers"))[1]["total"] == 1


async def test_garages_never_meet(
    app: QuartTrio, repair: Any, planner: Any, field_sales: Any, tokens: Any, jansen: Any
) -> None:
    await repair.ask("POST", "/work-orders", json={"customer_id": 1})
    line = {"description": "Part", "unit_price": 1}
    await repair.ask("POST", "/work-orders/1/lines", json=line)
    doors = {"repair": repair, "planner": planner, "field_sales": field_sales}
    for api, door in doors.items():
        door.token = await tokens.grant(api, tenant_id=2)
    key = f"{1:024x}"
    for door, path in [
        (repair, "/customers/1"),
        (repair, "/work-orders/1"),
        (repair, "/work-orders/1/lines"),
        (repair, "/work-orders/1/notes"),
        (repair, "/v1/work-orders/1/timeline"),
        (planner, "/client/1"),
        (planner, "/address/1"),
        (field_sales, f"/client/{key}"),
    ]:
        assert (await door.ask("GET", path))[0] == 404, path
    for mount, path, api in LISTS:
        assert mount + path == doors[api].mount + path
        assert (await doors[api].ask("GET", path))[1]["data"] == []
    for method, path in [
        ("PATCH", "/customers/1"),
        ("DELETE", "/customers/1"),
        ("PATCH", "/work-orders/1"),
        ("DELETE", "/work-orders/1"),
        ("POST", "/work-orders/1/lines"),
        ("PATCH", "/work-orders/1/lines/1"),
        ("DELETE", "/work-orders/1/lines/1"),
        ("POST", "/work-orders/1/notes"),
        ("POST", "/v1/work-orders/1/timeline"),
    ]:
        body = line | {"note": "x", "first_name": "Evil"}
        assert (await repair.ask(method, path, json=body))[0] == 404, (method, path)
    # A filter by somebody else's garage, and a reference to somebody else's customer.
    assert (await repair.ask("GET", "/customers?company_id=1"))[1]["total"] == 0
    assert (await repair.ask("POST", "/work-orders", json={"customer_id": 1}))[0] == 422
    repair.token = await tokens.grant("repair")
    assert (await repair.ask("GET", "/customers/1"))[1] == jansen


@pytest.mark.parametrize("prefix", ["", "/api", "/repair-angel-v2/api"])
async def test_repair_answers_at_all_its_bases(repair: Any, prefix: str) -> None:
    status, page = await repair.ask("GET", f"{prefix}/customers")
    assert (status, page["total"]) == (200, 0)


@pytest.mark.parametrize(
    "identifier", ["0", "-1", "x", "1.5", "99999999999999999999", "%00", "1%20", "٣"]
)
async def test_what_is_no_id_is_not_there(repair: Any, identifier: str) -> None:
    assert (await repair.ask("GET", f"/customers/{identifier}"))[0] == 404


async def test_unknown_paths_and_methods_are_refused_in_shape(
    repair: Any, field_sales: Any
) -> None:
    status, body = await repair.ask("GET", "/nothing/here")
    assert (status, list(body)) == (404, ["message"])
    status, body = await field_sales.ask("GET", "/nothing")
    assert (status, body["success"]) == (404, False)
    response = await repair.raw("DELETE", "/customers")
    assert response.status_code == 405
    assert response.headers["Allow"] == "GET, HEAD, POST"


async def test_head_answers_like_get(repair: Any) -> None:
    head, get = await repair.raw("HEAD", "/customers"), await repair.raw("GET", "/customers")
    assert head.status_code == get.status_code == 200
    assert head.headers["Content-Length"] == get.headers["Content-Length"]


async def test_malformed_bodies_are_422_and_change_nothing(repair: Any, contracts: Any) -> None:
    for data in (b"{", b"[]", b"\xff\xfe", b"[" * 100_000, b'{"first_name": "\\ud800"}'):
        status, body = await repair.ask("POST", "/customers", data=data)
        contracts("repair").check("post", "/customers", status, body)
        assert status == 422
    assert (await repair.ask("GET", "/customers"))[1]["total"] == 0


@pytest.mark.sqlite_only
async def test_surprises_are_said_in_shape_and_tell_nothing(repair: Any, shops: Database) -> None:
    await shops.write(lambda c: c.exec_driver_sql("DROP TABLE backoffice_customer"))
    with structlog.testing.capture_logs() as lines:
        status, body = await repair.ask("GET", "/customers")
    assert (status, body) == (500, {"message": "Something went wrong here."})
    assert [line["path"] for line in lines] == ["/backoffice/repair/customers"]
    assert "no such table" in str(lines[0]["exc_info"])


async def test_pages_page(repair: Any, planner: Any, field_sales: Any, in_shop: Any) -> None:
    def fill(shop: Any) -> None:
        for number in range(1, 121):
            shop.insert("customer", {"client_number": number, "first_name": f"N{number:03d}"})

    await in_shop(fill)
    seen = []
    for number in (1, 2, 3, 4):
        page = (await repair.ask("GET", f"/customers?page={number}"))[1]
        assert (page["current_page"], page["last_page"], page["total"]) == (number, 3, 120)
        seen += [row["first_name"] for row in page["data"]]
    assert seen == [f"N{number:03d}" for number in range(120, 0, -1)]

    path, seen, page = "/client?per_page=50&search=n", [], {}
    while path:
        page = (await planner.ask("GET", path))[1]
        seen += [row["client_number"] for row in page["data"]]
        assert page["to"] == len(seen)
        path = (page["next_page_url"] or "").partition("/backoffice/planner")[2]
    assert seen == list(range(1, 121))
    assert "search=n" in page["prev_page_url"]

    page = (await field_sales.ask("GET", "/client?page=2&per_page=100"))[1]
    counts = [page[name] for name in ("total_result", "current_count", "total_pages")]
    assert (counts, page["next_page_url"]) == ([120, 20, 2], None)


async def test_a_list_costs_the_same_queries_whatever_its_length(
    repair: Any, in_shop: Any, shops: Database
) -> None:
    def fill(shop: Any, orders: int) -> None:
        customer = shop.insert("customer", {"client_number": orders, "first_name": "A"})
        for number in range(orders):
            fields = {"customer_id": customer, "status": "new", "assigned_to": 1}
            order = shop.insert("work_order", fields | {"ticket_no": f"{orders}-{number}"})
            line = {"work_order_id": order, "description": "x", "unit_price": 1}
            shop.insert("work_order_line", line)
            note = {"work_order_id": order, "note": "x", "user_id": 1}
            shop.insert("work_order_note", note)

    counts = []
    for orders in (1, 40):
        await in_shop(fill, orders)
        statements: list[str] = []

        def count(_c: Any, _u: Any, statement: str, *_: Any, into: Any = statements) -> None:
            into.append(statement)

        event.listen(shops.engine, "before_cursor_execute", count)
        await repair.ask("GET", "/work-orders")
        event.remove(shops.engine, "before_cursor_execute", count)
        counts.append(len(statements))
    assert counts[0] == counts[1]


@pytest.mark.sqlite_only
async def test_indexed_filters_never_scan(shops: Database) -> None:
    def plan(connection: Any) -> list[str]:
        order = schema.TABLES["work_order"]
        query = order.select().where(order.c.tenant_id == 1, order.c.status == "new")
        text = str(query.compile(connection.engine, compile_kwargs={"literal_binds": True}))
        return [row[3] for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {text}")]

    (step,) = await shops.read(plan)
    assert step.startswith("SEARCH"), step
    assert "tenant_id=? AND status=?" in step


async def test_money_leaves_as_plain_numbers(repair: Any, jansen: Any) -> None:
    await repair.ask("POST", "/work-orders", json={"customer_id": 1})
    body = '{"description": "x", "unit_price": 1.005, "quantity": 3}'
    response = await repair.raw("POST", "/work-orders/1/lines", data=body)
    text = await response.get_data(as_text=True)
    assert '"unit_price":1.01' in text
    assert json.loads(text)["line_total_excl"] == 3.03
