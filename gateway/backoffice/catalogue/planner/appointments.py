"""Appointments and their types (contracts/planner.yaml, Appointments).

The contract makes, shows and removes appointments; planning, confirming and visiting are verbs
beyond it, because the status follows from them.
"""

from __future__ import annotations

from datetime import datetime

from gateway.backoffice.action import Action, RowRule, Section, in_shop
from gateway.backoffice.catalogue.planner.appointment_shapes import DETAIL_SHAPE, ROW_SHAPE
from gateway.backoffice.catalogue.planner.shapes import (
    MOMENT,
    TYPE_SHAPE,
    WHOLE,
)
from gateway.backoffice.kinds import Choice, Document, Flag, Ref, Schema, Text
from gateway.backoffice.moments import DayEdge, Moment
from gateway.backoffice.nested import Many
from gateway.backoffice.nouns.planning import (
    MINUTES,
    WAYS,
)
from gateway.backoffice.profiles.planner import LENGTH_AWARE, PLAIN, PLANNER, STAMP
from gateway.backoffice.reading import find_row, show
from gateway.backoffice.records import Several
from gateway.backoffice.resource import (
    Filter,
    Input,
    Match,
    Operation,
    Resource,
)
from gateway.backoffice.rules.planner import appointments, company
from gateway.backoffice.shop import Shop, Values

TYPES = Resource(
    name="appointment_type",
    profile=PLAIN,
    path="/appointment-type",
    aliases=("/appointment/types", "/appointment-types"),
    shape=TYPE_SHAPE,
    ability="appointments",
    order=("id",),
)


APPOINTMENTS = Resource(
    name="appointment",
    profile=LENGTH_AWARE,
    path="/appointment",
    shape=ROW_SHAPE,
    detail=DETAIL_SHAPE,
    ability="appointments",
    operations=frozenset({Operation.LIST, Operation.REMOVE}),
    filters=(
        Filter("users", ("users.user_id",), Match.AMONG),
        Filter("appointment_type", ("appointment_type_id",), Match.ANY),
        Filter("from", ("begins_at",), Match.FROM, DayEdge()),
        Filter("to", ("begins_at",), Match.BELOW, DayEdge(following=True)),
        Filter("client_id", ("customer_id",)),
    ),
    order=("begins_at",),
    remove=appointments.cancel,
)

RESOURCES = (TYPES, APPOINTMENTS)


def _shown(shop: Shop, row: Values) -> Values:
    """Return an appointment in full."""
    garage = {"id": shop.tenant_id, "name": company.name_of(shop)}
    return show(shop, DETAIL_SHAPE, row) | {"company": garage}


def _read(shop: Shop, values: Values) -> object:
    return _shown(shop, find_row(shop, APPOINTMENTS, values["id"], None))


def _create(shop: Shop, values: Values) -> object:
    given = dict(values)
    given["customer_id"] = given.pop("client_id")
    row = shop.get("appointment", appointments.create(shop, given))
    made: Values = {
        "id": row["id"],
        "client_id": row["customer_id"],
        "company_id": row["tenant_id"],
    }
    made |= {name: row[name] for name in ("appointment_type_id", "time", "appointment_or_invite")}
    times = ("time_from", "time_to", "plan_from", "plan_to", "created_at", "updated_at")
    # What is not known yet is left out: the contract has no empty times here.
    return made | {name: _moment(row[name]) for name in times if row[name] is not None}


def _moment(moment: datetime) -> object:
    return STAMP.render(moment)


_CREATED: Schema = {
    "type": "object",
    "properties": {
        **dict.fromkeys(("id", "client_id", "company_id", "appointment_type_id", "time"), WHOLE),
        "appointment_or_invite": Choice(WAYS).schema(),
        **dict.fromkeys(("time_from", "time_to", "plan_from", "plan_to"), MOMENT),
        **dict.fromkeys(("created_at", "updated_at"), MOMENT),
    },
}

_USERS = Input("users", Several(Ref("shop_user"), 50))


def _verb(name: str, word: str, rule: RowRule, summary: str, *inputs: Input) -> Action:
    """Return what does ``rule`` to an appointment and answers it."""

    def run(shop: Shop, values: Values) -> object:
        identifier = values.pop("id")
        find_row(shop, APPOINTMENTS, identifier, None)
        rule(shop, shop.lock("appointment", identifier), values)
        return _shown(shop, shop.get("appointment", identifier))

    return Action(
        name,
        PLANNER,
        "POST",
        f"/appointment/{{id}}/{word}",
        summary,
        DETAIL_SHAPE,
        in_shop(run),
        inputs,
        ability="appointments:write",
        tag="appointments",
    )


_SECTION = Section(PLANNER, "appointments")

ACTIONS = (
    _SECTION.action(
        "GET",
        "showAppointment",
        "/appointment/{id}",
        "One appointment",
        DETAIL_SHAPE,
        in_shop(_read, writes=False),
    ),
    _SECTION.action(
        "POST",
        "createAppointment",
        "/appointment",
        "Make an appointment, or invite the client to choose a time",
        _CREATED,
        in_shop(_create),
        inputs=(
            Input("appointment_type_id", Ref("appointment_type"), required=True),
            Input("client_id", Ref("customer"), required=True),
            Input("address_id", Ref("address"), required=True),
            Input("time", MINUTES),
            Input("send_mail_to_client", Choice(("default", "direct", "none"))),
            Input("plan_appointment", Flag()),
            Input("appointment_or_invite", Choice(WAYS)),
            Input("services", Several(Ref("item"), 50)),
            _USERS,
            *(Input(n, Moment()) for n in ("time_from", "time_to", "plan_from", "plan_to")),
            Input("description_intern", Text(0)),
            Input("description_client", Text(0)),
            Input("field_values", Many(Document(), 50)),
        ),
    ),
    _verb(
        "planAppointment",
        "plan",
        appointments.plan,
        "Put an appointment on the calendar, or at another time",
        Input("time_from", Moment(), required=True),
        Input("time", MINUTES),
        _USERS,
    ),
    _verb("confirmAppointment", "confirm", appointments.confirm, "Put down that it is agreed"),
    _verb(
        "visitAppointment",
        "visited",
        appointments.visit,
        "Put down the visit, and open its work order",
        Input("visited_at", Moment()),
    ),
    _verb("missAppointment", "not-visited", appointments.miss, "Put down that nobody was there"),
)
