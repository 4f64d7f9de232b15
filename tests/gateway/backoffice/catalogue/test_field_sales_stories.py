"""Stories of field sales, through HTTP alone: one for each domain."""

from __future__ import annotations

import hmac
import json
from base64 import b64encode
from functools import partial
from typing import Any

import pytest
import structlog
import trio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.backoffice import schema
from gateway.backoffice.rules.field_sales import assets, balance, shelves
from gateway.backoffice.rules.field_sales.products import create_product
from gateway.backoffice.sending import Sending
from gateway.backoffice.shop import Shop
from gateway.domain.errors import Invalid
from tests.gateway.backoffice.conftest import Door
from tests.gateway.backoffice.desk import Desk

pytestmark = pytest.mark.slow


@pytest.fixture
def desk(field_sales: Any) -> Desk:
    return Desk(field_sales)


async def test_inventory(desk: Desk) -> None:
    product = (await desk.product())["_id"]
    here = await desk.stocked(product, 10)
    there = (await desk.make("/warehouse", name="Van"))["_id"]
    item = {"product": product, "requestedQuantity": 4, "unitCost": 2.5}
    made = await desk.make("/transfer", fromWarehouse=here, toWarehouse=there, items=[item])
    assert (made["status"], made["totalValue"]) == ("pending", 10)
    (level,) = [row for row in await desk.see("/inventory") if row["warehouse"] == here]
    assert (level["reservedQuantity"], level["availableQuantity"]) == (4, 6)
    path = f"/transfer/{made['_id']}"
    await desk.change(path, 422, status="completed")  # it has not left
    await desk.change(path, status="in_transit")
    assert await desk.levels() == {here: 6}
    done = await desk.change(path, status="completed")
    assert done["items"][0]["receivedQuantity"] == 4
    assert await desk.levels() == {here: 6, there: 4}
    await desk.change(path, 422, status="cancelled")


async def test_material_comes_in_once(desk: Desk, repair: Any) -> None:
    product = (await desk.product())["_id"]
    here = await desk.stocked(product, 6)
    supplier = (await desk.make("/supplier", name="Parts Ltd"))["_id"]
    item = {"product": product, "expectedQuantity": 5, "receivedQuantity": 5, "unitCost": 3}
    receipt = await desk.make(
        "/receiving-material", warehouse=here, supplier=supplier, items=[item]
    )
    assert receipt["totalAmount"] == 15
    path = f"/receiving-material/{receipt['_id']}"
    for _ in range(2):  # said twice, booked once
        await desk.change(path, status="received")
    assert (await desk.levels())[here] == 11
    await desk.change(path, 422, items=[item])

    too_much = [{"product": product, "adjustmentQuantity": -100}]
    status, answer = await desk.door.ask(
        "POST", "/adjust-inventory", json={"warehouse": here, "items": too_much}
    )
    assert (status, answer["success"]) == (422, False)
    assert (await desk.door.ask("DELETE", f"/warehouse/{here}"))[0] == 422
    # The other API shows the same stock, all places together.
    number = int(product, 16)
    assert (await repair.ask("GET", f"/products/{number}"))[1]["stock_quantity"] == 11


