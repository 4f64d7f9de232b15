"""The garage's own settings, its trail of changes, and what the law gives its customers."""

from __future__ import annotations

from gateway.backoffice import payments
from gateway.backoffice.access import ADMINS
from gateway.backoffice.action import Call, Section, in_shop, verb
from gateway.backoffice.catalogue.repair.customers import CUSTOMERS
from gateway.backoffice.catalogue.repair.shapes import FLAG, OPEN, TEXT, members
from gateway.backoffice.kinds import Choice, Document, Email, Flag, Text
from gateway.backoffice.nouns.garage import CHANGE, CHANNELS
from gateway.backoffice.profiles.repair import PAGED, REPAIR
from gateway.backoffice.resource import Field, Filter, Input, Operation, Resource, Shape
from gateway.backoffice.rules import erasure, garage, integrations

CHANGES = Resource(
    name="change",
    profile=PAGED,
    path="/v1/changes",
    shape=Shape(
        "Change",
        CHANGE,
        (
            Field("id"),
            Field("noun"),
            Field("record_id"),
            Field("action"),
            Field("changes"),
            Field("user_id"),
            Field("created_at"),
        ),
    ),
    ability="garage",
    roles={Operation.LIST: ADMINS},
    operations=frozenset({Operation.LIST}),
    filters=(Filter("noun"), Filter("record_id")),
)

RESOURCES = (CHANGES,)

_TEXTS = ("legal_name", "address", "place", "vat_number", "kvk_number", "iban", "phone", "email")

_SETTINGS = members(
    **dict.fromkeys(_TEXTS, TEXT),
    invoice_tickets=FLAG,
    opening_hours={"type": "object", "additionalProperties": TEXT},
    closed_on_holidays=FLAG,
    tell_customers={"type": "string", "enum": list(CHANNELS)},
    quiet_from=TEXT,
    quiet_until=TEXT,
    has_hook_secret=FLAG,
)


async def _new_secret(call: Call) -> object:
    sealer = call.outside.sealer
    return await call.write(lambda shop: garage.new_hook_secret(shop, sealer))


async def _pay_link(call: Call) -> object:
    sealer, service = call.outside.sealer, call.values["service"]
    settings = await call.read(lambda shop: integrations.enabled(shop, sealer, service))
    invoice = await call.read(lambda shop: shop.get("invoice", call.id()))
    return {"url": await payments.link(call.outside, settings, service, invoice)}


_SECTION = Section(REPAIR, "garage")

ACTIONS = (
    _SECTION.action(
        "GET",
        "getGarage",
        "/v1/garage",
        "The garage's own settings",
        _SETTINGS,
        in_shop(lambda shop, _: garage.shown(shop), writes=False),
    ),
    _SECTION.action(
        "PUT",
        "setGarage",
        "/v1/garage",
        "Change the garage's own settings",
        _SETTINGS,
        in_shop(garage.change),
        inputs=(
            *(Input(name, Text(255)) for name in ("legal_name", "address", "place")),
            Input("vat_number", Text(32)),
            Input("kvk_number", Text(16)),
            Input("iban", Text(42)),
            Input("phone", Text(64)),
            Input("email", Email()),
            Input("invoice_tickets", Flag()),
            Input("opening_hours", Document()),
            Input("closed_on_holidays", Flag()),
            Input("tell_customers", Choice(CHANNELS)),
            Input("quiet_from", Text(5)),
            Input("quiet_until", Text(5)),
        ),
        roles=ADMINS,
        also=("PATCH",),
    ),
    _SECTION.action(
        "POST",
        "newHookSecret",
        "/v1/garage/hook-secret",
        "A new secret for signing what others bring; shown this once",
        members(secret=TEXT),
        _new_secret,
        status=201,
        roles=ADMINS,
    ),
    _SECTION.action(
        "POST",
        "invoicePaymentLink",
        "/invoices/{id}/payment-link",
        "Where the customer pays what is outstanding",
        members(url=TEXT),
        _pay_link,
        inputs=(Input("service", Choice(("mollie", "stripe")), required=True),),
        ability="invoices:write",
        tag="invoices",
    ),
    verb(
        CUSTOMERS,
        "eraseCustomer",
        "erase",
        erasure.erase,
        summary="Make a customer anonymous (GDPR)",
        answer=members(message=TEXT, erased=OPEN),
        roles=ADMINS,
    ),
)
