"""Operations of the operator API about tickets, garages and connectors."""

from __future__ import annotations

from gateway.rest.operator.chat import AttachmentBody, MessageBody
from gateway.rest.operator.notes import NoteBody
from gateway.rest.operator.prepared import PreparedBody
from gateway.rest.operator.service_center import ServiceCenterBody
from gateway.rest.operator.tickets import STATES, CancelBody, CloseBody
from gateway.web.openapi import FLAG, NUMBER, Operation, Query, Schema

PREFIX = "/operator/v1"
_TICKET = "/tickets/{ticket_id}"

PAGE = (Query("offset", NUMBER), Query("limit", NUMBER | {"maximum": 1_000}))

_STATE: Schema = {
    "type": "string",
    "description": f"One or several of {', '.join(STATES)}, separated by commas.",
}


def reading(name: str, path: str, summary: str, tag: str, answer: str, *query: Query) -> Operation:
    """Return an operation that reads."""
    return Operation(name, "GET", PREFIX + path, summary, tag, query=query, answer=answer)


def doing(
    name: str,
    method: str,
    path: str,
    summary: str,
    tag: str,
    body: type | None = None,
    answer: str | None = None,
    status: int = 200,
) -> Operation:
    """Return an operation that changes something; without an answer it succeeds with 204."""
    status = 204 if answer is None else status
    return Operation(
        name, method, PREFIX + path, summary, tag, body=body, answer=answer, status=status
    )


TICKETS = (
    reading(
        "listTickets",
        "/tickets",
        "Tickets, the oldest first",
        "Tickets",
        "OperatorTickets",
        Query("state", _STATE),
        Query("held", FLAG),
        *PAGE,
    ),
    reading("getTicket", _TICKET, "One ticket", "Tickets", "OperatorTicket"),
    doing(
        "closeTicket",
        "POST",
        f"{_TICKET}/close",
        "End a ticket: done",
        "Tickets",
        CloseBody,
        "OperatorTicket",
    ),
    doing(
        "cancelTicket",
        "POST",
        f"{_TICKET}/cancel",
        "End a ticket: not done",
        "Tickets",
        CancelBody,
        "OperatorTicket",
    ),
    doing(
        "writeNote", "POST", f"{_TICKET}/notes", "Write a note", "Tickets", NoteBody, "Note", 201
    ),
    doing(
        "say",
        "POST",
        f"{_TICKET}/messages",
        "Say something",
        "Tickets",
        MessageBody,
        "Message",
        201,
    ),
    reading(
        "listMessages",
        f"{_TICKET}/messages",
        "What was said",
        "Tickets",
        "Messages",
        Query("before", NUMBER),
        Query("limit", NUMBER | {"minimum": 1, "maximum": 1_000}),
    ),
    doing(
        "createAttachment",
        "POST",
        f"{_TICKET}/attachments",
        "Reserve a file",
        "Tickets",
        AttachmentBody,
        "FileLink",
        201,
    ),
    reading(
        "getAttachment",
        f"{_TICKET}/attachments",
        "A link to a file",
        "Tickets",
        "FileLink",
        Query("file_reference", {"type": "string", "maxLength": 500}, required=True),
    ),
    doing(
        "prepareTicket",
        "POST",
        "/prepared-tickets",
        "Write an order down for a garage",
        "Tickets",
        PreparedBody,
        "OperatorTicket",
        201,
    ),
    reading(
        "getServiceCenter",
        "/service-center",
        "Whether you serve now",
        "Service center",
        "OperatorServiceCenter",
    ),
    doing(
        "changeServiceCenter",
        "PUT",
        "/service-center",
        "Open, close, schedule",
        "Service center",
        ServiceCenterBody,
        "OperatorServiceCenter",
    ),
    reading(
        "listConnectors",
        "/connectors",
        "Connectors within reach",
        "Connectors",
        "Connectors",
        *PAGE,
    ),
    reading("getConnector", "/connectors/{uuid}", "One connector", "Connectors", "Connector"),
    doing(
        "callForAttention",
        "POST",
        "/connectors/{uuid}/actions/call-for-attention",
        "Ask somebody to look",
        "Connectors",
    ),
)