async def test_sales(desk: Desk) -> None:  # noqa: PLR0915 - one story
    tax = await desk.make("/tax", name="VAT", rate=21, type="additive")
    product = await desk.product(sv_tax=tax["_id"])
    here = await desk.stocked(product["_id"], 10)
    prices = await desk.make("/pricelist", name="Friends")
    variant = (await desk.see(f"/variant?product={product['_id']}"))[0]
    assert variant["default"] is True
    await desk.make(
        "/pricelistitem", pricelist_id=prices["_id"], product_id=product["_id"],
        variant_id=variant["_id"], price=8,
    )  # fmt: skip
    client = await desk.make(
        "/client", name="Garage Jansen", sv_priceList=prices["_id"], payment_type="credit",
        credit_limit=50,
    )  # fmt: skip
    lines = [{"product": product["_id"], "quantity": 3}]
    sale = {"client": client["_id"], "warehouse": here}
    invoice = await desk.make("/fullinvoices", **sale, items=lines)
    assert (invoice["total"], invoice["status"]) == (29.04, "unpaid")  # 3 x 8 and 21 %
    assert await desk.levels() == {here: 7}
    owed = "integrated_client_balance"
    assert (await desk.see(f"/client/{client['_id']}"))[owed] == 29.04
    status, answer = await desk.door.ask("POST", "/fullinvoices", json=sale | {"items": lines})
    assert (status, "owes 29.04" in answer["error"]) == (422, True)  # over the limit

    payment = await desk.make("/payments", client=client["_id"], amount=29.04)
    part = {"invoice": invoice["_id"], "amount": 29.04}
    match = {"client": client["_id"], "invoices": [part]}
    match |= {"payments": [{"payment": payment["_id"], "amount": 29.04}]}
    assert (await desk.make("/settlement", **match))["status"] == "completed"
    assert (await desk.see(f"/fullinvoices/{invoice['_id']}"))["status"] == "paid"
    assert (await desk.door.ask("POST", "/settlement", json=match))[0] == 422

    body = {"client": client["_id"], "invoice": invoice["_id"], "amount": 9.04, "reason": "dent"}
    refund = await desk.make("/refund", **body)
    path = f"/refund/{refund['_id']}"
    await desk.change(path, 422, status="processed")
    for status in ("approved", "processed", "processed"):
        await desk.change(path, status=status)
    assert (await desk.see(f"/client/{client['_id']}"))[owed] == 9.04
    assert (await desk.door.ask("POST", "/refund", json=body | {"amount": 25}))[0] == 422
    adjusted = await desk.make(
        "/adjust-account", client=client["_id"], type="debit", amount=9.04, reason="gift"
    )
    assert (adjusted["previousBalance"], adjusted["newBalance"]) == (9.04, 0)

    open_one = await desk.make("/fullinvoices", **sale, items=lines)
    void = await desk.change(f"/fullinvoices/{open_one['_id']}", status="void")
    assert void["status"] == "void"
    assert await desk.levels() == {here: 7}
    assert (await desk.see(f"/client/{client['_id']}"))[owed] == 0


async def test_approvals(desk: Desk) -> None:
    wanted = await desk.make("/workorder-request", title="Change the belt")
    request = await desk.make(
        "/approval-request", entity="workorder-request", entityId=wanted["_id"],
        approvers=["ann", "bob", "eve"], requiredApprovals=2,
    )  # fmt: skip
    own = {"approvalRequest": request["_id"], "decision": "approved"}
    await desk.make("/approvals", **own, approver="ann")
    for approver, code in (("ann", 422), ("mallory", 400)):
        answer = await desk.door.ask("POST", "/approvals", json=own | {"approver": approver})
        assert answer[0] == code
    await desk.make("/approvals", **own, approver="bob")
    shown = await desk.see(f"/approval-request/{request['_id']}")
    assert (shown["status"], shown["currentApprovals"]) == ("approved", 2)
    assert [order["title"] for order in await desk.see("/workorder")] == ["Change the belt"]


async def test_portal_links_open_pages_to_whom_they_should(desk: Desk) -> None:
    order = (await desk.make("/workorder", title="<b>Belt</b>", status="open"))["_id"]
    limits = {"max_uses": 2}
    link = await desk.make("/workorder-portal-link", workorder=order, access_restrictions=limits)
    assert link["full_url"].startswith("http://localhost/")
    page = link["full_url"].partition("field-sales")[2]

    async def see(path: str) -> tuple[int, str]:
        answer = await Door(desk.door.app, desk.door.mount, "").raw("GET", path)
        return answer.status_code, await answer.get_data(as_text=True)

    status, html = await see(page)
    assert (status, "&lt;b&gt;Belt" in html, "<b>" in html) == (200, True, False)
    for wrong in (page + "x", "/portal/1.1.x", "/portal/x", "/portal/ffffffffffffffffff.1.x"):
        assert (await see(wrong))[0] == 404
    assert (await see(page))[0] == 200
    assert (await see(page))[0] == 404  # used up
    stats = (await desk.see(f"/workorder-portal-link/{link['_id']}"))["usage_stats"]
    assert (stats["total_views"], stats["unique_visitors"]) == (2, 1)
    other = await desk.make("/workorder-portal-link", workorder=order)
    await desk.make(f"/workorder-portal-link/{other['_id']}/deactivate", 200)
    assert (await see(other["full_url"].partition("field-sales")[2]))[0] == 404


