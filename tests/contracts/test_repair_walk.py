"""Every operation of the repair contract against the running app, section by section.

Each is asked without a token (401), with one that may nothing (403), by another garage (404),
with nonsense (422), and as it is meant; every answer is held to the contract's schema and members.
"""

from __future__ import annotations

import base64
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

import pytest

from gateway.backoffice.catalogue import DECLARATIONS
from gateway.backoffice.openapi import document
from gateway.backoffice.profiles.repair import REPAIR
from gateway.backoffice.shop import Shop
from tests.gateway.backoffice.conftest import (  # noqa: F401 - fixtures
    Contract,
    Door,
    Tokens,
    app,
    contracts,
    elsewhere,
    in_shop,
    letters,
    outside,
    repair,
    shops,
    tokens,
)
from tests.gateway.backoffice.elsewhere import PNG

#: Operations of the contract that are not served; it must stay empty.
MISSING: set[str] = set()

#: Nobody needs an ability for these, only a token.
OWN = {"authLogout", "authMe", "listApiTokens", "createApiToken", "revokeApiToken"}

#: A garage has these of its own, whatever the path says.
SHARED = {
    "showIntegration",
    "updateIntegration",
    "testIntegration",
}

#: They do what their test of their own asks for: a password is needed.
ELSEWHERE = {"authLogin"}


#: Members that nothing is known of yet: identity does not note when a token was used.
UNKNOWN = {"listApiTokens": {"last_used_at"}}


@dataclass
class Ask:
    """How an operation is asked as it is meant."""

    path: dict[str, Any] = field(default_factory=dict)
    body: Any = None
    query: str = ""


