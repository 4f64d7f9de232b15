"""Customers as the repair API spells them (contracts/repair.yaml, Customers)."""

from __future__ import annotations

from gateway.backoffice.catalogue.nouns import CUSTOMER, INVOICE_ADDRESS
from gateway.backoffice.kinds import Text
from gateway.backoffice.profiles.repair import PAGED
from gateway.backoffice.resource import (
    Computed,
    Field,
    Filter,
    Input,
    Match,
    Operation,
    Resource,
    Row,
    Shape,
    Write,
)
from gateway.backoffice.rules import customers

_NULL_TEXT = {"type": ["string", "null"]}


def _part(name: str, column: str) -> Computed:
    def value(row: Row) -> object:
        address = row.one("invoice_address")
        return None if address is None else address.values[column] or None

    return Computed(name, _NULL_TEXT, value)


def _line(row: Row) -> object:
    address = row.one("invoice_address")
    return None if address is None else customers.address_line(dict(address.values)) or None


SHAPE = Shape(
    "Customer",
    CUSTOMER,
    (
        Field("id"),
        Field("first_name", required=True),
        Field("last_name"),
        Field("email"),
        Field("phone"),
        Computed("address", _NULL_TEXT, _line),
        _part("city", "city"),
        _part("postal_code", "zipcode"),
        Field("company_id", "tenant_id", write=Write.NEVER),
        Computed("name", {"type": "string"}, lambda row: customers.full_name(dict(row.values))),
        Field("is_business"),
        Field("vat_number"),
        Field("business_discount_pct"),
        Field("created_at"),
    ),
    (INVOICE_ADDRESS,),
)

CUSTOMERS = Resource(
    name="customer",
    profile=PAGED,
    path="/customers",
    shape=SHAPE,
    ability="customers",
    roles={Operation.REMOVE: frozenset({"owner", "manager", "api"})},
    filters=(
        Filter(
            "q",
            ("first_name", "last_name", "company_name", "email", "phone", "mobile_phone"),
            Match.SEARCH,
        ),
        Filter("company_id", ("tenant_id",)),
    ),
    inputs=(
        Input("address", Text(255)),
        Input("city", Text(100)),
        Input("postal_code", Text(16)),
    ),
    create=customers.create_customer,
    change=customers.change_customer,
    remove=customers.remove_customer,
)

RESOURCES = (CUSTOMERS,)