async def test_days_of_reps(desk: Desk) -> None:
    rep = await desk.make(
        "/rep", name="Rita", email="r@x.test", role="rep", password="s3cret word"
    )
    assert "password" not in rep
    day = await desk.make("/day", rep=rep["_id"], date="2026-01-05")
    assert (await desk.door.ask("POST", "/day", json={"rep": rep["_id"], "date": "2026-01-05"}))[
        0
    ] == 422
    visit = await desk.make("/visit", rep=rep["_id"])
    path = f"/visit/{visit['_id']}"
    await desk.change(path, 422, status="completed")
    await desk.change(path, status="completed", actualDate="2026-01-05T10:00:00Z")
    assert (await desk.see(f"/day/{day['_id']}"))["summary"]["totalVisits"] == 1


async def test_lists_keep_their_family_s_habits(desk: Desk) -> None:
    for name, cost in (("A-1", 5), ("B-2", 10), ("C-3", 20)):
        await desk.make("/asset-part-type", name=name, category="x", standardCost=cost)
    kind = (await desk.see("/asset-part-type?limit=1"))[0]
    page = await desk.door.ask("GET", "/asset-part-type?limit=1&offset=1&sort=createdAt&order=asc")
    assert ([row["name"] for row in page[1]["data"]], page[1]["total"]) == (["B-2"], 3)
    asked = '/asset-part-type?filter={"standardCost": {"$gte": 10}}&order=asc&sort=_id'
    assert [row["name"] for row in await desk.see(asked)] == ["B-2", "C-3"]
    assert [row["name"] for row in await desk.see("/asset-part-type?search=c-3&page=9")] == ["C-3"]
    for wrong in ("filter={", 'filter={"nothing": 1}', "limit=101", "offset=-1", "sort=nothing"):
        status, answer = await desk.door.ask("GET", f"/asset-part-type?{wrong}")
        assert (status, answer["success"]) == (400, False), wrong
    status, _ = await desk.door.ask("PUT", f"/asset-part-type/{kind['_id']}", json={"name": "D"})
    assert status == 400  # a category is required again
    path = f"/asset-part-type/{kind['_id']}"
    assert (await desk.door.ask("PATCH", path, json={"name": "D"}))[0] == 200

    for name in ("Vans", "Cars"):
        await desk.make("/speciality", name=name)
    page = (
        await desk.door.ask("GET", "/speciality?sort=-_id&per_page=1&_id[]=" + "0" * 23 + "1")
    )[1]
    assert (page["paging"]["total"], [row["name"] for row in page["data"]]) == (1, ["Vans"])
    assert await desk.see("/speciality?company_namespace[]=2") == []

    category = await desk.make("/product-category", name="Oil")
    await desk.make(
        "/product-sub-categories".replace("-sub", "/sub"), name="5W30", parent_id=category["_id"]
    )
    plain, shown = [
        (await desk.see(f"/product-sub-category{query}"))[0]["parent_id"]
        for query in ("", "?populatedKeys[]=parent_id")
    ]
    assert plain == category["_id"]
    assert shown["name"] == "Oil"


async def test_who_unsubscribed_gets_no_letters(desk: Desk, in_shop: Any) -> None:
    from gateway.backoffice.rules import outgoing  # noqa: PLC0415

    await desk.make("/mail-unsubscribe", email="No@Example.test")

    def letter(shop: Shop) -> str:
        row = shop.get("outgoing_mail", outgoing.queue_mail(shop, "no@example.TEST", "x", "y"))
        return str(row["state"])

    assert await in_shop(letter) == "failed"