@dataclass
class World:
    """A garage in which things can be made for an operation to work on."""

    door: Door
    in_shop: Callable[..., Awaitable[Any]]
    urls: str
    smtp: int
    made: int = 0

    async def make(self, path: str, **body: Any) -> Any:
        status, answer = await self.door.ask("POST", path, json=body)
        assert status in {200, 201}, (path, status, answer)
        return answer

    async def row(self, noun: str, **values: Any) -> int:
        def insert(shop: Shop) -> int:
            return shop.insert(noun, values)

        number: int = await self.in_shop(insert)
        return number

    async def customer(self) -> int:
        self.made += 1
        email = f"c{self.made}@example.test"
        return int((await self.make("/customers", first_name="Jan", email=email))["id"])

    async def order(self) -> int:
        return int((await self.make("/work-orders", customer_id=await self.customer()))["id"])

    async def line(self) -> dict[str, Any]:
        order = await self.order()
        body = {"description": "Hour", "unit_price": 50}
        line = await self.make(f"/work-orders/{order}/lines", **body)
        return {"id": order, "line_id": line["id"]}

    async def completed(self) -> int:
        order = (await self.line())["id"]
        for status in ("in_repair", "completed"):
            change = {"status": status}
            code, answer = await self.door.ask("PATCH", f"/work-orders/{order}", json=change)
            assert code == 200, answer
        return int(order)

    async def product(self, stock: int = 0) -> int:
        body = {"name": "Part", "price_excl": 10, "purchase_price": 5, "stock_quantity": stock}
        return int((await self.make("/products", **body))["id"])

    async def invoice(self, *, sent: bool = False) -> int:
        lines = [{"description": "x", "qty": 1, "unit_price": 100}]
        day = f"{date.today():%Y-%m-%d}"  # noqa: DTZ011 - any day will do
        customer = await self.customer()
        body = {"customer_id": customer, "invoice_date": day, "lines": lines}
        number = int((await self.make("/invoices", **body))["id"])
        if sent:
            await self.make(f"/invoices/{number}/send")
        return number

    async def quotation(self, *, sent: bool = False) -> int:
        lines = [{"description": "x", "qty": 2, "unit_price": 40}]
        customer = await self.customer()
        made = await self.make("/v1/quotations", customer_id=customer, lines=lines)
        if sent:
            await self.mail_server()
            await self.make(f"/v1/quotations/{made['id']}/send")
        return int(made["id"])

    async def credit_note(self) -> int:
        lines = [{"description": "x", "qty": 1, "unit_price": 40}]
        invoice = await self.invoice(sent=True)
        body = {"invoice_id": invoice, "reason": "Too much", "lines": lines}
        return int((await self.make("/v1/credit-notes", **body))["id"])

    async def recurring(self) -> int:
        lines = [{"description": "x", "qty": 1, "unit_price": 40}]
        day = (date(2026, 12, 31) + timedelta(days=3650)).isoformat()
        body = {"customer_id": await self.customer(), "frequency": "monthly", "lines": lines}
        return int((await self.make("/v1/recurring-invoices", next_run_date=day, **body))["id"])

    async def mail_server(self) -> None:
        body = {"host": "127.0.0.1", "port": self.smtp, "encryption": "none", "username": "u"}
        body |= {"from_address": "garage@example.test"}
        status, answer = await self.door.ask("PUT", "/v1/email/config", json=body)
        assert status == 200, answer

    async def employee(self) -> int:
        self.made += 1
        body = {"name": "E", "email": f"e{self.made}@example.test", "role": "employee"}
        return int((await self.make("/employees", **body))["id"])

    async def bin(self) -> str:
        self.made += 1
        return str((await self.make("/warehouse/bins", code=f"A-01-{self.made:02}"))["code"])

    async def pick_list(self) -> int:
        return int((await self.make("/pick-lists", work_order_id=await self.with_part()))["id"])

    async def with_part(self) -> int:
        order, product = await self.order(), await self.product(5)
        body = {"description": "Part", "unit_price": 10, "product_id": product}
        await self.make(f"/work-orders/{order}/lines", **body)
        return order

    async def purchase(self) -> dict[str, int]:
        product = await self.product()
        self.made += 1
        order = await self.row("purchase_order", number=f"PO-2026-{self.made:04}")
        line = {"purchase_order_id": order, "product_id": product, "ordered_qty": 5}
        return {"order": order, "line": await self.row("purchase_order_line", **line)}

    async def leave(self) -> dict[str, Any]:
        kinds = (await self.door.ask("GET", "/leave/types"))[1]
        self.made += 1
        day = date(2027, 1, 4) + timedelta(days=7 * self.made)
        return {
            "employee_id": 1,
            "leave_type_id": kinds[1]["id"],
            "start_date": day.isoformat(),
            "end_date": (day + timedelta(days=2)).isoformat(),
        }

    async def requested(self) -> int:
        return int((await self.make("/leave", **await self.leave()))["id"])

    async def licence(self) -> int:
        known = (await self.door.ask("GET", "/licenses"))[1]
        body = {"license_type": "AUTO", "tier": "enterprise", "valid_from": "2020-01-01"}
        body |= {"valid_until": "2099-01-01"}
        return int(known[0]["id"] if known else (await self.make("/licenses", **body))["id"])

    async def agreement(self) -> dict[str, Any]:
        body = {"customer_id": await self.customer(), "service_id": await self.product()}
        return body | {"agreed_price": 89, "valid_from": "2020-01-01"}

    async def agreed(self) -> int:
        return int((await self.make("/pricing/agreements", **await self.agreement()))["id"])

    async def rule(self) -> int:
        actions = [{"type": "add_note", "params": {"note": "n"}}]
        body = {"name": "R", "trigger": "wo_created"}
        return int((await self.make("/v1/automation-rules", actions=actions, **body))["id"])

    async def claim(self) -> int:
        body = {"work_order_id": await self.completed(), "description": "Broken"}
        return int((await self.make("/v1/warranty", **body))["id"])

    async def notice(self) -> int:
        return await self.row("notification", user_id=1, type="system", title="T", body="B")

    async def tutorial(self) -> dict[str, int]:
        await self.make("/v1/tutorials/seed")
        first = (await self.door.ask("GET", "/v1/tutorials"))[1][0]["id"]
        shown = (await self.door.ask("GET", f"/v1/tutorials/{first}"))[1]
        return {"id": first, "step": shown["steps"][0]["id"]}

    async def integration(self, slug: str, **config: str) -> None:
        body = {"config": config, "is_enabled": True}
        status, answer = await self.door.ask("PUT", f"/integrations/{slug}", json=body)
        assert status == 200, answer

    async def ups(self) -> None:
        body = {"client_id": "c", "client_secret": "s", "account_number": "A1"}
        await self.integration("ups", **body)
        await self.make("/v1/branches", name="Main", address="Dorpstraat 1, 2801 AB Gouda")

    async def parcel(self) -> dict[str, Any]:
        await self.ups()
        return dict(await self.make("/ups/labels", **LABEL))

    async def pbx(self) -> None:
        await self.integration("3cx", api_url=self.urls, api_key="k")

    async def twilio(self) -> None:
        body = {"account_sid": "AC1", "auth_token": "t", "from_number": "+31970"}
        await self.integration("twilio", **body)

    async def thread(self) -> int:
        await self.mail_server()
        return int((await self.make("/v1/email/send", **LETTER))["thread_id"])


