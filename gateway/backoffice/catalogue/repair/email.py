"""E-mail (contracts/repair.yaml, Email System)."""

from __future__ import annotations

from dataclasses import replace

from gateway.backoffice.access import ADMINS
from gateway.backoffice.action import Call, Section
from gateway.backoffice.catalogue.repair.shapes import (
    CUSTOMER_REF,
    TEXT,
    WHOLE,
    members,
)
from gateway.backoffice.kinds import Choice, Email, Identifier, Text, Whole
from gateway.backoffice.moments import Day, DayEdge
from gateway.backoffice.nouns.messages import (
    EMAIL_MESSAGE,
    EMAIL_TEMPLATE,
    EMAIL_THREAD,
    ENCRYPTIONS,
)
from gateway.backoffice.profiles.repair import PAGED, REPAIR
from gateway.backoffice.profiles.repair import WHOLE as BARE
from gateway.backoffice.resource import (
    EVERYTHING,
    READING,
    Field,
    Filter,
    Input,
    Match,
    Nested,
    Operation,
    Resource,
    Shape,
    to_many,
    to_one,
)
from gateway.backoffice.rules import correspondence, outgoing

_SUMMARY = (
    Field("id"),
    Field("subject"),
    Nested("customer", "customer", CUSTOMER_REF, many=False),
)

THREAD_SUMMARY = Shape(
    "EmailThreadSummary",
    EMAIL_THREAD,
    (*_SUMMARY, Field("last_message_at"), Field("message_count"), Field("direction")),
    (to_one("customer", "customer"),),
)

THREAD = Shape(
    "EmailThread",
    EMAIL_THREAD,
    (
        *_SUMMARY,
        Nested(
            "messages",
            "messages",
            Shape(
                "EmailMessage",
                EMAIL_MESSAGE,
                (
                    Field("id"),
                    Field("direction"),
                    Field("body_html"),
                    Field("sent_at"),
                    Field("from", "sender"),
                    Field("to", "recipients"),
                    Field("message_id"),
                ),
            ),
        ),
    ),
    (to_one("customer", "customer"), to_many("messages", "email_message", "thread_id")),
)

THREADS = Resource(
    name="email_thread",
    profile=PAGED,
    path="/v1/email/threads",
    shape=THREAD_SUMMARY,
    detail=THREAD,
    ability="email",
    module="messaging",
    operations=READING,
    order=("-last_message_at",),
    filters=(
        Filter("customer_id"),
        Filter("from", ("last_message_at",), Match.FROM, DayEdge()),
        Filter("to", ("last_message_at",), Match.BELOW, DayEdge(following=True)),
        Filter("subject", ("subject",), Match.SEARCH),
    ),
)


def _box(name: str, path: str, direction: str, alias: str) -> Resource:
    return replace(
        THREADS,
        name=name,
        path=path,
        aliases=(alias,),
        operations=frozenset({Operation.LIST}),
        filters=(),
        only=(("direction", direction),),
    )


TEMPLATES = Resource(
    name="email_template",
    profile=BARE,
    path="/v1/email/templates",
    shape=Shape(
        "EmailTemplate",
        EMAIL_TEMPLATE,
        (
            Field("id"),
            Field("name", required=True),
            Field("subject", required=True),
            Field("body_html", required=True),
            Field("updated_at", kind=Day()),
        ),
    ),
    ability="email",
    module="messaging",
    operations=EVERYTHING - {Operation.READ},
    order=("id",),
    create=correspondence.create_template,
    change=correspondence.change_template,
)

RESOURCES = (
    THREADS,
    _box("email_inbox", "/v1/email/inbox", "inbound", "/v1/email"),
    _box("email_sent", "/v1/email/sent", "outbound", "/v1/email/outbox"),
    TEMPLATES,
)


async def _send(call: Call) -> object:
    """Hand a letter to the server, then put it into its thread."""
    values, sealer, user_id = call.values, call.outside.sealer, call.user.user_id
    subject, body = await call.read(lambda shop: correspondence.prepare(shop, values))
    account = await call.read(lambda shop: outgoing.account_of(shop, sealer, user_id))
    message = outgoing.compose(account, values["to"], subject, body)
    await call.outside.mail(account.server, message)
    thread_id = await call.write(lambda shop: correspondence.note_sent(shop, message, body))
    return {"thread_id": thread_id, "message_id": str(message["Message-ID"]), "status": "sent"}


async def _config(call: Call) -> object:
    return await call.read(correspondence.server)


async def _set_config(call: Call) -> object:
    sealer = call.outside.sealer
    return await call.write(lambda shop: correspondence.set_server(shop, sealer, call.values))


_SERVER = members(
    host=TEXT, port=WHOLE, encryption=TEXT, username=TEXT, from_name=TEXT, from_address=TEXT
)

_SECTION = Section(REPAIR, "email", module="messaging")

ACTIONS = (
    _SECTION.action(
        "POST",
        "sendEmail",
        "/v1/email/send",
        "Send a letter",
        members(thread_id=WHOLE, message_id=TEXT, status=TEXT),
        _send,
        inputs=(
            Input("to", Email(), required=True),
            Input("subject", Text(), required=True),
            Input("body_html", Text(0), required=True),
            Input("template_id", Identifier()),
        ),
    ),
    _SECTION.action(
        "GET",
        "getEmailConfig",
        "/v1/email/config",
        "The garage's mail server",
        _SERVER,
        _config,
        roles=ADMINS,
    ),
    _SECTION.action(
        "PUT",
        "setEmailConfig",
        "/v1/email/config",
        "Change the garage's mail server",
        _SERVER,
        _set_config,
        inputs=(
            Input("host", Text(), required=True),
            Input("port", Whole(1, 65_535), required=True),
            Input("encryption", Choice(ENCRYPTIONS)),
            Input("username", Text(), required=True),
            Input("password", Text()),
            Input("from_name", Text()),
            Input("from_address", Email()),
        ),
        roles=ADMINS,
        also=("POST", "PATCH"),
    ),
)
