"""Every operation of the partner API, for its OpenAPI document.

A test holds this table to what is mounted.
"""

from __future__ import annotations

from collections.abc import Iterator

from gateway.rest.partner.answers import answers
from gateway.rest.partner.center import MessageBody, ServiceCenterBody
from gateway.rest.partner.contact_points import ContactPointBody
from gateway.rest.partner.door import PREFIX
from gateway.rest.partner.employees import EmployeeBody
from gateway.rest.partner.prepared import PreparedBody
from gateway.rest.partner.tickets import LISTS, CancelBody, CloseBody, OutsourceBody, RemarkBody
from gateway.rest.partner.token import TokenRequest
from gateway.web.openapi import (
    FLAG,
    NUMBER,
    TEXT,
    UUID_TEXT,
    Described,
    Operation,
    Query,
    Schema,
)

_TOKEN = Operation(
    "token",
    "POST",
    "/partner/oauth2/token",
    "Sign in with client credentials (RFC 6749, 4.4)",
    "Authentication",
    body=TokenRequest,
    media="application/x-www-form-urlencoded",
    answer="Token",
    public=True,
)

_MOMENT: Schema = {"type": "string", "format": "date-time"}
_LIMIT: Schema = {"type": "integer", "minimum": 0, "maximum": 1_000}
_PAGE = (Query("limit", _LIMIT), Query("offset", NUMBER))
_CUSTOMER = Query("customer_id", NUMBER)

_TICKET_FILTERS = (
    _CUSTOMER,
    Query("ticket_number", NUMBER),
    Query("externally_processed", FLAG),
    Query("created_after", _MOMENT),
    Query("created_before", _MOMENT),
    *_PAGE,
)


def describe() -> Described:
    """Return the partner API as its document shows it."""
    operations = (_TOKEN, *_tickets(), *_lesser(), *_customers(), *_vehicles())
    parameters = {
        "customer_id": NUMBER,
        "item_id": NUMBER,
        "ticket_id": UUID_TEXT,
        "outsource_id": UUID_TEXT,
        "contact_point_id": UUID_TEXT,
        "employee_id": UUID_TEXT,
    }
    return Described(
        "Partners",
        operations,
        dict(answers()),
        parameters,
        (400, 401, 404, 409, 413, 429, 503),
    )


def _reading(
    name: str, path: str, summary: str, tag: str, answer: str, *query: Query
) -> Operation:
    return Operation(name, "GET", f"{PREFIX}{path}", summary, tag, query=query, answer=answer)


def _doing(
    name: str,
    method: str,
    path: str,
    summary: str,
    tag: str,
    body: type | None,
    answer: str | None = None,
    *,
    status: int = 200,
    optional_body: bool = False,
) -> Operation:
    return Operation(
        name,
        method,
        f"{PREFIX}{path}",
        summary,
        tag,
        body=body,
        answer=answer,
        status=status,
        optional_body=optional_body,
    )


def _tickets() -> Iterator[Operation]:
    tag, item = "Tickets", "/tickets/tickets/{ticket_id}"
    for name in LISTS:
        what, path = name.replace("-", "_"), f"/tickets/{name}"
        filters = (
            (Query("state", TEXT), *_TICKET_FILTERS) if name == "tickets" else _TICKET_FILTERS
        )
        summary = f"List {name.replace('-', ' ')}, oldest first"
        yield _reading(f"list_{what}", path, summary, tag, "Tickets", *filters)
        yield _reading(
            f"get_{what}", f"{path}/{{ticket_id}}", f"Read one of the {what}", tag, "Ticket"
        )
        if name in {"tickets", "prepared-tickets", "closed-tickets"}:
            yield _doing(
                f"remark_{what}",
                "PUT",
                f"{path}/{{ticket_id}}",
                "Say something of a ticket; absent members stay",
                tag,
                RemarkBody,
                "Ticket",
            )
    yield _doing("join", "POST", f"{item}/join", "Begin to serve it", tag, None, "Ticket")
    yield _doing(
        "close",
        "POST",
        f"{item}/close",
        "The work is done",
        tag,
        CloseBody,
        "Ticket",
        optional_body=True,
    )
    yield _doing(
        "cancel", "POST", f"{item}/cancel", "End it without work", tag, CancelBody, "Ticket"
    )
    yield _doing(
        "outsource",
        "POST",
        f"{item}/outsource",
        "Ask another provider to serve it",
        tag,
        OutsourceBody,
        "Outsource",
        status=201,
    )
    yield _doing(
        "reclaim", "POST", f"{item}/reclaim", "Take it back, not begun", tag, None, "Ticket"
    )
    prepared = "/tickets/prepared-tickets"
    yield _doing(
        "prepare", "POST", prepared, "Write one down", tag, PreparedBody, "Ticket", status=201
    )
    path = f"{prepared}/{{ticket_id}}"
    yield _doing("take_back", "DELETE", path, "Take one back", tag, None, status=204)