LABEL = {
    "ship_to_name": "Jan",
    "ship_to_address": "Kerkstraat 1",
    "ship_to_city": "Utrecht",
    "ship_to_postal": "3511AA",
}
LETTER = {"to": "jan@example.test", "subject": "Hello", "body_html": "<p>Hi</p>"}
_SIGNED = base64.b64encode(PNG).decode()

Recipe = Callable[[World], Awaitable[Ask]]


def _plain(**body: Any) -> Recipe:
    async def ask(_: World) -> Ask:
        return Ask(body=body or None)

    return ask


def _of(make: Callable[[World], Awaitable[Any]], **body: Any) -> Recipe:
    async def ask(world: World) -> Ask:
        made = await make(world)
        ids = (
            {key: made[key] for key in ("id", "line_id") if key in made}
            if isinstance(made, dict)
            else {"id": made}
        )
        return Ask(ids, body or None)

    return ask


def _after(
    make: Callable[[World], Awaitable[Any]], path: Any = None, query: str = "", **body: Any
) -> Recipe:
    async def ask(world: World) -> Ask:
        await make(world)
        return Ask(path or {}, body or None, query)

    return ask


def _with(**makers: Any) -> Recipe:
    """Body members: callables make an id, anything else is the value."""

    async def ask(world: World) -> Ask:
        body = {
            name: await made(world) if callable(made) else made for name, made in makers.items()
        }
        return Ask(body=body)

    return ask


_LINES = [{"description": "x", "qty": 1, "unit_price": 100}]


async def _receive(world: World) -> Ask:
    made = await world.purchase()
    lines = [{"po_line_id": made["line"], "received_qty": 2}]
    return Ask({"purchase_order_id": made["order"]}, {"reference": "D1", "lines": lines})


async def _transfer(world: World) -> Ask:
    product, first, second = await world.product(), await world.bin(), await world.bin()
    await world.make("/stock/adjust", product_id=product, quantity=5, bin=first)
    body = {"product_id": product, "quantity": 2, "from_bin": first, "to_bin": second}
    return Ask(body=body)


async def _entry(world: World) -> Ask:
    accounts = (await world.door.ask("GET", "/general-ledger/accounts"))[1]
    one, two = accounts[0]["id"], accounts[1]["id"]
    lines = [{"account_id": one, "debit": 5}, {"account_id": two, "credit": 5}]
    return Ask(body={"date": "2026-11-01", "lines": lines})


