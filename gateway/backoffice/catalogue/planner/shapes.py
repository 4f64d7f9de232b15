"""Documents that several sections of the planner show: clients, addresses, users, types."""

from __future__ import annotations

from gateway.backoffice.kinds import Flag, Schema
from gateway.backoffice.nouns import ADDRESS, CUSTOMER, SHOP_USER
from gateway.backoffice.nouns.planning import APPOINTMENT_TYPE
from gateway.backoffice.profiles.planner import STAMP
from gateway.backoffice.resource import Computed, Field, Relation, Row, Shape, Write, to_many

TEXT: Schema = {"type": "string"}
WHOLE: Schema = {"type": "integer"}
NULL_TEXT: Schema = {"type": ["string", "null"]}
NULL_WHOLE: Schema = {"type": ["integer", "null"]}
MOMENT: Schema = {"type": "string", "format": "date-time"}
OPEN: Schema = {"type": "object", "additionalProperties": True}
OPEN_LIST: Schema = {"type": "array", "items": OPEN}

DIGIT = Flag(digit=True)

STAMPS = (Field("created_at", kind=STAMP), Field("updated_at", kind=STAMP))
STAMPS_SOFT = (*STAMPS, Field("deleted_at", kind=STAMP))

#: The contract knows ids of a system before its own; there was none before this one.
LEGACY = Computed("profitemp_id", NULL_WHOLE, lambda _: None)

ADDRESS_SHAPE = Shape(
    "Address",
    ADDRESS,
    (
        Field("id"),
        LEGACY,
        Field("company_id", "tenant_id"),
        Field("client_id", "customer_id", required=True),
        Field("street", required=True),
        Field("house_number", required=True),
        Field("house_number_addition"),
        Field("zipcode", required=True),
        Field("city", required=True),
        Field("type", required=True),
        Field("geocode_lat"),
        Field("geocode_lng"),
        Field("country_id"),
        Computed("old_address_id", WHOLE, lambda _: 0),
        *STAMPS_SOFT,
    ),
)

CLIENT_FIELDS = (
    Field("id"),
    LEGACY,
    Field("company_id", "tenant_id"),
    Field("client_number"),
    Field("gender"),
    Field("first_name"),
    Field("last_name", empty=""),
    Field("company_name", empty=""),
    Field("email"),
    Field("email_alternative"),
    Field("email_invoice"),
    Field("appointment_confirmation", kind=DIGIT, empty=1),
    Field("phone", empty=""),
    Field("phone_note"),
    Field("phone_alternative", empty=""),
    Field("phone_alternative_note"),
    Field("note"),
    Field("email_option", empty=""),
    Field("work_address_same_as_invoice_address", kind=DIGIT, empty=1, write=Write.CHANGE),
    Field("add_contact_person", kind=DIGIT, empty=0, write=Write.NEVER),
    # Whether the row was looked through after an import; nothing is imported here.
    Computed("checked", {"type": "null"}, lambda _: None),
    *STAMPS_SOFT,
)

CLIENT_SHAPE = Shape(
    "Client",
    CUSTOMER,
    CLIENT_FIELDS,
    # Clients are searched by postal code too.
    (to_many("addresses", "address", "customer_id"),),
)

TYPE_SHAPE = Shape(
    "AppointmentType",
    APPOINTMENT_TYPE,
    (
        Field("id"),
        LEGACY,
        Field("company_id", "tenant_id"),
        Field("name", required=True),
        Field("location"),
        Field("time"),
        Field("description"),
        Field("priority"),
        Field("max_distance"),
        Field("publicly_visible"),
        Field("checklist"),
        *STAMPS_SOFT,
    ),
)


def phone(row: Row) -> object:
    """Return the mobile number of the user's phone settings."""
    setting = row.one("phone")
    return None if setting is None else setting.values["mobile_number"]


USER_SHAPE = Shape(
    "User",
    SHOP_USER,
    (
        Field("id"),
        Field("company_id", "tenant_id"),
        Field("name"),
        Field("email"),
        Computed("phone", NULL_TEXT, phone),
        Field("created_at", kind=STAMP),
    ),
    (Relation("phone", "phone_setting", "id", "user_id"),),
)


def steps(texts: object) -> list[object]:
    """Return a checklist as the planner shows it."""
    listed = texts if isinstance(texts, list) else []
    return [{"id": number, "description": text} for number, text in enumerate(listed, 1)]
