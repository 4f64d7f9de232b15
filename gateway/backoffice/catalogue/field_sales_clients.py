"""Clients as the field-sales API spells them (contracts/field_sales.yaml, client)."""

from __future__ import annotations

from gateway.backoffice.catalogue.nouns import CUSTOMER, INVOICE_ADDRESS
from gateway.backoffice.kinds import Identifier, Schema
from gateway.backoffice.moments import EpochMillis
from gateway.backoffice.profiles.field_sales import LINKS
from gateway.backoffice.resource import (
    READING,
    Computed,
    Field,
    Filter,
    Match,
    Resource,
    Row,
    Shape,
)
from gateway.backoffice.rules import customers

_ID = Identifier(hexadecimal=True)
_TEXT: Schema = {"type": "string"}


def _part(name: str, column: str) -> Computed:
    def value(row: Row) -> object:
        address = row.one("invoice_address")
        return None if address is None else address.values[column] or None

    return Computed(name, _TEXT, value)


def _formatted(row: Row) -> object:
    address = row.one("invoice_address")
    if address is None:
        return None
    values = dict(address.values)
    town = " ".join(part for part in (values["zipcode"], values["city"]) if part)
    return ", ".join(part for part in (customers.address_line(values), town) if part) or None


SHAPE = Shape(
    "ClientSchema",
    CUSTOMER,
    (
        Field("_id", "id", kind=_ID),
        Computed("name", _TEXT, lambda row: customers.full_name(dict(row.values))),
        Field("local_name"),
        Computed("client_code", _TEXT, lambda row: str(row.values["client_number"])),
        Field("cell_phone", "mobile_phone"),
        Field("phone"),
        Field("email"),
        Field("website"),
        Field("tax_number", "vat_number"),
        Field("credit_limit"),
        Field("payment_type"),
        Field("comment", "note"),
        Field("status"),
        Field("disabled"),
        Field("customFields", "custom_fields"),
        Computed("formatted_address", _TEXT, _formatted),
        _part("city", "city"),
        _part("zip", "zipcode"),
        _part("state", "state"),
        _part("country", "country"),
        Computed(
            "company_namespace",
            {"type": "array", "items": _TEXT},
            lambda row: [str(row.values["tenant_id"])],
        ),
        Field("createdAt", "created_at"),
        Field("updatedAt", "updated_at"),
    ),
    (INVOICE_ADDRESS,),
)

CLIENTS = Resource(
    name="client",
    profile=LINKS,
    path="/client",
    shape=SHAPE,
    ability="client",
    operations=READING,
    filters=(
        Filter("_id", ("id",), Match.ANY, _ID),
        Filter("from__id", ("id",), Match.ABOVE, _ID),
        Filter("to__id", ("id",), Match.BELOW, _ID),
        Filter("from_updatedAt", ("updated_at",), Match.ABOVE, EpochMillis()),
        Filter("to_updatedAt", ("updated_at",), Match.BELOW, EpochMillis()),
        Filter("client_code", ("client_number",), Match.ANY),
        Filter("tax_number", ("vat_number",), Match.ANY),
        Filter("status", match=Match.ANY),
        Filter("disabled"),
        Filter(
            "search", ("first_name", "last_name", "company_name", "email", "phone"), Match.SEARCH
        ),
    ),
    sortable={"_id": "id", "updatedAt": "updated_at", "client_code": "client_number"},
    order=("id",),
)

RESOURCES = (CLIENTS,)
