"""Every operation of the field-sales contract against the running app, resource by resource.

Bodies are made from the contract: what it requires and what it offers, references to documents
that are made on the way. Each resource is listed, made, read, changed and removed, asked without a
key (401), with one that may nothing (403) and by another garage (404); every answer is held to the
contract's schema.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
import yaml

from gateway.backoffice.catalogue import DECLARATIONS
from gateway.backoffice.openapi import document
from gateway.backoffice.profiles.field_sales import FIELD_SALES
from gateway.backoffice.recognition import Recognition
from tests.gateway.backoffice.conftest import (  # noqa: F401 - fixtures
    FOREIGN,
    Contract,
    Door,
    Tokens,
    app,
    contracts,
    elsewhere,
    field_sales,
    in_shop,
    outside,
    recognition,
    shops,
    tokens,
)

#: Operations of the contract that are not served; it must stay empty.
MISSING: set[str] = set()

TEXT = (Path(__file__).parent / "field_sales.yaml").read_text()
PATHS = yaml.load(TEXT, Loader=yaml.CSafeLoader)["paths"]
VERBS = ("get", "post", "put", "patch", "delete")

#: Members inside lists and objects that name documents, without the contract saying so.
NAMES = {
    "product": "product",
    "variant": "variant",
    "assetPart": "asset-part",
    "assetPartUnit": "asset-part-unit",
    "warehouse": "warehouse",
    "client_id": "client",
    "asset": "asset",
    "workOrder": "workorder",
    "modifiers_groups": "product-modifiers-group",
}


def operations() -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Yield (path, method, operation)."""
    for path, item in PATHS.items():
        yield from ((path, method, item[method]) for method in VERBS if method in item)


def resources() -> dict[str, dict[str, tuple[str, str]]]:
    """Return list path -> kind of operation -> (method, path)."""
    found: dict[str, dict[str, tuple[str, str]]] = {}
    for path, method, operation in operations():
        kind = operation["x-kind"]
        if kind in {"list", "get", "create", "update", "delete"}:
            found.setdefault(path.removesuffix("/{id}"), {})[kind] = (method, path)
    return found


RESOURCES = resources()
BASES = {path.strip("/"): path for path in RESOURCES} | {
    "product/sub-categories": "/product/sub-categories"
}


