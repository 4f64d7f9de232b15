"""What the shop keeps, whichever APIs show it. One table each."""

from __future__ import annotations

from decimal import Decimal

from gateway.backoffice.kinds import (
    Choice,
    Document,
    Email,
    Flag,
    Identifier,
    Number,
    Ref,
    Text,
    Whole,
)
from gateway.backoffice.moments import Moment
from gateway.backoffice.noun import Column, Noun
from gateway.backoffice.nouns.selling import CLIENT_COLUMNS, LOCATION_COLUMNS, TAG_COLUMNS
from gateway.backoffice.resource import Relation

#: Slug -> label. The order is the usual way through the shop.
STATUSES = {
    "new": "New",
    "diagnosing": "Diagnosing",
    "in_repair": "In Repair",
    "waiting_parts": "Waiting for Parts",
    "completed": "Completed",
    "picked_up": "Picked Up",
    "cancelled": "Cancelled",
}

EVENTS = (
    "created",
    "field_changed",
    "note_added",
    "engineer_assigned",
    "status_changed",
    "completed",
)

_PERCENT = Number(2, Decimal(0), Decimal(100))

#: A garage's people: identity owns the table, the back office reads names.
SHOP_USER = Noun(
    "shop_user",
    (
        Column("name", Text()),
        Column("email", Email()),
        Column("role", Text(16)),
        # A garage has few people: an index behind the garage would not pay.
        Column("enabled", Flag(), index=True),
        Column("created_at", Moment()),
    ),
    table="shop_user",
)

#: One row per garage, series and year; see ``rules/numbering``.
COUNTER = Noun(
    "counter",
    (
        Column("series", Text(32), null=False),
        Column("year", Whole(0, 9999), null=False),
        Column("count", Whole(1), null=False),
    ),
    unique=(("series", "year"),),
)

CUSTOMER = Noun(
    "customer",
    (
        Column("client_number", Whole(1), null=False, unique=True),
        Column("first_name", Text(100), null=False, default=""),
        Column("last_name", Text(100), index=True),
        Column("company_name", Text(255), index=True),
        Column("gender", Text(16), null=False, default=""),
        Column("email", Email(), index=True),
        Column("email_alternative", Text(254), null=False, default=""),
        Column("email_invoice", Email()),
        Column("phone", Text(64), index=True),
        Column("phone_note", Text(255)),
        Column("mobile_phone", Text(64)),
        Column("is_business", Flag(), null=False, default=False, index=True),
        # Wants no messages that are not about an order of theirs.
        Column("opted_out", Flag(), default=False),
        # How they hear of their orders; empty as the garage does it (``nouns/garage``).
        Column("message_channel", Choice(("none", "email", "sms"))),
        # The phone as E.164, by which calls and messages find the customer.
        Column("phone_e164", Text(16), index=True),
        Column("mobile_e164", Text(16), index=True),
        Column("vat_number", Text(32), index=True),
        Column("business_discount_pct", _PERCENT),
        Column("note", Text(0), null=False, default=""),
        # Whether appointments are confirmed to them by mail unless somebody says otherwise.
        Column("appointment_confirmation", Flag(), default=True),
        Column("phone_alternative", Text(64)),
        Column("phone_alternative_note", Text(255)),
        Column("email_option", Text(64)),
        Column("work_address_same_as_invoice_address", Flag()),
        Column("add_contact_person", Flag()),
        Column("credit_limit", Number(2)),
        Column("payment_type", Choice(("cash", "credit"))),
        Column("website", Text(255)),
        Column("local_name", Text(255)),
        Column("status", Text(64), index=True),
        Column("custom_fields", Document()),
        Column("disabled", Flag(), null=False, default=False, index=True),
        # How the row came to be when nobody typed it in, e.g. the walk-in customer.
        Column("origin", Text(32), index=True),
        *CLIENT_COLUMNS,
    ),
    soft=True,
    dated=True,
)

