"""Clients and addresses as the planner spells them (contracts/planner.yaml)."""

from __future__ import annotations

from gateway.backoffice.catalogue.nouns import ADDRESS, CUSTOMER
from gateway.backoffice.profiles.planner import SIMPLE, SIMPLE_ORDER_BY, STAMP
from gateway.backoffice.resource import (
    READING,
    Computed,
    Field,
    Filter,
    Match,
    Nested,
    Resource,
    Shape,
    to_many,
    to_one,
)
from gateway.backoffice.rules import customers

_STAMPS = (
    Field("created_at", kind=STAMP),
    Field("updated_at", kind=STAMP),
    Field("deleted_at", kind=STAMP),
)

ADDRESS_SHAPE = Shape(
    "Address",
    ADDRESS,
    (
        Field("id"),
        Field("company_id", "tenant_id"),
        Field("client_id", "customer_id"),
        Field("street"),
        Field("house_number"),
        Field("house_number_addition"),
        Field("zipcode"),
        Field("city"),
        Field("type"),
        Field("geocode_lat"),
        Field("geocode_lng"),
        Field("country_id"),
        *_STAMPS,
    ),
)

CLIENT_SHAPE = Shape(
    "Client",
    CUSTOMER,
    (
        Field("id"),
        Field("company_id", "tenant_id"),
        Field("client_number"),
        Field("gender"),
        Field("first_name"),
        Field("last_name", empty=""),
        Field("company_name", empty=""),
        Field("email"),
        Field("email_alternative"),
        Field("email_invoice"),
        Field("phone", empty=""),
        Field("phone_note"),
        Field("note"),
        *_STAMPS,
    ),
)

ADDRESS_DETAIL = Shape(
    "AddressDetail",
    ADDRESS,
    (*ADDRESS_SHAPE.fields, Nested("client", "client", CLIENT_SHAPE, many=False)),
    (to_one("client", "customer", "customer_id"),),
)

CLIENT_DETAIL = Shape(
    "ClientDetail",
    CUSTOMER,
    (
        *CLIENT_SHAPE.fields,
        Computed("name", {"type": "string"}, lambda row: customers.full_name(dict(row.values))),
        Nested("addresses", "addresses", ADDRESS_SHAPE),
    ),
    (to_many("addresses", "address", "customer_id"),),
)

CLIENTS = Resource(
    name="client",
    profile=SIMPLE,
    path="/client",
    shape=CLIENT_SHAPE,
    detail=CLIENT_DETAIL,
    ability="clients",
    operations=READING,
    filters=(
        Filter(
            "search",
            ("first_name", "last_name", "company_name", "email", "phone", "mobile_phone"),
            Match.SEARCH,
        ),
        Filter("client_number"),
    ),
    sortable={
        name: name for name in ("id", "client_number", "last_name", "company_name", "updated_at")
    },
    order=("id",),
)

ADDRESSES = Resource(
    name="address",
    profile=SIMPLE_ORDER_BY,
    path="/address",
    shape=ADDRESS_SHAPE,
    detail=ADDRESS_DETAIL,
    ability="addresses",
    operations=READING,
    filters=(Filter("client_id", ("customer_id",)),),
    sortable={"id": "id", "updated_at": "updated_at"},
    order=("id",),
)

RESOURCES = (CLIENTS, ADDRESSES)
