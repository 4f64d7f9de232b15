"""Work orders, their lines, notes and trail (contracts/repair.yaml, Work Orders)."""

from __future__ import annotations

from dataclasses import replace

from gateway.backoffice.catalogue.repair.shapes import (
    AMOUNT,
    CUSTOMER_REF,
    NAME_REF,
    TEXT,
    USER_REF,
    author,
    members,
)
from gateway.backoffice.kinds import Text
from gateway.backoffice.nouns import (
    STATUSES,
    WORK_ORDER,
    WORK_ORDER_EVENT,
    WORK_ORDER_LINE,
    WORK_ORDER_NOTE,
)
from gateway.backoffice.profiles.repair import PAGED, TRAIL, WHOLE
from gateway.backoffice.resource import (
    Computed,
    Field,
    Filter,
    Input,
    Match,
    Nested,
    Operation,
    Parent,
    Resource,
    Row,
    Shape,
    Write,
    to_many,
    to_one,
)
from gateway.backoffice.rules import money, work_orders

_OF_ORDER = Parent("work_order", "work_order_id")


def _money(row: Row) -> money.Line:
    return money.Line(row.values["quantity"], row.values["unit_price"], row.values["vat_rate"])


def _totals(row: Row) -> money.Totals:
    return money.totals(_money(line) for line in row.related["lines"])


def _status(row: Row) -> object:
    slug = row.values["status"]
    return {"slug": slug, "label": STATUSES[slug]}


_STATUS_SCHEMA = members(slug={"type": "string", "enum": list(STATUSES)}, label=TEXT)

LINE = Shape(
    "WorkOrderLine",
    WORK_ORDER_LINE,
    (
        Field("id"),
        Field("description", required=True),
        Field("product_id"),
        Field("quantity"),
        Field("unit_price", required=True),
        Field("vat_rate"),
        Computed("line_total_excl", AMOUNT, lambda row: _money(row).excluding),
        Computed("line_total_incl", AMOUNT, lambda row: _money(row).including),
    ),
)

NOTE = Shape(
    "WorkOrderNote",
    WORK_ORDER_NOTE,
    (
        Field("id"),
        Field("note", required=True),
        Field("is_internal"),
        Computed("author", NAME_REF, author()),
        Field("created_at"),
    ),
    (to_one("user", "shop_user"),),
)

EVENT = Shape(
    "TimelineEvent",
    WORK_ORDER_EVENT,
    (
        Field("id"),
        Field("event", write=Write.NEVER),
        Field("description", write=Write.NEVER),
        Computed("user", NAME_REF, author()),
        Field("created_at"),
        Field("changes", write=Write.NEVER),
    ),
    (to_one("user", "shop_user"),),
)

ORDER = Shape(
    "WorkOrder",
    WORK_ORDER,
    (
        Field("id"),
        Field("ticket_no", write=Write.NEVER),
        Nested("customer", "customer", CUSTOMER_REF, many=False),
        Field("device_brand"),
        Field("device_model"),
        Computed("status", _STATUS_SCHEMA, _status),
        Nested("lines", "lines", LINE),
        Nested("notes", "notes", NOTE),
        Field("problem_description"),
        Field("priority"),
        Nested("assigned_to", "assignee", USER_REF, many=False),
        Field("expected_ready_at"),
        Field("completed_at", write=Write.NEVER),
        Field("branch_id"),
        Field("warranty_claim_id", write=Write.NEVER),
        Computed("total_excl", AMOUNT, lambda row: _totals(row).excluding),
        Computed("total_vat", AMOUNT, lambda row: _totals(row).vat),
        Computed("total_incl", AMOUNT, lambda row: _totals(row).including),
        Field("created_at"),
        Field("updated_at"),
    ),
    (
        to_one("customer", "customer"),
        to_one("device", "device"),
        to_one("assignee", "shop_user", "assigned_to"),
        to_many("lines", "work_order_line", "work_order_id"),
        to_many("notes", "work_order_note", "work_order_id"),
    ),
)

ORDERS = Resource(
    name="work_order",
    profile=PAGED,
    path="/work-orders",
    shape=ORDER,
    ability="work-orders",
    roles={Operation.REMOVE: frozenset({"owner", "manager", "api"})},
    filters=(
        Filter("status"),
        Filter("customer_id"),
        Filter("assigned_to"),
        Filter(
            "q",
            (
                "ticket_no",
                "device_brand",
                "device_model",
                "device.vin",
                "customer.first_name",
                "customer.last_name",
                "customer.company_name",
            ),
            Match.SEARCH,
        ),
    ),
    inputs=(
        Field("customer_id", required=True),
        Field("assigned_to"),
        Field("status", write=Write.CHANGE),
    ),
    create=work_orders.open_order,
    change=work_orders.change_order,
    remove=work_orders.remove_order,
)

LINES = Resource(
    name="work_order_line",
    profile=WHOLE,
    path="/work-orders/{id}/lines",
    item="line_id",
    shape=LINE,
    ability="work-orders",
    parent=_OF_ORDER,
    operations=frozenset(Operation) - {Operation.READ},
    order=("id",),
    create=work_orders.add_line,
    change=work_orders.change_line,
    remove=work_orders.remove_line,
)

NOTES = Resource(
    name="work_order_note",
    profile=WHOLE,
    path="/work-orders/{id}/notes",
    item="note_id",
    shape=NOTE,
    ability="work-orders",
    parent=_OF_ORDER,
    operations=frozenset({Operation.LIST, Operation.CREATE}),
    order=("id",),
    create=work_orders.add_note,
)

TIMELINE = Resource(
    name="work_order_event",
    profile=TRAIL,
    path="/v1/work-orders/{id}/timeline",
    item="event_id",
    shape=EVENT,
    ability="work-orders",
    parent=_OF_ORDER,
    operations=frozenset({Operation.LIST, Operation.CREATE}),
    filters=(Filter("event"),),
    inputs=(Input("note", Text(0), required=True),),
    create=work_orders.add_trail_note,
)

#: Another address of the same: only adding.
TIMELINE_NOTES = replace(
    TIMELINE,
    name="work_order_trail_note",
    path="/v1/work-orders/{id}/timeline/notes",
    operations=frozenset({Operation.CREATE}),
)

RESOURCES = (ORDERS, LINES, NOTES, TIMELINE, TIMELINE_NOTES)
