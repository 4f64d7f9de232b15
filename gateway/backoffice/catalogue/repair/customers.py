"""Customers as the repair API spells them (contracts/repair.yaml, Customers)."""

from __future__ import annotations

from gateway.backoffice.catalogue.repair.shapes import TEXT, column_of
from gateway.backoffice.kinds import Identifier, Text
from gateway.backoffice.nouns import CUSTOMER, INVOICE_ADDRESS
from gateway.backoffice.nouns.workshop import CUSTOMER_TAG, TAG
from gateway.backoffice.profiles.repair import PAGED
from gateway.backoffice.profiles.repair import WHOLE as BARE
from gateway.backoffice.records import Several
from gateway.backoffice.resource import (
    Computed,
    Field,
    Filter,
    Input,
    Match,
    Nested,
    Operation,
    Resource,
    Row,
    Shape,
    Write,
    to_many,
    to_one,
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


TAG_REF = Shape(
    "TagRef",
    CUSTOMER_TAG,
    (Field("id", "tag_id"), Computed("name", TEXT, column_of("tag", "name"))),
    (to_one("tag", "tag"),),
)

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
        Field("message_channel"),
        Nested("tags", "tagged", TAG_REF),
        Field("created_at"),
    ),
    (INVOICE_ADDRESS, to_many("tagged", "customer_tag", "customer_id")),
)

TAGS = Resource(
    name="tag",
    profile=BARE,
    path="/tags",
    shape=Shape("Tag", TAG, (Field("id"), Field("name", required=True))),
    ability="customers",
    order=("name",),
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
        Input("tag_ids", Several(Identifier())),
    ),
    create=customers.create_customer,
    change=customers.change_customer,
    remove=customers.remove_customer,
)

RESOURCES = (CUSTOMERS, TAGS)
