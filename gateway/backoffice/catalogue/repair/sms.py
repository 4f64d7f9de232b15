"""SMS (contracts/repair.yaml, SMS System)."""

from __future__ import annotations

from gateway.backoffice.action import Section, in_shop
from gateway.backoffice.catalogue.repair.shapes import AMOUNT, TEXT, WHOLE, members
from gateway.backoffice.kinds import Flag, Identifier, Text
from gateway.backoffice.nouns.messages import SMS_MESSAGE, SMS_TEMPLATE
from gateway.backoffice.profiles.repair import PAGED, REPAIR
from gateway.backoffice.profiles.repair import WHOLE as BARE
from gateway.backoffice.resource import (
    EVERYTHING,
    Computed,
    Field,
    Filter,
    Input,
    Operation,
    Resource,
    Shape,
)
from gateway.backoffice.rules import texting

MESSAGES = Resource(
    name="sms_message",
    profile=PAGED,
    path="/v1/sms/messages",
    aliases=("/v1/sms/history",),
    shape=Shape(
        "SmsMessage",
        SMS_MESSAGE,
        (
            Computed("id", TEXT, lambda row: str(row.values["id"])),
            Field("phone"),
            Field("body"),
            Field("status"),
            Field("segments"),
            Field("cost"),
            Field("template_id"),
            Field("customer_id"),
            Field("sent_at"),
            Field("delivered_at"),
        ),
    ),
    ability="sms",
    module="messaging",
    operations=frozenset({Operation.LIST}),
    filters=(Filter("status"), Filter("phone")),
)

TEMPLATES = Resource(
    name="sms_template",
    profile=BARE,
    path="/v1/sms/templates",
    shape=Shape(
        "SmsTemplate",
        SMS_TEMPLATE,
        (Field("id"), Field("name", required=True), Field("body", required=True)),
    ),
    ability="sms",
    module="messaging",
    operations=EVERYTHING - {Operation.READ},
    order=("id",),
    create=texting.create_template,
    change=texting.change_template,
)

RESOURCES = (MESSAGES, TEMPLATES)

_SECTION = Section(REPAIR, "sms", module="messaging")

ACTIONS = (
    _SECTION.action(
        "GET",
        "smsStats",
        "/v1/sms/stats",
        "How many went out, and what they cost",
        members(today=WHOLE, this_month=WHOLE, delivery_rate=AMOUNT, cost_this_month=AMOUNT),
        in_shop(texting.stats, writes=False),
        aliases=("/v1/sms", "/v1/sms/dashboard"),
    ),
    _SECTION.action(
        "POST",
        "sendSms",
        "/v1/sms/send",
        "Queue a message",
        members(message_id=TEXT, status=TEXT),
        in_shop(texting.send),
        inputs=(
            Input("phone", Text(16, pattern=r"^\+[1-9]\d{6,14}$"), required=True),
            Input("body", Text(1_600)),
            Input("template_id", Identifier()),
        ),
    ),
    _SECTION.action(
        "POST",
        "sendSmsBulk",
        "/v1/sms/bulk",
        "Queue a message to many customers",
        members(queued=WHOLE, message=TEXT),
        in_shop(texting.send_bulk),
        inputs=(
            Input("body", Text(1_600), required=True),
            Input("tag_id", Identifier()),
            Input("is_business", Flag()),
        ),
    ),
)
