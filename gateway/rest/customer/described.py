"""Every operation of the customer API, for its OpenAPI document.

A test holds this table to what is mounted: each has the other's addresses and methods. What
answers look like is in ``answers.json``, and held to the contract.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib.resources import files

import msgspec

from gateway.rest.customer.authentication import (
    FORGOT,
    ChoosePasswordBody,
    ForgotPasswordBody,
    LoginByConnectorId,
    LoginByConnectorUuid,
    LoginByOtp,
    LoginByPassword,
    RefreshBody,
)
from gateway.rest.customer.chat import AttachmentBody, MessageBody, TranslateBody
from gateway.rest.customer.customers import CustomerBody
from gateway.rest.customer.described_catalogue import PAGE, PRODUCTS, VEHICLES, known, reading
from gateway.rest.customer.employees import EmployeeBody
from gateway.rest.customer.paths import PATHS
from gateway.rest.customer.tickets import CsatBody, TicketBody
from gateway.web.openapi import (
    NUMBER,
    TEXT,
    UUID_TEXT,
    Described,
    Operation,
    Query,
    Schema,
)

CHANNEL = Query("channel_id", {"type": "string", "maxLength": 500}, required=True)


def _sign_in(name: str, path: str, summary: str, body: type) -> Operation:
    tag = "Authentication"
    return Operation(name, "POST", path, summary, tag, body=body, answer="Tokens", public=True)


_AUTHENTICATION = (
    _sign_in(
        "loginByConnectorId",
        "/v1/authenticate/pincode",
        "Sign in with connector number and pincode",
        LoginByConnectorId,
    ),
    _sign_in(
        "loginByConnectorUuid",
        PATHS["loginByConnectorUuid"],
        "Sign in with connector UUID and pincode",
        LoginByConnectorUuid,
    ),
    _sign_in("loginByOtp", PATHS["loginByOtp"], "Sign in with a one-time password", LoginByOtp),
    _sign_in(
        "loginByPassword", "/v1/authenticate/password", "Sign in as an employee", LoginByPassword
    ),
    _sign_in("refresh", "/v1/authenticate/refresh", "Buy the next tokens", RefreshBody),
    Operation(
        "forgotPassword",
        "POST",
        FORGOT,
        "Mail a code for choosing a password",
        "Authentication",
        body=ForgotPasswordBody,
        answer="ForgotPasswordResult",
        public=True,
    ),
    Operation(
        "choosePassword",
        "POST",
        "/v1/authenticate/password/choose",
        "Choose a password with a mailed code",
        "Authentication",
        body=ChoosePasswordBody,
        status=204,
        public=True,
    ),
)

_CONNECTORS = (
    known("listConnectors", "List connectors", "Connectors", "ConnectorPage", *PAGE),
    known("getConnector", "One connector by number", "Connectors", "Connector"),
    known("getConnectorByUuid", "One connector by UUID", "Connectors", "Connector"),
    Operation(
        "dismissConnectorAttention",
        "POST",
        PATHS["dismissConnectorAttention"],
        "Dismiss a connector's call for attention",
        "Connectors",
        status=204,
    ),
    known("getActiveTicket", "The open ticket of a connector", "Connectors", "Ticket"),
)

_TICKETS = (
    Operation(
        "createTicket",
        "POST",
        PATHS["createTicket"],
        "Order",
        "Tickets",
        body=TicketBody,
        status=201,
        answer="Ticket",
    ),
    Operation(
        "putTicketCsat",
        "POST",
        PATHS["putTicketCsat"],
        "Say how content you are",
        "Tickets",
        body=CsatBody,
        answer={"type": "null"},
    ),
    reading(
        "listTicketNotes",
        "/v1/tickets/{ticket_id}/notes",
        "Notes of a ticket, with what is attached",
        "Tickets",
        "TicketNotePage",
        *PAGE,
    ),
    known(
        "listPreparedTickets",
        "What was prepared for a vehicle",
        "Tickets",
        "PreparedTicketPage",
        Query("vin", TEXT, required=True),
        *PAGE,
    ),
    reading(
        "listHistoricalTickets",
        "/v1/historical-tickets",
        "Finished tickets",
        "Tickets",
        "HistoricalTicketPage",
        Query("vin", TEXT),
        Query("connector_id", NUMBER),
        *PAGE,
    ),
    reading(
        "getHistoricalTicket",
        "/v1/historical-tickets/{ticket_id}",
        "One finished ticket",
        "Tickets",
        "HistoricalTicket",
    ),
)

_PEOPLE = (
    known("getCurrentUser", "Who is signed in", "Users", "User"),
    reading(
        "listEmployees", "/v1/employees", "List employees", "Employees", "EmployeePage", *PAGE
    ),
    Operation(
        "addEmployee",
        "POST",
        "/v1/employees",
        "Add an employee",
        "Employees",
        body=EmployeeBody,
        status=201,
        answer="Employee",
    ),
    known("getEmployee", "One employee, or the caller as `me`", "Employees", "Employee"),
    Operation(
        "changeEmployee",
        "PUT",
        PATHS["changeEmployee"],
        "Change an employee",
        "Employees",
        body=EmployeeBody,
        answer="Employee",
    ),
    reading("getCustomer", "/v1/customers/me", "The garage", "Customer", "Customer"),
    Operation(
        "changeCustomer",
        "PUT",
        PATHS["changeCustomer"],
        "Change the garage",
        "Customer",
        body=CustomerBody,
        answer="Customer",
    ),
    known("getBranding", "How the portal looks", "Customer", "Branding"),
    reading(
        "getCustomerWallet",
        "/v1/customer-wallet",
        "What is paid ahead",
        "Customer",
        "CustomerWallet",
    ),
    known("getServiceCenter", "The service centre", "Service center", "ServiceCenter"),
    known(
        "getServiceCenterState", "Whether it serves now", "Service center", "ServiceCenterState"
    ),
)

_MESSENGER = (
    reading("getChannel", "/v1/channels/{channel_id}", "One chat", "Messenger", "Channel"),
    Operation(
        "sendControlMessage",
        "POST",
        "/v1/channels/{channel_id}/actions/send-control-message",
        "Let everybody who follows a chat know of it",
        "Messenger",
        answer="ControlMessageResult",
    ),
    Operation(
        "listMessages",
        "GET",
        "/v1/channels/{channel_id}/messages",
        "Messages of a chat, the newest first",
        "Messenger",
        query=(Query("before", NUMBER), Query("limit", NUMBER | {"minimum": 1, "maximum": 200})),
        answer={
            "type": "object",
            "required": ["result"],
            "properties": {"result": {"type": "array", "items": {"type": "object"}}},
        },
    ),
    Operation(
        "say",
        "POST",
        "/v1/channels/{channel_id}/messages",
        "Say something",
        "Messenger",
        body=MessageBody,
        status=201,
        answer={"type": "object"},
    ),
    Operation(
        "createChannelAttachment",
        "POST",
        "/v1/channel-attachments",
        "Reserve a file and get a link to upload it to",
        "Messenger",
        body=AttachmentBody,
        query=(CHANNEL,),
        status=201,
        answer="Attachment",
    ),
    reading(
        "getChannelAttachment",
        "/v1/channel-attachments",
        "Get a link to a file of a chat",
        "Messenger",
        "Attachment",
        CHANNEL,
        Query("file_reference", {"type": "string", "maxLength": 500}, required=True),
    ),
    Operation(
        "translateText",
        "POST",
        "/v1/translate",
        "Translate a text",
        "Messenger",
        body=TranslateBody,
        status=201,
        answer="TranslateResult",
    ),
)

#: Parameters of paths; employees are named by a UUID or ``me``, chats by one of two spellings.
_PARAMETERS: Mapping[str, Schema] = {
    **dict.fromkeys(
        ("connector_id", "make_id", "group_id", "model_id", "variant_id", "ticket_id"), NUMBER
    ),
    "product_id": NUMBER,
    "connector_uuid": UUID_TEXT,
}

#: Statuses that an operation may have instead of success.
REFUSALS = (400, 401, 403, 404, 409, 413, 429, 503)


def describe() -> Described:
    """Return the customer API as its document shows it."""
    answers = files(__package__).joinpath("answers.json").read_bytes()
    return Described(
        title="Customer portal",
        operations=(
            *_AUTHENTICATION,
            *_CONNECTORS,
            *VEHICLES,
            *PRODUCTS,
            *_TICKETS,
            *_PEOPLE,
            *_MESSENGER,
        ),
        schemas=msgspec.json.decode(answers, type=dict[str, Schema]),
        parameters=_PARAMETERS,
        refusals=REFUSALS,
    )
