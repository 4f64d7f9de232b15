"""What field sales knows of things that the other APIs keep too: columns of their tables."""

from __future__ import annotations

from decimal import Decimal

from gateway.backoffice.kinds import Choice, Document, Email, Flag, Number, Ref, Text, Whole
from gateway.backoffice.nested import Many, Mention, Part
from gateway.backoffice.noun import Column, Noun

_NAME, _LONG, _GEO, _AMOUNT = Text(255), Text(0), Number(6), Number(2)
_WORDS = Many(_NAME)
#: A time of day, with or without its distance from UTC.
_TIME = Text(32, pattern=r"^([01]\d|2[0-3]):[0-5]\d(:[0-5]\d(\.\d{1,6})?)?(Z|[+-]\d\d:\d\d)?$")

#: How often the row was changed here, and what integrations keep with it.
_KEPT = (Column("revision", Whole(0)), Column("integration_meta", Document()))

CLIENT_COLUMNS = (
    Column("client_code", Text(64), index=True),
    Column("contact_name", _NAME),
    Column("contact_title", _NAME),
    Column("contacts", Many(Mention("client_contact"))),
    Column("formatted_address", Text(512)),
    Column("lat", _GEO),
    Column("lng", _GEO),
    Column("location_verified", Flag(), index=True),
    Column("assigned_to", Many(Mention("rep"))),
    Column("last_location_update", _AMOUNT),
    Column("sync_id", _NAME),
    Column("profile_pic", Text(2048)),
    Column("logo", Text(2048)),
    Column("parent_client_id", Ref("customer")),
    Column("target_visit", _AMOUNT),
    Column("geofencing_radius", _AMOUNT),
    Column("price_tag", _NAME),
    Column("job_category", _WORDS),
    Column("territory", _NAME),
    Column("price_list_id", Ref("price_list")),
    Column("payment_term_id", Ref("payment_term")),
    Column("speciality", Many(Mention("speciality"))),
    Column("channel_id", Ref("client_channel")),
    Column("is_chain", Flag(), index=True),
    Column("chain_id", Ref("customer")),
    Column("teams", Many(Mention("team"))),
    # What the client owes: the sum of the balance entries, kept by ``rules/field_sales/balance``.
    Column("balance", _AMOUNT, index=True),
    *_KEPT,
)

_HOURS = Part({"open": _TIME, "close": _TIME, "is_closed": Flag()})
_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")

#: An address where a client works is a location, with a name, people to ask for and hours.
LOCATION_COLUMNS = (
    Column("name", _NAME),
    Column("is_primary", Flag()),
    Column("location_type", Choice(("office", "warehouse", "retail", "branch", "other"))),
    Column("contact_info", Part({"phone": _NAME, "email": Email(), "fax": _NAME})),
    Column("business_hours", Part(dict.fromkeys(_DAYS, _HOURS))),
    Column("notes", _LONG),
    Column("disabled", Flag(), default=False, index=True),
    Column("revision", Whole(0)),
)

PRODUCT_COLUMNS = (
    Column("sales_category_id", Ref("goods_category")),
    Column("active", Flag(), default=True, index=True),
    Column("local_name", _NAME, index=True),
    Column("sub_category", Many(Mention("product_subcategory"))),
    Column("assigned_to", Many(Mention("rep"))),
    Column("auditable", Flag()),
    Column("barcode", _NAME, index=True),
    Column("tax_rate_id", Ref("tax_rate")),
    Column("measure_unit_id", Ref("measure_unit")),
    Column("description", _LONG),
    Column("local_description", _LONG),
    Column("product_img", Text(2048)),
    Column("assigned_media", Many(Mention("media_item"))),
    Column("html_description", _LONG),
    Column("modifiers_group", Many(Mention("modifier_group"))),
    Column("featured", Flag()),
    Column("brand_id", Ref("brand")),
    Column("rsp", _AMOUNT, index=True),
    Column("measure_unit_family_id", Ref("measure_unit_family")),
    Column("teams", Many(Mention("team"))),
    Column("position", _AMOUNT, index=True),
    Column("product_groups", Many(Mention("product_group"))),
    Column("frozen_pre_sales", Flag(), index=True),
    Column("frozen_sales", Flag(), index=True),
    *_KEPT,
)

#: A gross price holds an inclusive tax, a net price gets an additive one on top.
TAX_COLUMNS = (
    Column("type", Choice(("inclusive", "additive", "N/A")), index=True),
    Column("disabled", Flag(), index=True),
    *_KEPT,
)

SUPPLIER_COLUMNS = (
    Column("phone", _NAME),
    Column("address", Document()),
    Column("disabled", Flag(), index=True),
    *_KEPT,
)

TAG_COLUMNS = (Column("disabled", Flag(), index=True), *_KEPT)

#: Movements between warehouses are movements of products like any other.
MOVEMENT_COLUMNS = (
    Column("warehouse_id", Ref("warehouse")),
    Column("variant_id", Ref("variant")),
    Column("unit_cost", Number(4, Decimal(0))),
    # Which document moved it, so that nothing is posted twice.
    Column("source", Text(64), index=True),
)

#: How much of a variant lies in a warehouse: the sum of its movements there.
WAREHOUSE_STOCK = Noun(
    "warehouse_stock",
    (
        Column("warehouse_id", Ref("warehouse"), null=False),
        Column("variant_id", Ref("variant"), null=False),
        Column("product_id", Ref("product"), null=False),
        Column("quantity", Whole(0, 1_000_000_000), null=False, default=0, index=True),
        # Promised to transfers that have not left yet.
        Column("reserved", Whole(0, 1_000_000_000), null=False, default=0),
        # What one of them cost when it last came in.
        Column("cost", Number(4, Decimal(0))),
    ),
    unique=(("warehouse_id", "variant_id"),),
)

#: What a client owes, as an append-only ledger: debts are positive, what they paid negative.
BALANCE_ENTRY = Noun(
    "balance_entry",
    (
        Column("customer_id", Ref("customer"), null=False),
        Column("amount", _AMOUNT, null=False),
        Column("balance_after", _AMOUNT, null=False),
        # Which document it comes from; none is booked twice.
        Column("source", Text(64), null=False, unique=True),
        Column("user_id", Ref("shop_user")),
    ),
)

#: What of a payment went into which invoice. Without a settlement it was done by itself, oldest
#: invoice first, and gives way to what somebody settles.
PAYMENT_ALLOCATION = Noun(
    "payment_allocation",
    (
        Column("payment_id", Ref("sales_payment"), null=False),
        Column("invoice_id", Ref("sales_invoice"), null=False),
        Column("settlement_id", Ref("settlement")),
        Column("amount", _AMOUNT, null=False),
        # What the client kept for paying early.
        Column("discount", _AMOUNT, null=False, default=Decimal(0)),
    ),
)

NOUNS = (WAREHOUSE_STOCK, BALANCE_ENTRY, PAYMENT_ALLOCATION)
