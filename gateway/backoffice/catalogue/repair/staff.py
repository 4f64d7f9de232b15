"""Employees, branches and leave (contracts/repair.yaml, Employees, Branches, Leave)."""

from __future__ import annotations

from gateway.backoffice.access import ADMINS
from gateway.backoffice.action import Action, in_shop, verb
from gateway.backoffice.catalogue.repair.shapes import (
    NAME_REF,
    NULL_WHOLE,
    column_of,
)
from gateway.backoffice.kinds import Choice, Ref, Text
from gateway.backoffice.nouns import SHOP_USER
from gateway.backoffice.nouns.staff import BRANCH, LEAVE_REQUEST, LEAVE_TYPE
from gateway.backoffice.profiles.repair import PAGED, REPAIR
from gateway.backoffice.profiles.repair import WHOLE as BARE
from gateway.backoffice.records import File
from gateway.backoffice.resource import (
    EVERYTHING,
    Computed,
    Field,
    Filter,
    Input,
    Match,
    Operation,
    Relation,
    Resource,
    Row,
    Shape,
    Write,
    to_one,
)
from gateway.backoffice.rules import branches, leave, people
from gateway.backoffice.shop import Shop, Values
from gateway.identity.shops import ROLES

_ADMIN_WRITES = dict.fromkeys((Operation.CREATE, Operation.CHANGE, Operation.REMOVE), ADMINS)

BRANCHES = Resource(
    name="branch",
    profile=BARE,
    path="/v1/branches",
    shape=Shape(
        "Branch",
        BRANCH,
        (
            Field("id"),
            Field("name", required=True),
            Field("address"),
            Field("phone"),
            Field("email"),
            Field("active", write=Write.CHANGE),
        ),
    ),
    ability="branches",
    roles=_ADMIN_WRITES,
    order=("id",),
    remove=branches.remove,
)

EMPLOYEES = Resource(
    name="employee",
    profile=BARE,
    path="/employees",
    shape=Shape(
        "Employee",
        SHOP_USER,
        (
            Field("id"),
            Field("name", required=True),
            Field("role", kind=Choice(tuple(sorted(ROLES))), required=True),
            Field("email", required=True),
            Computed("branch_id", NULL_WHOLE, column_of("employment", "branch_id")),
            Field("is_active", "enabled", write=Write.CHANGE),
        ),
        (Relation("employment", "employment", "id", "user_id"),),
    ),
    ability="employees",
    roles=_ADMIN_WRITES,
    order=("id",),
    inputs=(Input("branch_id", Ref("branch")),),
    create=people.create,
    change=people.change,
    remove=people.remove,
)


def _decided_by(row: Row) -> object:
    user = row.one("decider")
    return user and {"id": user.values["id"], "name": user.values["name"]}


LEAVE = Resource(
    name="leave_request",
    profile=PAGED,
    path="/leave",
    aliases=("/leave-requests",),
    shape=Shape(
        "LeaveRequest",
        LEAVE_REQUEST,
        (
            Field("id"),
            Field("employee_id", required=True),
            Field("leave_type_id", required=True),
            Field("start_date", required=True),
            Field("end_date", required=True),
            Field("notes"),
            Field("status", write=Write.NEVER),
            Field("working_days", write=Write.NEVER),
            Computed("decided_by", {"anyOf": [NAME_REF, {"type": "null"}]}, _decided_by),
        ),
        (to_one("decider", "shop_user", "decided_by"),),
    ),
    ability="leave",
    module="hrm",
    operations=EVERYTHING - {Operation.READ, Operation.CHANGE},
    filters=(
        Filter("employee_id"),
        Filter("status"),
        Filter("from", ("end_date",), Match.FROM),
        Filter("to", ("start_date",), Match.UNTIL),
    ),
    create=leave.request,
    remove=leave.cancel,
)

LEAVE_TYPES = Resource(
    name="leave_type",
    profile=BARE,
    path="/leave/types",
    shape=Shape(
        "LeaveType",
        LEAVE_TYPE,
        (Field("id"), Field("name"), Field("is_paid"), Field("yearly_allowance_days")),
    ),
    ability="leave",
    module="hrm",
    operations=frozenset({Operation.LIST}),
    order=("id",),
)

RESOURCES = (BRANCHES, EMPLOYEES, LEAVE, LEAVE_TYPES)


def _calendar(shop: Shop, _: Values) -> object:
    return File("leave.ics", "text/calendar", leave.calendar(shop, {}))


ACTIONS = (
    verb(
        LEAVE,
        "approveLeave",
        "approve",
        leave.approve,
        summary="Grant leave",
        roles=ADMINS,
    ),
    verb(
        LEAVE,
        "rejectLeave",
        "reject",
        leave.reject,
        summary="Refuse leave",
        inputs=(Input("reason", Text(0)),),
        roles=ADMINS,
    ),
    Action(
        "leaveCalendar",
        REPAIR,
        "GET",
        "/leave/calendar.ics",
        "Granted leave as a calendar feed",
        {"type": "string"},
        in_shop(_calendar, writes=False),
        ability="leave:read",
        module="hrm",
        media="text/calendar",
        tag="leave",
    ),
)