async def _show_entry(world: World) -> Ask:
    entry = await world.make("/general-ledger/entries", **(await _entry(world)).body)
    return Ask({"id": entry["id"]})


async def _period(world: World, *, file: bool = False) -> Ask:
    row = await world.row("vat_period", year=2025 if file else 2024, quarter=1)
    return Ask({"id": row})


async def _file(world: World) -> Ask:
    return await _period(world, file=True)


async def _leave(world: World) -> Ask:
    return Ask(body=await world.leave())


async def _module(world: World) -> Ask:
    return Ask({"id": await world.licence(), "module_key": "warehouse"})


async def _license(world: World) -> Ask:
    body = {"license_type": "MARINE", "tier": "enterprise", "valid_from": "2020-01-01"}
    return Ask(body=body | {"valid_until": "2099-01-01"})


async def _trial(world: World) -> Ask:
    return Ask({"id": await world.licence()})


async def _step(world: World) -> Ask:
    made = await world.tutorial()
    return Ask(body={"tutorial_id": made["id"], "step_id": made["step"]})


async def _step_by_id(world: World) -> Ask:
    made = await world.tutorial()
    return Ask({"id": made["id"]}, {"step_id": made["step"]})


async def _a_tutorial(world: World) -> Ask:
    return Ask({"id": (await world.tutorial())["id"]})


async def _price(world: World) -> Ask:
    body = await world.agreement()
    return Ask(query=f"?customer_id={body['customer_id']}&service_id={body['service_id']}")


async def _agreement(world: World) -> Ask:
    return Ask(body=await world.agreement())


async def _contract(world: World) -> Ask:
    number = await world.agreed()
    await world.make(f"/pricing/agreements/{number}/contract")
    return Ask({"id": number})


async def _track(world: World) -> Ask:
    return Ask({"tracking_number": (await world.parcel())["tracking_number"]})


async def _parcel(world: World) -> Ask:
    return Ask({"id": (await world.parcel())["id"]})


async def _mail_setting(world: World) -> Ask:
    body = {"provider": "smtp", "email_address": "me@example.test", "smtp_host": "127.0.0.1"}
    status, _ = await world.door.ask("PUT", "/employees/1/email-config", json=body)
    assert status == 200
    return Ask({"id": 1})


async def _assistant(world: World) -> Ask:
    status, _ = await world.door.ask("PUT", "/ai/config", json={"enabled": True})
    assert status == 200
    await world.integration("openai", api_key="k")
    body = {"device_brand": "VW", "device_model": "Golf", "symptoms": "Will not start"}
    return Ask(body=body | {"customer_type": "individual"})


async def _policy(world: World, path: str, **body: Any) -> Ask:
    return Ask({"id": (await world.make(path, **body))["id"]}, {"name": "New"})


def _made(path: str, **body: Any) -> Callable[[World], Awaitable[int]]:
    async def make(world: World) -> int:
        return int((await world.make(path, **body))["id"])

    return make


_BRANCH = _made("/v1/branches", name="B")
_TASK = _made("/v1/tasks", title="T")
_RATE = _made("/tax-rates", name="Margin", rate=7)
_WARRANTY = _made("/v1/warranty/policies", name="W", duration_days=90)
_SLA = _made("/v1/sla/policies", name="S", response_hours=1, resolution_hours=2)
_SMS = _made("/v1/sms/templates", name="T", body="Hi {{customer_name}}")
_MAIL = _made("/v1/email/templates", name="T", subject="S", body_html="<p>{{ticket_no}}</p>")


async def _two_branches(world: World) -> int:
    await _BRANCH(world)
    return await _BRANCH(world)


async def _new_token(world: World) -> int:
    await world.make("/tokens", name="second")
    return int((await world.door.ask("GET", "/tokens"))[1][0]["id"])


async def _sent_invoice(world: World) -> int:
    return await world.invoice(sent=True)


async def _sent_quotation(world: World) -> int:
    return await world.quotation(sent=True)