ADDRESS = Noun(
    "address",
    (
        Column("customer_id", Ref("customer"), null=False),
        Column("type", Choice(("invoice", "work")), null=False, index=True),
        Column("street", Text(255), null=False),
        Column("house_number", Text(16), null=False),
        Column("house_number_addition", Text(32)),
        Column("zipcode", Text(16), null=False),
        Column("city", Text(100), null=False),
        Column("state", Text(100)),
        Column("country", Text(100)),
        # The planner's own table of countries; 157 is the Netherlands there.
        Column("country_id", Whole(1, 10_000), null=False, default=157),
        Column("geocode_lat", Text(32)),
        Column("geocode_lng", Text(32)),
        # Looked up at the register, found or not.
        Column("geocoded_at", Moment()),
        *LOCATION_COLUMNS,
    ),
    soft=True,
    indexes=(("customer_id", "type"),),
)

#: The first invoice address is the one a bill goes to.
INVOICE_ADDRESS = Relation(
    "invoice_address", "address", "id", "customer_id", only=(("type", "invoice"),)
)

#: What is repaired. A vehicle is known by its identification number.
DEVICE = Noun(
    "device",
    (
        Column("customer_id", Ref("customer"), null=False),
        Column("vin", Text(17), unique=True),
        Column("brand", Text(100)),
        Column("model", Text(100)),
        Column("variant", Text(100)),
        Column("odometer_reading", Whole(0)),
    ),
    soft=True,
)

WORK_ORDER = Noun(
    "work_order",
    (
        Column("ticket_no", Text(32), null=False, unique=True),
        Column("customer_id", Ref("customer"), null=False),
        Column("device_id", Ref("device")),
        Column("device_brand", Text(100)),
        Column("device_model", Text(100)),
        Column("status", Choice(tuple(STATUSES)), null=False, index=True),
        Column("problem_description", Text(0)),
        Column("priority", Choice(("normal", "high", "urgent")), null=False, default="normal"),
        Column("assigned_to", Ref("shop_user")),
        Column("expected_ready_at", Moment()),
        Column("completed_at", Moment()),
        # The diagnostic ticket it was made from: at most one order each.
        Column("ticket_id", Identifier(), unique=True),
        Column("branch_id", Ref("branch")),
        # The claim that it makes good; no reference, because the claim refers back.
        Column("warranty_claim_id", Identifier()),
        Column("responded_at", Moment()),
        # Waiting for parts since, and seconds of it before: that time is not the shop's.
        Column("waiting_since", Moment()),
        Column("paused_seconds", Whole(0), default=0),
    ),
    soft=True,
)

WORK_ORDER_LINE = Noun(
    "work_order_line",
    (
        Column("work_order_id", Ref("work_order"), null=False),
        Column("description", Text(255), null=False),
        Column("item_number", Text(64)),
        Column("product_id", Ref("product")),
        Column(
            "quantity",
            Number(3, Decimal(0), Decimal(1_000_000), above_minimum=True),
            null=False,
            default=Decimal(1),
        ),
        Column("unit_price", Number(2, Decimal(0)), null=False),
        Column("vat_rate", _PERCENT, null=False, default=Decimal(21)),
    ),
)

WORK_ORDER_NOTE = Noun(
    "work_order_note",
    (
        Column("work_order_id", Ref("work_order"), null=False),
        Column("note", Text(0), null=False),
        Column("is_internal", Flag(), null=False, default=True),
        Column("user_id", Ref("shop_user")),
    ),
)

#: The trail of an order; rows are added, never changed.
WORK_ORDER_EVENT = Noun(
    "work_order_event",
    (
        Column("work_order_id", Ref("work_order"), null=False),
        Column("event", Choice(EVENTS), null=False, index=True),
        Column("description", Text(0), null=False),
        Column("changes", Document()),
        Column("user_id", Ref("shop_user")),
    ),
)

#: A word put on customers, by which bulk messages find them.
TAG = Noun("tag", (Column("name", Text(64), null=False, unique=True), *TAG_COLUMNS))

CUSTOMER_TAG = Noun(
    "customer_tag",
    (
        Column("customer_id", Ref("customer"), null=False),
        Column("tag_id", Ref("tag"), null=False),
    ),
    unique=(("customer_id", "tag_id"),),
)

NOUNS = (
    TAG,
    CUSTOMER_TAG,
    SHOP_USER,
    COUNTER,
    CUSTOMER,
    ADDRESS,
    DEVICE,
    WORK_ORDER,
    WORK_ORDER_LINE,
    WORK_ORDER_NOTE,
    WORK_ORDER_EVENT,
)