@dataclass
class World:
    """A garage that has what bodies refer to."""

    door: Door
    contract: Contract
    made: dict[str, str] = field(default_factory=dict)
    count: int = 0

    async def ask(self, kind: str, base: str, key: str = "", **how: Any) -> Any:
        """Ask, hold the answer to the contract, and return the document or the page."""
        method, path = RESOURCES[base][kind]
        status, answer = await self.door.ask(method.upper(), path.replace("{id}", key), **how)
        assert status in {200, 201}, (kind, base, status, answer, how)
        self.contract.check(method, path, status, answer)
        return answer

    async def make(self, base: str, **changes: Any) -> dict[str, Any]:
        """Make a document of a resource."""
        body = await self.body(base, "create") | changes
        answer = await self.ask("create", base, json=body)
        return inner(answer)

    async def body(self, base: str, kind: str) -> dict[str, Any]:
        """Return a body with everything that the contract offers."""
        if base == "/fullinvoices" and kind == "update":
            return {"status": "paid"}  # the rest is booked
        method, path = RESOURCES[base][kind]
        content = PATHS[path][method]["requestBody"]["content"]
        schema = self.resolved(content["application/json"]["schema"])
        self.count += 1
        found: dict[str, Any] = await self.value("", schema, top=True)
        return found | await self.special(base, kind)

    # One case after the other, as flat as a table.
    async def special(  # noqa: C901, PLR0912
        self, base: str, kind: str
    ) -> dict[str, Any]:
        """Return what the rules of a resource want otherwise than the contract alone tells."""
        if base == "/variant":
            return {"product": await self.key("product")}
        if base == "/product" and kind == "update":
            return {"variants": []}
        if base == "/pricelistitem":
            product = await self.key("product")
            return {"product_id": product, "variant_id": await self.variant()}
        if base == "/transfer" and kind == "create":
            other = (await self.make("/warehouse"))["_id"]
            return {"fromWarehouse": other, "items": [{"product": await self.key("product")}]}
        if base == "/refund":
            return {"invoice": None} if kind == "create" else {"status": "approved"}
        if base in {"/fullinvoices", "/proforma"}:
            lines = [{"product": await self.key("product"), "quantity": 1, "price": 5}]
            self.count += 1
            return {"items": lines, "warehouse": None, "serial": f"S-{self.count}"}
        if base == "/settlement":
            invoice = await self.make("/fullinvoices")
            amount = invoice["total"]
            payment = await self.make("/payments", amount=amount)
            client = {"client": invoice["client"]}
            return client | {
                "invoices": [{"invoice": invoice["_id"], "amount": amount}],
                "payments": [{"payment": payment["_id"], "amount": amount}],
            }
        if base == "/adjust-inventory":
            return {"items": [{"product": await self.key("product"), "adjustmentQuantity": 3}]}
        if base == "/approval-request":
            return {"approvers": ["a"], "requiredApprovals": 1, "status": "pending"}
        if base == "/approvals":
            request = (await self.make("/approval-request", approvers=["ann"]))["_id"]
            return {"approvalRequest": request, "approver": "ann"} if kind == "create" else {}
        if base == "/store-asset-part-unit":
            return (
                {"assetPartUnit": (await self.make("/asset-part-unit"))["_id"]}
                if (kind == "create")
                else {}
            )
        if base in {"/workorder-category", "/measure-unit"}:
            return {"parent_category": None, "parent": None}
        if base == "/client":
            self.count += 1
            email = f"client{self.count}@example.test"
            return {"parent_client_id": None, "chain": None, "email": email}
        if base == "/day":
            return {"date": f"2026-01-{1 + self.count % 28:02d}"}
        if base == "/contract-installment":
            return (
                {"installment_number": self.count} if kind == "create" else {"status": "pending"}
            )
        if base == "/safe-invoice-serial-counter" and kind == "create":
            return {"warehouse": (await self.make("/warehouse"))["_id"]}
        if base == "/mail-unsubscribe":
            return {"email": f"nobody{self.count}@example.test"}
        if base == "/asset-part-receival":
            item = {"assetPart": await self.key("asset-part"), "orderedQuantity": 2}
            return {"items": [item | {"receivedQuantity": 1, "serialNumbers": [f"n{self.count}"]}]}
        if base == "/activity-storecheck":
            return {"responses": []}  # the template's questions have ids of their own
        if base == "/ocr-invoice-job":
            return {"documentUrl": "https://example.test/x.pdf"}
        return {}

    async def key(self, name: str) -> str:
        """Return the id of a document of a resource, made when there is none yet."""
        if name not in self.made:
            self.made[name] = ""
            self.made[name] = (await self.make(BASES[name]))["_id"]
        return self.made[name]

    async def variant(self) -> str:
        """Return the id of a fresh variant of the product."""
        product = await self.key("product")
        body = {"name": f"Variant {self.count}", "product": product, "price": 7}
        return str((await self.ask("create", "/variant", json=body))["_id"])

    async def value(self, name: str, schema: dict[str, Any], *, top: bool = False) -> Any:
        """Return a value that a schema allows."""
        schema = self.resolved(schema)
        if "anyOf" in schema or "oneOf" in schema:
            return await self.value(name, schema.get("anyOf", schema.get("oneOf", ({},)))[0])
        referred = schema.get("x-ref") or (NAMES.get(name) if not top else None)
        if referred and schema.get("type") == "string":
            return await self.key(str(referred).strip("/"))
        if schema.get("type") == "array":
            inner_schema = dict(schema.get("items", {}))
            if referred and inner_schema.get("type") == "string":
                return [await self.key(str(referred).strip("/"))]
            return [await self.value("" if name == "variants" else name, inner_schema)]
        if schema.get("type") == "object":
            members = schema.get("properties", {})
            skipped = (
                {"_id", "createdAt", "updatedAt", "__v", "company_namespace"} if top else set()
            )
            return {
                key: await self.value(key, inner)
                for key, inner in members.items()
                if key not in skipped and not (key == "product" and "price" in members)
            }
        return self.scalar(name, schema)

    def scalar(self, name: str, schema: dict[str, Any]) -> Any:
        if "enum" in schema:
            return schema["enum"][0]
        kind = schema.get("type")
        if kind == "boolean":
            return False
        if kind in {"integer", "number"}:
            return max(schema.get("minimum", 1), 1)
        known = {
            "date-time": "2026-03-04T05:06:07Z",
            "date": "2026-03-04",
            "time": "08:30:00",
            "email": "somebody@example.test",
            "uri": "https://example.test/file.pdf",
        }
        plain = "12.50" if name == "base_price" else f"{name or 'text'} {self.count}"
        return known.get(schema.get("format", ""), plain)

    def resolved(self, schema: dict[str, Any]) -> dict[str, Any]:
        while "$ref" in schema:
            schema = self.contract._at(schema["$ref"].removeprefix("#"))
        return schema