async def test_webhooks_are_signed_retried_and_logged(
    desk: Desk, shops: Any, clock: Any, outside: Any
) -> None:
    app_id = (await desk.make("/integration-app", name="ERP", available_app="erp"))["_id"]
    secret = "whsec_" + b64encode(b"0123456789abcdef").decode()
    answers, taken = [500, 200], []

    async def receive(stream: trio.SocketStream) -> None:
        data = b""
        while b"\r\n\r\n" not in data or not data.endswith(b"}"):
            data += await stream.receive_some(65_536)
        taken.append(data)
        line = f"HTTP/1.1 {answers.pop(0)} X\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
        await stream.send_all(line.encode())

    async with trio.open_nursery() as nursery:
        (listener,) = await nursery.start(partial(trio.serve_tcp, host="127.0.0.1"), receive, 0)
        port = listener.socket.getsockname()[1]
        hook = await desk.make(
            "/svix-integration", name="x", applicationId=app_id, secret=secret,
            endpointUrl=f"http://127.0.0.1:{port}/x", eventTypes=["client_channel.created"],
        )  # fmt: skip
        assert "secret" not in hook
        await desk.make("/speciality", name="nobody wants to hear of it")
        channel = await desk.make("/client-channel", name="Garages")
        sending = Sending(shops, schema.TABLES, clock, outside, structlog.get_logger())
        await sending.send_due()
        clock.advance(3_600)
        await sending.send_due()
        nursery.cancel_scope.cancel()
    head, _, body = taken[-1].partition(b"\r\n\r\n")
    sent = {
        name.lower(): value
        for name, _, value in (line.partition(": ") for line in head.decode().splitlines())
    }
    digest = hmac.digest(
        b"0123456789abcdef",
        f"{sent['svix-id']}.{sent['svix-timestamp']}.".encode() + body,
        "sha256",
    )
    assert sent["svix-signature"] == f"v1,{b64encode(digest).decode()}"
    assert json.loads(body)["data"] == {"_id": channel["_id"]}
    logged = await desk.see("/integration-action-log?sort=_id&order=asc")
    assert [row["status"] for row in logged] == ["retrying", "success"]


@settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))
@given(moves=st.lists(st.integers(-9, 9), max_size=12))
def test_stock_is_the_sum_of_movements_and_never_below_zero(
    trial_shop: Any, moves: list[int]
) -> None:
    def story(shop: Shop) -> None:
        place = shop.insert("warehouse", {"name": "x"})
        product = create_product(shop, {"name": "x"})
        line = shelves.line_of(shop, {"product": f"{product:024x}"}, 1, 0)
        held = 0
        for number, quantity in enumerate(moves):
            moved = shelves.Line(line.product_id, line.variant_id, quantity)
            try:
                shelves.post(shop, place, [moved], "adjustment", f"test {number}")
                held += quantity
            except Invalid:
                assert held + quantity < 0
        rows = shop.where("warehouse_stock")
        assert sum(row["quantity"] for row in rows) == held >= 0
        assert shop.get("product", product)["stock_quantity"] == held

    trial_shop(story)


@settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))
@given(amounts=st.lists(st.decimals(-1000, 1000, places=2), max_size=10))
def test_balances_are_the_sum_of_their_entries(trial_shop: Any, amounts: list[Any]) -> None:
    def story(shop: Shop) -> None:
        client = shop.insert("customer", {"client_number": 1})
        for number, amount in enumerate(amounts):
            for _ in range(2):  # the second time nothing happens
                balance.book(shop, client, amount, f"test {number}")
        assert (shop.get("customer", client)["balance"] or 0) == sum(amounts)

    trial_shop(story)


async def test_a_unit_shows_what_it_is_worth(desk: Desk) -> None:
    kind = await desk.make("/asset", name="Compressor")
    body = {"asset": kind["_id"], "purchase_date": "2000-01-01", "purchase_cost": 1000}
    plan = {"method": "straight-line", "rate": 10}
    unit = await desk.make("/asset-unit", **body, serial_number="1", depreciation=plan)
    assert float(unit["depreciation"]["current_value"]) == 0  # ten years have gone by
    unit = await desk.change(f"/asset-unit/{unit['_id']}", depreciation=plan | {"rate": 0})
    assert float(unit["depreciation"]["current_value"]) == 1000
    told = plan | {"current_value": 12.5}
    unit = await desk.change(f"/asset-unit/{unit['_id']}", depreciation=told)
    assert float(unit["depreciation"]["current_value"]) == 12.5
    plain = await desk.make("/asset-unit", asset=kind["_id"], serial_number="2")
    assert "depreciation" not in plain


@given(
    method=st.sampled_from(["straight-line", "declining-balance", "sum-of-years"]),
    rate=st.integers(0, 100),
    days=st.integers(0, 20_000),
)
def test_things_lose_worth_and_never_more_than_they_had(method: str, rate: int, days: int) -> None:
    from datetime import date, timedelta  # noqa: PLC0415
    from decimal import Decimal  # noqa: PLC0415

    bought = date(2000, 1, 1)
    left = [
        assets.worth(Decimal(100), method, Decimal(rate), bought, bought + timedelta(days + more))
        for more in (0, 30)
    ]
    assert 100 >= left[0] >= left[1] >= 0