async def _quotation_to_send(world: World) -> int:
    await world.mail_server()
    return await world.quotation()


_I, _Q = World.invoice, World.quotation
_PAID = {"amount": 1, "paid_on": "2026-11-01"}

#: operationId -> how it is asked; those that need nothing are not here.
RECIPES: dict[str, Recipe] = {
    "createApiToken": _plain(name="t"),
    "revokeApiToken": _of(_new_token),
    "createWorkOrder": _with(customer_id=World.customer),
    **dict.fromkeys(
        (
            "showWorkOrder", "deleteWorkOrder", "listWorkOrderLines", "listWorkOrderNotes",
            "listTimeline",
        ),
        _of(World.order),
    ),
    "updateWorkOrder": _of(World.order, priority="high"),
    "addWorkOrderLine": _of(World.order, description="x", unit_price=1),
    "updateWorkOrderLine": _of(World.line, description="y"),
    "deleteWorkOrderLine": _of(World.line),
    "addWorkOrderNote": _of(World.order, note="n"),
    "addTimelineNote": _of(World.order, note="n"),
    "createCustomer": _plain(first_name="Jan"),
    **dict.fromkeys(("showCustomer", "deleteCustomer"), _of(World.customer)),
    "updateCustomer": _of(World.customer, last_name="Smit"),
    "createInvoice": _with(customer_id=World.customer, invoice_date="2026-11-01", lines=_LINES),
    **dict.fromkeys(
        ("showInvoice", "deleteInvoice", "sendInvoice", "cancelInvoice", "invoicePdf"), _of(_I)
    ),
    "updateInvoice": _of(_I, lines=_LINES),
    "recordInvoicePayment": _of(_sent_invoice, **_PAID),
    "createProduct": _plain(name="P", price_excl=1),
    **dict.fromkeys(("showProduct", "deleteProduct"), _of(World.product)),
    "updateProduct": _of(World.product, name="Q"),
    "adjustStock": _with(product_id=World.product, quantity=3),
    "createBin": _plain(code="B-01-01"),
    "transferStock": _transfer,
    "receivePurchaseOrder": _receive,
    "receiveDirect": _with(product_id=World.product, quantity=2),
    "createPickList": _with(work_order_id=World.with_part),
    **dict.fromkeys(("showPickList", "completePickList"), _of(World.pick_list)),
    "createLedgerAccount": _plain(code="4000", name="Huur", type="expense"),
    "createJournalEntry": _entry,
    "showJournalEntry": _show_entry,
    "showVatPeriod": _period,
    "fileVatPeriod": _file,
    "createEmployee": _plain(name="E", email="new@example.test", role="employee"),
    **dict.fromkeys(("showEmployee", "deleteEmployee"), _of(World.employee)),
    "updateEmployee": _of(World.employee, name="F"),
    "requestLeave": _leave,
    **dict.fromkeys(("approveLeave", "rejectLeave", "cancelLeave"), _of(World.requested)),
    "createLicense": _license,
    **dict.fromkeys(("showLicense", "activateLicense", "listLicenseModules"), _trial),
    "changeLicenseTier": _of(World.licence, tier="enterprise"),
    "activateLicenseModule": _of(World.licence, module_key="warehouse"),
    **dict.fromkeys(("deactivateLicenseModule", "checkLicenseModule"), _module),
    "createUpsLabel": _after(World.ups, **LABEL),
    "trackUps": _track,
    **dict.fromkeys(("downloadUpsLabel", "voidUpsLabel"), _parcel),
    "checkVatNumber": _plain(vat_number="NL004495445B01"),
    "globalSearch": _after(World.customer, query="?q=jan"),
    **dict.fromkeys(("readNotification", "deleteNotification"), _of(World.notice)),
    "setNotificationPreferences": _plain(preferences={"wo_assigned": ["email"]}),
    "testNotification": _plain(channel="in_app"),
    **dict.fromkeys(("showTutorial", "resetTutorial"), _a_tutorial),
    "completeTutorialStep": _step,
    "completeTutorialStepById": _step_by_id,
    "setTutorialSettings": _plain(tutorials_enabled=False),
    "createQuotation": _with(customer_id=World.customer, lines=_LINES),
    **dict.fromkeys(("showQuotation", "deleteQuotation", "quotationToWorkOrder"), _of(_Q)),
    "updateQuotation": _of(_Q, notes="n"),
    "sendQuotation": _of(_quotation_to_send),
    **dict.fromkeys(("quotationToInvoice", "rejectQuotation"), _of(_sent_quotation)),
    "createTask": _plain(title="T"),
    **dict.fromkeys(("showTask", "deleteTask"), _of(_TASK)),
    "updateTask": _of(_TASK, status="done"),
    "reorderTask": _with(task_id=_TASK, position=0, status="done"),
    "createAutomationRule": _plain(
        name="R", trigger="wo_idle", actions=[{"type": "notify", "params": {"message": "m"}}]
    ),
    **dict.fromkeys(
        (
            "showAutomationRule", "deleteAutomationRule", "toggleAutomationRule",
            "listAutomationRuns",
        ),
        _of(World.rule),
    ),
    "updateAutomationRule": _of(World.rule, name="S"),
    "createWarrantyClaim": _with(work_order_id=World.completed, description="d"),
    **dict.fromkeys(("showWarrantyClaim", "approveWarrantyClaim"), _of(World.claim)),
    "updateWarrantyClaim": _of(World.claim, description="e"),
    "rejectWarrantyClaim": _of(World.claim, reason="r"),
    "createWarrantyPolicy": _plain(name="W", duration_days=90),
    "updateWarrantyPolicy": _of(_WARRANTY, name="V"),
    "deleteWarrantyPolicy": _of(_WARRANTY),
    "createSlaPolicy": _plain(name="S", response_hours=1, resolution_hours=2),
    "updateSlaPolicy": _of(_SLA, name="T"),
    "deleteSlaPolicy": _of(_SLA),
    "createCreditNote": _with(invoice_id=_sent_invoice, reason="r", lines=_LINES),
    **dict.fromkeys(
        ("showCreditNote", "deleteCreditNote", "applyCreditNote"), _of(World.credit_note)
    ),
    "updateCreditNote": _of(World.credit_note, reason="s"),
    "createRecurringInvoice": _with(
        customer_id=World.customer, frequency="monthly", next_run_date="2099-01-31", lines=_LINES
    ),
    **dict.fromkeys(
        ("showRecurringInvoice", "deleteRecurringInvoice", "runRecurringInvoice"),
        _of(World.recurring),
    ),
    "updateRecurringInvoice": _of(World.recurring, auto_send=True),
    "createBranch": _plain(name="B"),
    "showBranch": _of(_BRANCH),
    "updateBranch": _of(_BRANCH, name="C"),
    "deleteBranch": _of(_two_branches),
    "pbxStatus": _after(World.pbx),
    "listPbxQueue": _after(World.pbx),
    "setPbxConfig": _plain(api_key="k"),
    "setPbxExtension": _plain(user_id=1, extension="101"),
    "sendSms": _after(World.twilio, phone="+31612345678", body="Hi"),
    "createSmsTemplate": _plain(name="T", body="Hi {{customer_name}}"),
    "updateSmsTemplate": _of(_SMS, name="U"),
    "deleteSmsTemplate": _of(_SMS),
    "sendSmsBulk": _after(World.twilio, body="Hi"),
    "setEmailConfig": _plain(host="mail.example.test", port=587, username="u"),
    "showEmailThread": _of(World.thread),
    "sendEmail": _after(World.mail_server, **LETTER),
    "createEmailTemplate": _plain(name="T", subject="S", body_html="<p>x</p>"),
    "updateEmailTemplate": _of(_MAIL, name="U"),
    "deleteEmailTemplate": _of(_MAIL),
    "aiDiagnose": _assistant,
    "setAiConfig": _plain(max_suggestions=3),
    "createTaxRate": _plain(name="Margin", rate=7),
    **dict.fromkeys(("showTaxRate", "deleteTaxRate", "setDefaultTaxRate"), _of(_RATE)),
    "updateTaxRate": _of(_RATE, name="M"),
    "checkPrice": _price,
    "createPriceAgreement": _agreement,
    **dict.fromkeys(
        (
            "showPriceAgreement", "deletePriceAgreement", "activatePriceAgreement",
            "generatePriceContract",
        ),
        _of(World.agreed),
    ),
    "updatePriceAgreement": _of(World.agreed, agreed_price=80),
    "signPriceAgreement": _of(World.agreed, signature_data=_SIGNED),
    "downloadPriceContract": _contract,
    **dict.fromkeys(
        ("showIntegration", "testIntegration"), _after(_TASK, {"slug": "mollie"})
    ),
    "updateIntegration": _after(_TASK, {"slug": "mollie"}, config={"api_key": "test_1"}),
    **dict.fromkeys(
        ("getEmployeePhone", "getEmployeeEmail"), _after(_TASK, {"id": 1})
    ),
    "setEmployeePhone": _after(_TASK, {"id": 1}, extension="102"),
    "setEmployeeEmail": _after(_TASK, {"id": 1}, provider="smtp"),
    "testEmployeeEmail": _mail_setting,
}  # fmt: skip


