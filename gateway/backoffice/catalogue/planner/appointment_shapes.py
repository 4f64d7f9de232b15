"""Appointments as the planner shows them: in lists, in full, with their items and people."""

from __future__ import annotations

from gateway.backoffice.catalogue.planner.items import ITEM_FIELDS, ITEM_SHAPE
from gateway.backoffice.catalogue.planner.shapes import (
    ADDRESS_SHAPE,
    CLIENT_SHAPE,
    NULL_TEXT,
    OPEN,
    OPEN_LIST,
    STAMPS,
    TEXT,
    TYPE_SHAPE,
    USER_SHAPE,
    phone,
    steps,
)
from gateway.backoffice.kinds import Schema
from gateway.backoffice.moments import Day
from gateway.backoffice.nouns.planning import (
    APPOINTMENT,
    APPOINTMENT_ITEM,
    APPOINTMENT_USER,
)
from gateway.backoffice.profiles.planner import STAMP
from gateway.backoffice.resource import (
    Computed,
    Field,
    Nested,
    Relation,
    Row,
    Shape,
    to_many,
    to_one,
)
from gateway.backoffice.rules.planner import appointments


def _of(relation: str, member: Field, shape: Shape) -> Computed:
    """Return a member that shows a column of the row which a pivot row leads to."""
    kind = shape.kind(member)

    def shown(row: Row) -> object:
        other = row.one(relation)
        value = None if other is None else other.values[member.source]
        return member.empty if value is None else kind.render(value)

    schema: Schema = {"anyOf": [kind.schema(), {"type": "null"}]}
    return Computed(member.name, schema, shown)


def _pivot(row: Row) -> object:
    return {"appointment_id": row.values["appointment_id"], "service_id": row.values["item_id"]}


def _item_steps(row: Row) -> object:
    item = row.one("item")
    return steps(item and item.values["checklist"])


SERVICE_SHAPE = Shape(
    "AppointmentService",
    APPOINTMENT_ITEM,
    (
        *(
            _of("item", member, ITEM_SHAPE) if isinstance(member, Field) else member
            for member in (*ITEM_FIELDS, *STAMPS)
        ),
        Computed("pivot", OPEN, _pivot),
        Computed("checklists", OPEN_LIST, _item_steps),
    ),
    (to_one("item", "item"),),
)

PERSON_SHAPE = Shape(
    "AppointmentUser",
    APPOINTMENT_USER,
    (
        *(_of("user", member, USER_SHAPE) for member in USER_SHAPE.columns),
        Computed("phone", NULL_TEXT, phone),
    ),
    (to_one("user", "shop_user"), Relation("phone", "phone_setting", "user_id", "user_id")),
)


def _sort_key(column: str) -> Computed:
    def shown(row: Row) -> object:
        moment = row.values[column]
        return "" if moment is None else f"{moment:%Y-%m-%d %H:%M:%S}"

    return Computed(f"{column}_order", TEXT, shown)


def _next_date(row: Row) -> object:
    items = [pair.one("item") for pair in row.related["services"]]
    days = [item.values["plan_next_date"] for item in items if item is not None]
    return min((day.isoformat() for day in days if day is not None), default=None)


def _geocode(row: Row) -> object:
    address = row.one("address")
    if address is None or address.values["geocode_lat"] is None:
        return None
    return f"{address.values['geocode_lat']},{address.values['geocode_lng']}"


def _orders(row: Row) -> list[object]:
    return [
        {name: order.values[name] for name in ("id", "ticket_no", "status")}
        for order in row.related["work_orders"]
    ]


def _order(row: Row) -> object:
    return next(iter(_orders(row)), None)


def _type_steps(row: Row) -> object:
    kind = row.one("appointment_type")
    return steps(kind and kind.values["checklist"])


_ROW: tuple[Field | Computed | Nested, ...] = (
    Field("id"),
    Field("company_id", "tenant_id"),
    Field("client_id", "customer_id"),
    Field("appointment_type_id"),
    Field("send_mail_to_client"),
    *(
        Field(f"{stamp}_at", kind=Day())
        for stamp in (
            "prepared",
            "planned",
            "send_confirmed",
            "send",
            "confirmed",
            "visited",
            "send_reminder",
            "send_reminder_2",
            "not_visited",
            "canceled",
        )
    ),
    Field("drive_time"),
    Field("time_from", kind=STAMP),
    Field("time_to", kind=STAMP),
    Field("time"),
    Field("plan_from", kind=STAMP),
    Field("plan_to", kind=STAMP),
    Computed("plan_next_date", NULL_TEXT, _next_date),
    Computed("address_geocode", NULL_TEXT, _geocode),
    Field("address_id"),
    Field("description_intern"),
    Field("description_client"),
    # Whether the reminder was ticked off by hand, which nobody can here.
    Computed("reminder_checked", {"type": "null"}, lambda _: None),
    Field("appointment_or_invite"),
    *STAMPS,
    Nested("appointment_type", "appointment_type", TYPE_SHAPE, many=False),
    Nested("services", "services", SERVICE_SHAPE),
    Nested("client", "client", CLIENT_SHAPE, many=False),
    Computed("work_orders", OPEN_LIST, _orders),
    Nested("address", "address", ADDRESS_SHAPE, many=False),
)

_RELATIONS = (
    to_one("appointment_type", "appointment_type"),
    to_many("services", "appointment_item", "appointment_id"),
    to_one("client", "customer", "customer_id"),
    to_one("address", "address"),
    Relation("work_orders", "work_order", "work_order_id", "id"),
    to_many("users", "appointment_user", "appointment_id"),
)

ROW_SHAPE = Shape(
    "AppointmentRow",
    APPOINTMENT,
    (*_ROW, _sort_key("time_from"), _sort_key("plan_from")),
    _RELATIONS,
)

DETAIL_SHAPE = Shape(
    "Appointment",
    APPOINTMENT,
    (
        *_ROW,
        Computed("status_system", TEXT, lambda row: appointments.status_of(row.values)),
        Field("field_values", empty=()),
        Computed("work_order", {"type": ["object", "null"], "additionalProperties": True}, _order),
        Computed("checklists", OPEN_LIST, _type_steps),
        Nested("users", "users", PERSON_SHAPE),
        Computed("company", OPEN, lambda row: {"id": row.values["tenant_id"]}),
    ),
    _RELATIONS,
)