def inner(answer: Any) -> dict[str, Any]:
    """Return the document in an answer, whatever stands around it."""
    for name in ("data", "result"):
        if (name in answer and "success" in answer) or set(answer) == {name}:
            return answer[name]  # type: ignore[no-any-return]
    return answer  # type: ignore[no-any-return]


def rows(page: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the documents of a page."""
    return page["data"] if "data" in page else page["result"]  # type: ignore[no-any-return]


@pytest.fixture
def world(field_sales: Door, contracts: Any) -> World:  # noqa: F811
    return World(field_sales, contracts("field_sales"))


def test_every_operation_is_served() -> None:
    served = document(FIELD_SALES, DECLARATIONS, "1")["paths"]
    missing = {
        operation["operationId"]
        for path, method, operation in operations()
        if method not in served.get(path, {})
    }
    count = sum(1 for _ in operations())
    print(f"{count - len(missing)} of {count}")  # noqa: T201 - how far it is
    assert (count, missing) == (435, MISSING)


@pytest.mark.slow
@pytest.mark.parametrize("base", [base for base, kinds in RESOURCES.items() if "create" in kinds])
async def test_a_document_goes_its_way(base: str, world: World, tokens: Tokens) -> None:  # noqa: F811
    kinds = RESOURCES[base]
    made = await world.make(base)
    key = made["_id"]
    assert int(key, 16) > 0
    assert len(key) == 24
    assert inner(await world.ask("get", base, key)) == made
    page = await world.ask("list", base)
    assert key in {row["_id"] for row in rows(page)}
    if "update" in kinds:
        changed = inner(
            await world.ask("update", base, key, json=await world.body(base, "update"))
        )
        assert changed["_id"] == key
        other = {"put": "PATCH", "patch": "PUT"}[kinds["update"][0]]
        body = await world.body(base, "update") if other == "PUT" else {}
        status, answer = await world.door.ask(other, f"{base}/{key}", json=body)
        assert status == 200, answer
    await refused(base, key, world.door, tokens)
    if "delete" in kinds:
        await world.ask("delete", base, key)
        status, _ = await world.door.ask("GET", f"{base}/{key}")
        assert status == 404


async def refused(base: str, key: str, door: Door, tokens: Tokens) -> None:  # noqa: F811
    """Ask for a document as those who may not."""
    foreign = Door(door.app, door.mount, await tokens.grant("field_sales", tenant_id=FOREIGN))
    nobody = Door(door.app, door.mount, await tokens.grant("field_sales", abilities=("x:read",)))
    stranger = Door(door.app, door.mount, "no key")
    for who, expected in ((foreign, 404), (nobody, 403), (stranger, 401)):
        status, answer = await who.ask("GET", f"{base}/{key}")
        assert (status, answer["success"]) == (expected, False)
    status, answer = await door.ask("POST", base, data="{", headers={})
    assert (status, answer["success"]) == (400, False)
    assert (await foreign.ask("GET", base))[0] == 200


async def do(world: World, method: str, path: str, key: str = "", **how: Any) -> Any:
    """Do one of the operations that are more than the five, and return what it answers."""
    status, answer = await world.door.ask(method.upper(), path.replace("{id}", key), **how)
    assert status in {200, 201}, (path, status, answer)
    world.contract.check(method, path, status, answer)
    return answer.get("data", answer)


@pytest.mark.slow
async def test_several_are_removed_at_once(world: World) -> None:
    for base in (
        "/asset-unit", "/client-location", "/mail-unsubscribe", "/product-modifiers-group",
        "/speciality", "/workorder-category",
    ):  # fmt: skip
        extra = {"serial_number": "b"} if base == "/asset-unit" else {}
        keys = [(await world.make(base))["_id"], (await world.make(base, **extra))["_id"]]
        await do(world, "post", f"{base}/remove", json={"ids": keys})
        for key in keys:
            assert (await world.door.ask("GET", f"{base}/{key}"))[0] == 404
        status, _ = await world.door.ask("POST", f"{base}/remove", json={"ids": keys})
        assert status == 404


@pytest.mark.slow
async def test_units_links_and_entries_change_their_state(world: World) -> None:
    unit = (await world.make("/asset-unit"))["_id"]
    path = "/asset-unit/{id}/status"
    body = {"status": "disposed", "reason": "worn out"}
    shown = await do(world, "patch", path, unit, json=body)
    assert (shown["status"], len(shown["maintenance_history"])) == ("disposed", 1)
    status, _ = await world.door.ask(
        "PUT", f"/asset-unit/{unit}/status", json={"status": "active"}
    )
    assert status == 422

    link = await world.make("/workorder-portal-link", expiry_date="2999-01-01T00:00:00Z")
    again = await do(world, "post", "/workorder-portal-link/{id}/regenerate", link["_id"])
    assert again["link_token"] != link["link_token"]
    for word, active in (("deactivate", False), ("activate", True)):
        shown = await do(world, "post", f"/workorder-portal-link/{{id}}/{word}", link["_id"])
        assert shown["is_active"] is active

    entry = (await world.make("/workorder-portal"))["_id"]
    path = "/workorder-portal/{id}/status"
    shown = await do(world, "patch", path, entry, json={"status": "completed"})
    assert shown["status"] == "completed"
    status, _ = await world.door.ask(
        "PATCH", f"/workorder-portal/{entry}/status", json={"status": "pending"}
    )
    assert status == 422


@pytest.mark.slow
async def test_transfers_of_parts_are_completed_once(world: World) -> None:
    place = {"warehouse": await world.key("warehouse"), "section": "A"}
    made = await world.make("/asset-part-transfer", status="approved", toLocation=place)
    unit = made["items"][0]["assetPartUnit"]
    path = "/asset-part-transfer/{id}/complete"
    shown = await do(world, "post", path, made["_id"])
    assert (shown["status"], shown["totalItems"]) == ("completed", 1)
    assert (await world.ask("get", "/asset-part-unit", unit))["data"]["location"] == place
    status, _ = await world.door.ask("POST", path.replace("{id}", made["_id"]))
    assert status == 422


@pytest.mark.slow
async def test_reports_and_lookups(world: World) -> None:
    template = await world.make("/feedback-options")
    await world.make("/activity-feedback", rating=5)
    await world.make("/activity-feedback", rating=2)
    shown = await do(world, "get", "/activity-feedback/analytics")
    assert (shown["total_feedback"], shown["average_rating"]) == (2, 3.5)
    assert shown["rating_distribution"] == {"1": 0, "2": 1, "3": 0, "4": 0, "5": 1}
    await world.make("/activity-feedback-v2", template_id=template["_id"], overall_satisfaction=9)
    shown = await do(world, "get", "/activity-feedback-v2/analytics/detailed")
    assert shown["summary"]["average_satisfaction"] == 9
    shown = await do(world, "get", "/feedback-options/{id}/preview", template["_id"])
    assert shown["question_count"] == 1
    assert "<form>" in shown["template_html"]
    assert (await do(world, "get", "/feedback-options/templates")) != []
    read = (await world.ask("get", "/feedback-options", template["_id"]))["data"]
    assert read["usage_count"] == 1

    await world.make("/mail-unsubscribe")
    email = f"NOBODY{world.count}@example.test"
    body = {"email": email}
    assert (await do(world, "post", "/mail-unsubscribe/check", json=body))["is_unsubscribed"]
    assert (await do(world, "post", "/mail-unsubscribe/check", json={"email": "a@b.test"})) == {
        "is_unsubscribed": False
    }

    parent = await world.make("/workorder-category")
    child = await world.make("/workorder-category")
    change = {"parent_category": parent["_id"]}
    await world.ask("update", "/workorder-category", child["_id"], json=change)
    roots = await do(world, "get", "/workorder-category/hierarchy")
    (root,) = [one for one in roots if one["_id"] == parent["_id"]]
    assert [one["_id"] for one in root["children"]] == [child["_id"]]
    circle = {"parent_category": child["_id"]}
    status, _ = await world.door.ask("PATCH", f"/workorder-category/{parent['_id']}", json=circle)
    assert status == 422


@pytest.mark.slow
async def test_serials_have_no_gaps(world: World) -> None:
    counter = await world.make(
        "/safe-invoice-serial-counter", invoice_type="sales", current_serial=0, pad_length=4
    )
    three = {name: counter[name] for name in ("rep", "warehouse", "invoice_type")}
    path = "/safe-invoice-serial-counter/next"
    taken = [(await do(world, "post", path, json=three))["next_serial"] for _ in range(3)]
    assert taken == [1, 2, 3]
    status, _ = await world.door.ask(
        "PATCH", f"/safe-invoice-serial-counter/{counter['_id']}", json={"current_serial": 1}
    )
    assert status == 422
    status, _ = await world.door.ask("POST", path, json=three | {"invoice_type": "return"})
    assert status == 404


@pytest.mark.slow
async def test_instalments_are_paid_in_parts(world: World) -> None:
    made = await world.make(
        "/contract-installment", amount=100, due_date="2025-01-01", grace_period_days=5,
        late_fee=10, discount_applied=0,
    )  # fmt: skip
    page = await world.door.ask("GET", "/contract-installment/overdue")
    world.contract.check("get", "/contract-installment/overdue", *page)
    (late,) = page[1]["data"]
    assert (late["_id"], late["status"], late["days_overdue"] > 300) == (
        made["_id"],
        "overdue",
        True,
    )
    path = "/contract-installment/{id}/pay"
    part = {"payment_date": "2026-01-01", "payment_amount": 60, "payment_method": "cash"}
    assert (await do(world, "post", path, made["_id"], json=part))["status"] == "overdue"
    status, _ = await world.door.ask("POST", path.replace("{id}", made["_id"]), json=part)
    assert status == 422  # 50 are left
    rest = part | {"payment_amount": 50}
    shown = await do(world, "post", path, made["_id"], json=rest)
    assert (shown["status"], len(shown["payment_history"])) == ("paid", 2)
    status, _ = await world.door.ask("POST", path.replace("{id}", made["_id"]), json=rest)
    assert status == 422


@pytest.mark.slow
async def test_patches_change_many(world: World) -> None:
    for price in (10, 20):
        await world.make("/variant", price=price, name=f"To raise {price}")
    patch = await world.make(
        "/patch-action",
        status="ready",
        targetEntity="variant",
        conditions={"price": {"gte": 20}},
        patches=[{"field": "price", "operation": "multiply", "value": 1.5}],
    )
    path = "/patch-action/execute/{id}"
    assert (await do(world, "post", path, patch["_id"]))["status"] == "completed"
    page = await world.ask("list", "/variant", json=None)
    prices = {row["name"]: row["price"] for row in page["data"]}
    assert (prices["To raise 10"], prices["To raise 20"]) == (10, 30)
    shown = (await world.ask("get", "/patch-action", patch["_id"]))["data"]
    assert shown["executionHistory"][0]["processedCount"] == 1
    assert (await world.door.ask("POST", path.replace("{id}", patch["_id"])))[0] == 422

    app_id = (await world.make("/integration-app"))["_id"]
    update = await world.make(
        "/update-integration-meta", status="ready", metaUpdates={"erp": "7"}, conditions={},
        targetIntegrations=[app_id],
    )  # fmt: skip
    path = "/update-integration-meta/apply/{id}"
    assert (await do(world, "post", path, update["_id"]))["affectedIntegrations"] == 1
    assert (await world.ask("get", "/integration-app", app_id))["integration_meta"]["erp"] == "7"
    assert (await world.door.ask("POST", path.replace("{id}", update["_id"])))[0] == 422


@pytest.mark.slow
async def test_invoices_are_read_from_text_and_scans_say_what_is_missing(
    world: World,
    recognition: Recognition,  # noqa: F811
) -> None:
    rules = {"fields": [{"name": "customer", "pattern": "Bill to", "required": True}]}
    template = (await world.make("/ocr-invoice-job-template", extractionRules=rules))["_id"]
    text = (
        "Invoice number: A-17",
        "Invoice date: 2026-02-03",
        "Bill to: Jansen",
        "Total 1.210,00",
    )
    job = await world.make("/ocr-invoice-job", template=template, documentUrl=pdf_url(*text))
    path = "/ocr-invoice-job/{id}/process"
    asked = await do(world, "post", path, job["_id"])
    assert asked == {"jobId": job["_id"], "status": "queued"}
    await recognition.read_due()
    found = await do(world, "get", "/ocr-invoice-job/{id}/results", job["_id"])
    invoice = found["extractedData"]["invoice"]
    assert (invoice["number"], invoice["date"]) == ("A-17", "2026-02-03")
    assert invoice["amounts"]["total"] == 1210
    assert found["validationResults"]["isValid"] is True
    (counted,) = await do(world, "get", "/ocr-invoice-job-group/{id}/jobs", job["group"])
    assert counted["status"] == "completed"

    page = await world.make("/ocr-invoice-job-page", job=job["_id"], pageUrl="data:;base64,AAAA")
    await do(world, "post", "/ocr-invoice-job-page/{id}/process", page["_id"])
    await recognition.read_due()
    shown = (await world.ask("get", "/ocr-invoice-job-page", page["_id"]))["data"]
    assert shown["status"] == "failed"
    assert "Tesseract" in shown["errorLog"]


def pdf_url(*lines: str) -> str:
    """Return a PDF with these lines as a data URL."""
    from reportlab.pdfgen.canvas import Canvas  # type: ignore[import-untyped]  # noqa: PLC0415

    out = BytesIO()
    canvas = Canvas(out)
    for place, line in enumerate(lines):
        canvas.drawString(72, 700 - 20 * place, line)
    canvas.save()
    return "data:application/pdf;base64," + b64encode(out.getvalue()).decode()


@pytest.mark.slow
async def test_documents_are_printed_behind_links(world: World) -> None:
    invoice = (await world.make("/fullinvoices"))["_id"]
    body = {"documentType": "invoice", "documentId": invoice, "options": {"watermark": "COPY"}}
    status, made = await world.door.ask("POST", "/quick-convert-to-pdf", json=body)
    world.contract.check("post", "/quick-convert-to-pdf", status, made)
    assert (made["pages"], made["size"] > 1000) == (1, True)
    path = made["pdfUrl"].partition(world.door.mount)[2]
    answer = await Door(world.door.app, world.door.mount, "").raw("GET", path)
    assert (await answer.get_data(as_text=False)).startswith(b"%PDF")
    assert (await world.door.ask("GET", path[:-4] + "0000"))[0] == 404