def _operations() -> dict[str, list[tuple[str, str, dict[str, Any]]]]:
    """Return section -> its operations."""
    sections: dict[str, list[tuple[str, str, dict[str, Any]]]] = {}
    for path, methods in Contract("repair").document["paths"].items():
        for method in ("get", "post", "put", "patch", "delete"):
            if method in methods:
                operation = methods[method]
                sections.setdefault(operation["tags"][0], []).append((method, path, operation))
    return sections


SECTIONS = _operations()


def test_every_operation_is_served(capsys: pytest.CaptureFixture[str]) -> None:
    served = document(REPAIR, DECLARATIONS, "1.0")["paths"]
    shapes = {
        ("/".join("{}" if s.startswith("{") else s for s in path.split("/")), method)
        for path, methods in served.items()
        for method in methods
    }
    missing = {
        operation["operationId"]
        for operations in SECTIONS.values()
        for method, path, operation in operations
        if ("/".join("{}" if s.startswith("{") else s for s in path.split("/")), method)
        not in shapes
    }
    total = sum(map(len, SECTIONS.values()))
    with capsys.disabled():
        print(f"\nrepair: {total - len(missing)} of {total} operations")  # noqa: T201 - the count is the news
    assert (missing, total) == (MISSING, 220)


def _filled(path: str, ask: Ask) -> str:
    for name, value in ask.path.items():
        path = path.replace(f"{{{name}}}", str(value))
    return path + ask.query


