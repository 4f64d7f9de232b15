"""The garage, its people and its invoices (contracts/planner.yaml, Company, Users, Invoices)."""

from __future__ import annotations

from gateway.backoffice.access import ADMINS
from gateway.backoffice.action import Call, Section, in_shop
from gateway.backoffice.catalogue.planner.shapes import (
    NULL_WHOLE,
    OPEN,
    STAMPS,
    TEXT,
    USER_SHAPE,
    WHOLE,
)
from gateway.backoffice.kinds import Number, Schema
from gateway.backoffice.moments import DayEdge
from gateway.backoffice.nouns.paperwork import INVOICE, INVOICE_LINE
from gateway.backoffice.nouns.planning import PLANNER_SETTING
from gateway.backoffice.profiles.planner import PLANNER, SIMPLE
from gateway.backoffice.resource import (
    READING,
    Computed,
    Field,
    Filter,
    Input,
    Match,
    Nested,
    Operation,
    Relation,
    Resource,
    Row,
    Shape,
    to_many,
)
from gateway.backoffice.rules.planner import company

_MONEY = Number(2)
_LINE = Shape(
    "InvoiceLine",
    INVOICE_LINE,
    tuple(Field(name) for name in ("id", "description", "quantity", "unit_price", "vat_rate")),
)


def _vat(row: Row) -> object:
    return row.values["total_incl"] - row.values["total_excl"]


def _appointment(row: Row) -> object:
    found = row.one("appointment")
    return None if found is None else found.values["id"]


INVOICE_SHAPE = Shape(
    "Invoice",
    INVOICE,
    (
        Field("id"),
        Field("company_id", "tenant_id"),
        Field("client_id", "customer_id"),
        Computed("appointment_id", NULL_WHOLE, _appointment),
        # Drafts have none yet.
        Field("invoice_number", empty=""),
        Field("status"),
        Field("invoice_date"),
        Field("due_date"),
        Nested("lines", "lines", _LINE),
        Field("total_excl"),
        Computed("total_vat", _MONEY.schema(), _vat),
        Field("total_incl"),
        *STAMPS,
    ),
    (
        # The visit whose work order was billed.
        Relation("appointment", "appointment", "work_order_id", "work_order_id"),
        to_many("lines", "invoice_line", "invoice_id"),
    ),
)

INVOICES = Resource(
    name="invoice",
    profile=SIMPLE,
    path="/invoice",
    shape=INVOICE_SHAPE,
    ability="invoices",
    operations=READING,
    filters=(
        # From that day on: clients ask for what is new.
        Filter("created_at", match=Match.FROM, kind=DayEdge()),
        Filter("updated_at", match=Match.FROM, kind=DayEdge()),
    ),
    order=("id",),
)

USERS = Resource(
    name="user",
    profile=SIMPLE,
    path="/user",
    shape=USER_SHAPE,
    ability="users",
    operations=frozenset({Operation.LIST}),
    only=(("enabled", True),),
    order=("id",),
)

RESOURCES = (INVOICES, USERS)

_COMPANY: Schema = {
    "type": "object",
    "properties": {"id": WHOLE, "name": TEXT, "settings": OPEN},
    "required": ["id", "name", "settings"],
}


async def _redirect(call: Call) -> object:
    page = call.path.get("page", "")
    return await call.read(lambda shop: company.redirect(shop, page, PLANNER.mount))


_SECTION = Section(PLANNER, "company")

ACTIONS = (
    _SECTION.action(
        "GET",
        "showCompany",
        "/company",
        "The garage and how it plans",
        _COMPANY,
        in_shop(company.show, writes=False),
    ),
    _SECTION.action(
        "PUT",
        "updateCompany",
        "/company",
        "Change how the garage plans",
        _COMPANY,
        in_shop(company.change),
        inputs=tuple(Input(column.name, column.kind) for column in PLANNER_SETTING.columns),
        roles=ADMINS,
        also=("PATCH",),
    ),
    _SECTION.action(
        "GET",
        "companyRedirect",
        "/company-redirect/{page}",
        "The way to a page of the garage's web application",
        {"type": "string"},
        _redirect,
        status=302,
        aliases=("/company-redirect",),
        media="text/html",
    ),
)
