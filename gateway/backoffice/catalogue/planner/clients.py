"""Clients and addresses (contracts/planner.yaml, Clients, Addresses)."""

from __future__ import annotations

from gateway.backoffice.catalogue.planner.company import INVOICE_SHAPE
from gateway.backoffice.catalogue.planner.shapes import (
    ADDRESS_SHAPE,
    CLIENT_FIELDS,
    CLIENT_SHAPE,
    STAMPS,
    TEXT,
)
from gateway.backoffice.kinds import Document, Kind
from gateway.backoffice.nested import Many, Part
from gateway.backoffice.nouns import ADDRESS, CUSTOMER
from gateway.backoffice.nouns.paperwork import QUOTATION
from gateway.backoffice.nouns.planning import APPOINTMENT, CONTACT_PERSON
from gateway.backoffice.profiles.planner import SIMPLE, SIMPLE_ORDER_BY, STAMP
from gateway.backoffice.resource import (
    Computed,
    Field,
    Filter,
    Input,
    Match,
    Nested,
    Resource,
    Shape,
    Write,
    to_many,
    to_one,
)
from gateway.backoffice.rules import customers
from gateway.backoffice.rules.planner import appointments, clients

ADDRESS_DETAIL = Shape(
    "AddressDetail",
    ADDRESS,
    (*ADDRESS_SHAPE.fields, Nested("client", "client", CLIENT_SHAPE, many=False)),
    (to_one("client", "customer", "customer_id"),),
)

_STATUS = Computed("status_system", TEXT, lambda row: appointments.status_of(row.values))

_APPOINTMENT = Shape(
    "ClientAppointment",
    APPOINTMENT,
    (
        Field("id"),
        Field("appointment_type_id"),
        Field("time_from", kind=STAMP),
        Field("time_to", kind=STAMP),
        Field("plan_from", kind=STAMP),
        Field("plan_to", kind=STAMP),
        _STATUS,
    ),
)

_OFFER = Shape(
    "Offer",
    QUOTATION,
    (
        Field("id"),
        Field("offer_number", "quotation_number"),
        Field("status"),
        Field("valid_until"),
        Field("sent_at", kind=STAMP),
    ),
)

_PERSON = Shape(
    "ContactPerson",
    CONTACT_PERSON,
    (Field("id"), Field("name"), Field("email"), Field("phone"), Field("details"), *STAMPS),
)

CLIENT_DETAIL = Shape(
    "ClientDetail",
    CUSTOMER,
    (
        *CLIENT_FIELDS,
        Computed("name", TEXT, lambda row: customers.full_name(dict(row.values))),
        Nested("appointments", "appointments", _APPOINTMENT),
        Nested("addresses", "addresses", ADDRESS_SHAPE),
        Nested("offers", "offers", _OFFER),
        Nested("invoices", "invoices", INVOICE_SHAPE),
        Nested("contact_persons", "contact_persons", _PERSON),
    ),
    (
        *CLIENT_SHAPE.relations,
        to_many("appointments", "appointment", "customer_id", newest_first=True),
        to_many("offers", "quotation", "customer_id", newest_first=True),
        to_many("invoices", "invoice", "customer_id", newest_first=True),
        to_many("contact_persons", "contact_person", "customer_id"),
    ),
)

_BLOCK: dict[str, Kind] = {
    name: ADDRESS.kinds[name]
    for name in (
        "zipcode",
        "house_number",
        "street",
        "city",
        "country_id",
        "house_number_addition",
    )
}

CLIENTS = Resource(
    name="client",
    profile=SIMPLE,
    path="/client",
    shape=CLIENT_SHAPE,
    detail=CLIENT_DETAIL,
    ability="clients",
    filters=(
        Filter(
            "search",
            (
                "first_name",
                "last_name",
                "company_name",
                "email",
                "phone",
                "mobile_phone",
                "addresses.zipcode",
            ),
            Match.SEARCH,
        ),
        Filter("client_number"),
    ),
    sortable={
        name: name for name in ("id", "client_number", "last_name", "company_name", "updated_at")
    },
    order=("id",),
    inputs=(
        # Taken, but never shown: that is how the contract has it.
        Field("mobile_phone"),
        Input(
            "address",
            Part({"invoice": Part(_BLOCK), "work": Part(_BLOCK)}),
            write=Write.CREATE,
        ),
        Input("contactPerson", Many(Document(), 50), write=Write.CREATE),
    ),
    create=clients.create,
    change=clients.change,
    remove=clients.remove,
)

ADDRESSES = Resource(
    name="address",
    profile=SIMPLE_ORDER_BY,
    path="/address",
    shape=ADDRESS_SHAPE,
    detail=ADDRESS_DETAIL,
    ability="addresses",
    filters=(Filter("client_id", ("customer_id",)),),
    sortable={"id": "id", "updated_at": "updated_at"},
    order=("id",),
    create=clients.create_address,
    change=clients.change_address,
    remove=clients.remove_address,
)

RESOURCES = (CLIENTS, ADDRESSES)