def _nonsense(operation: dict[str, Any]) -> dict[str, Any]:
    schema = operation["requestBody"]["content"]["application/json"]["schema"]
    return {name: {"no": ["sense"]} for name in schema.get("properties", {})}


@pytest.mark.slow
@pytest.mark.parametrize("section", SECTIONS)
async def test_walk(  # noqa: C901 - one question after the other
    section: str,
    repair: Door,  # noqa: F811 - the fixture
    tokens: Tokens,  # noqa: F811
    in_shop: Any,  # noqa: F811
    elsewhere: Any,  # noqa: F811
    letters: Any,  # noqa: F811
    contracts: Any,  # noqa: F811
) -> None:
    contract = contracts("repair")
    world = World(repair, in_shop, elsewhere.url, letters.port)
    nobody = Door(repair.app, repair.mount, "1|nobody")
    useless = Door(repair.app, repair.mount, await tokens.grant("repair", abilities=("nothing",)))
    foreign = Door(repair.app, repair.mount, await tokens.grant("repair", tenant_id=2))
    wrong: list[object] = []
    last = [one for one in SECTIONS[section] if one[2]["operationId"] == "authLogout"]
    others = [one for one in SECTIONS[section] if one not in last]
    for method, path, operation in [*others, *last]:
        name = operation["operationId"]
        if name in ELSEWHERE:
            continue
        ask = await RECIPES[name](world) if name in RECIPES else Ask()
        address, verb = _filled(path, ask), method.upper()

        async def expect(door: Door, status: int, **body: Any) -> None:
            found, answer = await door.ask(verb, address, **body)  # noqa: B023
            if found != status:
                wrong.append((name, status, found, answer))  # noqa: B023
            elif str(status) in operation["responses"]:  # noqa: B023
                contract.check(method, path, status, answer)  # noqa: B023

        body = {} if ask.body is None else {"json": ask.body}
        await expect(nobody, 401, **body)
        if name not in OWN:
            await expect(useless, 403, **body)
        if "{" in path and name not in SHARED:
            await expect(foreign, 404, **body)
        if "requestBody" in operation and "422" in operation["responses"]:
            await expect(repair, 422, json=_nonsense(operation))
        await _as_meant(repair, contract, (method, path, operation), ask, wrong)
    assert not wrong, "\n".join(map(str, wrong))