def _lesser() -> Iterator[Operation]:
    tag, messages = "Tickets", "/tickets/messenger-channel/messages"
    yield _reading(
        "list_outsources",
        "/tickets/outsources",
        "List what was asked of others, and by them",
        tag,
        "Outsources",
        Query("state", TEXT),
        *_PAGE,
    )
    path = "/tickets/outsources/{outsource_id}"
    yield _reading("get_outsource", path, "Read one of them", tag, "Outsource")
    path = "/tickets/outsource-providers"
    yield _reading("list_providers", path, "List who could be asked", tag, "Providers")
    center = "/tickets/service-center"
    yield _reading("get_center", center, "Read whether it serves now", tag, "ServiceCenter")
    summary = "Open, close or schedule it"
    yield _doing("set_center", "PUT", center, summary, tag, ServiceCenterBody, "ServiceCenter")
    yield _reading(
        "list_messages",
        messages,
        "Read a channel, the newest first",
        tag,
        "Messages",
        Query("channel_id", UUID_TEXT, required=True),
        Query("next_token", NUMBER),
        Query("limit", _LIMIT | {"minimum": 1}),
    )
    summary = "Say something in a channel"
    yield _doing("say", "POST", messages, summary, tag, MessageBody, "Message", status=201)
    yield _reading(
        "list_events",
        "/system/events",
        "List events, oldest first, by one filter",
        "System",
        "Events",
        Query("after_id", {"type": "string", "maxLength": 26}),
        Query("occurred_after", _MOMENT),
        Query("type", TEXT),
        Query("limit", _LIMIT | {"minimum": 1}),
    )


def _customers() -> Iterator[Operation]:
    tag, contacts, people = "Customers", "/customers/contact-points", "/customers/employees"
    yield _reading("list_customers", "/customers", "List garages", tag, "Customers", *_PAGE)
    path = "/customers/{customer_id}"
    yield _reading("get_customer", path, "Read a garage", tag, "Customer")
    path = "/customers/locations/{customer_id}"
    yield _reading("get_location", path, "Read where a garage is", tag, "Location")
    yield _reading(
        "list_connectors",
        "/customers/connectors",
        "List connectors",
        tag,
        "Connectors",
        Query("assigned", FLAG),
        _CUSTOMER,
        Query("name", NUMBER),
        Query("type", TEXT),
        *_PAGE,
    )
    yield _reading(
        "list_contact_points",
        contacts,
        "List how garages are reached",
        tag,
        "ContactPoints",
        _CUSTOMER,
        Query("location_id", NUMBER),
        *_PAGE,
    )
    item = f"{contacts}/{{contact_point_id}}"
    body, answer = ContactPointBody, "ContactPoint"
    yield _reading("get_contact_point", item, "Read one", tag, answer)
    yield _doing("add_contact", "POST", contacts, "Add one", tag, body, answer, status=201)
    yield _doing("change_contact", "PUT", item, "Change one", tag, body, answer)
    yield _doing("remove_contact", "DELETE", item, "Forget one", tag, None, status=204)
    summary = "List people"
    yield _reading("list_employees", people, summary, tag, "Employees", _CUSTOMER, *_PAGE)
    item = f"{people}/{{employee_id}}"
    yield _reading("get_employee", item, "Read somebody", tag, "Employee")
    yield _doing(
        "add_employee", "POST", people, "Add somebody", tag, EmployeeBody, "Employee", status=201
    )
    yield _doing("change_employee", "PUT", item, "Change them", tag, EmployeeBody, "Employee")


def _vehicles() -> Iterator[Operation]:
    tag = "Vehicles"
    rows = (
        ("makes", "Make", ()),
        ("model-groups", "ModelGroup", (Query("make_id", NUMBER, required=True),)),
        ("models", "Model", (Query("model_group_id", NUMBER, required=True),)),
    )
    for path, answer, filters in rows:
        name = path.replace("-", "_")
        listed = f"/vehicles/{path}"
        yield _reading(f"list_{name}", listed, f"List {path}", tag, f"{answer}s", *filters, *_PAGE)
        yield _reading(f"get_{name}", f"{listed}/{{item_id}}", "Read one", tag, answer)
