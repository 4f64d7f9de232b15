"""Field sales: people."""

from __future__ import annotations

from gateway.backoffice.asking import Members
from gateway.backoffice.catalogue.field_sales.cells import (
    ID,
    NAME,
    NOTES,
    SUM,
    TIME,
    Cell,
    own,
    words,
)
from gateway.backoffice.catalogue.field_sales.sheet import BOOKED, KEPT, Rules, nouns, sheet
from gateway.backoffice.kinds import Document, Flag, Ref
from gateway.backoffice.moments import Day, Moment
from gateway.backoffice.nested import Many, Mention, Part
from gateway.backoffice.profiles.field_sales import LINKS, META, PAGED
from gateway.backoffice.resource import Filter, Match
from gateway.backoffice.rules.field_sales import days, reps

TEAM = sheet(
    "/team",
    LINKS,
    "TeamSchema",
    {
        "name": Cell(NAME, must=True, find=True),
        "disabled": Cell(Flag(), find=True),
    },
    name="team",
    aliases=("/teams",),
)

REP = sheet(
    "/rep",
    LINKS,
    "RepSchema",
    {
        "name": Cell(NAME, must=True, find=True),
        "email": Cell(NAME, must=True, find=True),
        "username": Cell(NAME, find=True),
        "phone": Cell(NAME, find=True),
        "role": Cell(NAME, must=True, find=True),
        "team_id": Ref("team"),
        "password": Cell(NAME, must=True, hidden=True),
        "disabled": Cell(Flag(), find=True),
        "permissions": Part(
            {
                "rep_can_add_client": Flag(),
                "rep_can_edit_client": Flag(),
                "rep_can_add_calendar": Flag(),
                "rep_can_edit_calendar": Flag(),
            }
        ),
        "settings": Part({"allowable_accuracy": SUM}),
    },
    name="rep",
    rules=Rules(reps.create, reps.change),
    meta=True,
    filters=tuple(
        Filter(f"permissions.{name}", ("permissions",), Match.MEMBERS, Members(name))
        for name in ("rep_can_add_client", "rep_can_edit_client")
    ),
)

ROUTE = sheet(
    "/route",
    LINKS,
    "RouteSchema",
    {
        "name": Cell(NAME, must=True, find=True),
        "rep_id": Cell(Ref("rep"), must=True),
        "day": Cell(words("sat", "sun", "mon", "tue", "wed", "thu", "fri"), must=True, find=True),
        "clients": Many(Part({"client_id": Mention("customer"), "priority": SUM})),
        "disabled": Cell(Flag(), find=True),
    },
    name="route",
    meta=True,
)

REP_DAY = sheet(
    "/day",
    PAGED,
    "DaySchema",
    {
        "rep": Cell(Ref("rep"), must=True),
        "date": Cell(Day(), must=True, find=True),
        "startTime": TIME,
        "endTime": own(TIME),
        "status": own(words("open", "closed", "submitted"), find=True),
        "visits": own(Many(NAME)),
        "orders": own(Many(NAME)),
        "activities": own(Many(Part({"type": NAME, "description": NOTES, "timestamp": Moment()}))),
        "summary": own(Part({"totalVisits": SUM, "totalOrders": SUM, "totalSales": SUM})),
        "notes": NOTES,
    },
    name="rep_day",
    rules=Rules(days.begin),
    operations=BOOKED,
    meta=True,
    span="date",
)

VISIT = sheet(
    "/visit",
    META,
    "Visit",
    {
        "client": Ref("customer"),
        "rep": Cell(Ref("rep"), also=("user",)),
        "plannedDate": Moment(),
        "actualDate": Cell(Moment(), spans=("time",)),
        "status": words("planned", "completed", "cancelled"),
        "notes": NOTES,
        "location": Document(),
    },
    name="visit",
    rules=Rules(days.create_visit, days.change_visit),
    operations=KEPT,
    filters=(Filter("visit_id", ("id",), Match.ANY, ID),),
)

RESOURCES = (
    TEAM,
    REP,
    ROUTE,
    REP_DAY,
    VISIT,
)
NOUNS = nouns(*RESOURCES)