async def _as_meant(
    door: Door,
    contract: Contract,
    what: tuple[str, str, dict[str, Any]],
    ask: Ask,
    wrong: list[object],
) -> None:
    method, path, operation = what
    address, name = _filled(path, ask), operation["operationId"]
    meant = next(int(status) for status in operation["responses"] if status.startswith("2"))
    body = {} if ask.body is None else {"json": ask.body}
    response = await door.raw(method.upper(), address, **body)
    data = await response.get_data(as_text=False)
    if response.status_code != meant:
        wrong.append((name, meant, response.status_code, data[:300]))
        return
    if "application/pdf" in operation["responses"][str(meant)].get("content", {}):
        assert data.startswith(b"%PDF"), name
        return
    answer = await response.get_json(force=True) if data else None
    try:
        contract.check(method, path, meant, answer)
    except AssertionError as error:
        wrong.append((name, str(error)[:600]))
    lacking = _absent(contract, operation["responses"][str(meant)], answer)
    if lacking != UNKNOWN.get(name, set()):
        wrong.append((name, "lacks", lacking))
    names = {parameter.get("name") for parameter in operation.get("parameters", ())}
    if method == "get" and "page" in names:
        status, second = await door.ask("GET", f"{address}?page=2")
        if (status, second.get("current_page")) != (200, 2):
            wrong.append((name, "page 2", status, second))
        if (await door.ask("GET", f"{address}?page=0"))[0] != 422:
            wrong.append((name, "page 0"))


def _absent(contract: Contract, response: dict[str, Any], answer: Any) -> set[str]:
    """Return members that the contract names and the answer lacks."""
    schema = response.get("content", {}).get("application/json", {}).get("schema", {})
    shown = answer
    if schema.get("type") == "array":
        schema, shown = schema["items"], next(iter(answer), None)
    called = schema.get("$ref", "").rpartition("/")[2]
    if called.endswith("Page"):
        called, shown = called.removesuffix("Page"), next(iter(answer["data"]), None)
    if called and shown is not None and called != "Message":
        return contract.absent(called, shown)
    return set(schema.get("properties", {})) - set(shown or ()) if shown is answer else set()


def test_recipes_are_of_the_contract() -> None:
    known = {operation["operationId"] for ops in SECTIONS.values() for *_, operation in ops}
    assert RECIPES.keys() <= known
    assert known >= OWN | SHARED | ELSEWHERE
