"""What goes out and comes in: mail, SMS, calls, parcels, questions to other services."""

from __future__ import annotations

from decimal import Decimal

from gateway.backoffice.kinds import Bytes, Choice, Document, Email, Flag, Number, Ref, Text, Whole
from gateway.backoffice.moments import Moment
from gateway.backoffice.noun import Column, Noun
from gateway.backoffice.records import Anything

DIRECTIONS = ("inbound", "outbound")

#: Of mail servers: STARTTLS, TLS from the start, neither.
ENCRYPTIONS = ("tls", "ssl", "none")

#: The garage's own mail server; one row.
MAIL_SERVER = Noun(
    "mail_server",
    (
        Column("host", Text(255), null=False),
        Column("port", Whole(1, 65_535), null=False),
        Column("encryption", Choice(ENCRYPTIONS), null=False, default="tls"),
        Column("username", Text(255), null=False),
        Column("password", Text(0)),
        Column("from_name", Text(255), null=False, default=""),
        Column("from_address", Email()),
    ),
)

#: Where letters come in, by IMAP; one row.
MAILBOX = Noun(
    "mailbox",
    (
        Column("host", Text(255), null=False, default=""),
        Column("port", Whole(1, 65_535), null=False, default=993),
        Column("encryption", Choice(ENCRYPTIONS), null=False, default="ssl"),
        Column("username", Text(255), null=False, default=""),
        Column("password", Text(0)),
        Column("folder", Text(255), null=False, default="INBOX"),
        Column("enabled", Flag(), null=False, default=False),
        # Up to where it was read, in the server's own numbers (UIDVALIDITY and UID).
        Column("validity", Whole(0, 2**32)),
        Column("last_uid", Whole(0, 2**32)),
        Column("due_at", Moment(), null=False),
        Column("checked_at", Moment()),
        Column("problem", Text(255)),
    ),
)

EMAIL_THREAD = Noun(
    "email_thread",
    (
        Column("subject", Text(255), null=False, index=True),
        Column("customer_id", Ref("customer")),
        Column("last_message_at", Moment(), null=False, index=True),
        Column("message_count", Whole(0), null=False, default=0),
        # Of the last message.
        Column("direction", Choice(DIRECTIONS), null=False, index=True),
    ),
    indexes=(("customer_id", "last_message_at"),),
)

EMAIL_MESSAGE = Noun(
    "email_message",
    (
        Column("thread_id", Ref("email_thread"), null=False),
        Column("direction", Choice(DIRECTIONS), null=False, index=True),
        Column("body_html", Text(0), null=False),
        Column("sent_at", Moment(), null=False),
        Column("sender", Text(255), null=False),
        Column("recipients", Document(texts=True), null=False),
        Column("message_id", Text(255), null=False, unique=True),
        # Names of what came along; the files themselves stay with the mail server.
        Column("attachments", Document(texts=True)),
    ),
)

#: Mail that was promised in a transaction and goes out after it.
OUTGOING_MAIL = Noun(
    "outgoing_mail",
    (
        Column("recipient", Email(), null=False),
        Column("subject", Text(255), null=False),
        Column("body_html", Text(0), null=False),
        Column("attachment_name", Text(255)),
        Column("attachment", Bytes()),
        # Whose booking link the letter carries, and whose time as a calendar file.
        Column("appointment_id", Ref("appointment")),
        Column("state", Choice(("waiting", "sent", "failed")), null=False, index=True),
        Column("attempts", Whole(0), null=False, default=0),
        Column("due_at", Moment(), null=False, index=True),
        Column("error", Text(255)),
    ),
)

#: A call of an automation rule to somebody's server, promised and made like mail.
OUTGOING_WEBHOOK = Noun(
    "outgoing_webhook",
    (
        Column("url", Text(1_000), null=False),
        Column("payload", Document(), null=False),
        # Whose secret signs it; nothing for calls of automation rules.
        Column("endpoint_id", Whole(1)),
        Column("state", Choice(("waiting", "sent", "failed")), null=False, index=True),
        Column("attempts", Whole(0), null=False, default=0),
        Column("due_at", Moment(), null=False, index=True),
        Column("error", Text(255)),
    ),
)

EMAIL_TEMPLATE = Noun(
    "email_template",
    (
        Column("name", Text(255), null=False),
        Column("subject", Text(255), null=False),
        Column("body_html", Text(0), null=False),
    ),
)

SMS_TEMPLATE = Noun(
    "sms_template",
    (Column("name", Text(255), null=False), Column("body", Text(0), null=False)),
)

SMS_MESSAGE = Noun(
    "sms_message",
    (
        Column("phone", Text(16), null=False, index=True),
        Column("body", Text(0), null=False),
        Column(
            "status",
            Choice(("queued", "sent", "delivered", "failed")),
            null=False,
            default="queued",
            index=True,
        ),
        Column("segments", Whole(1), null=False, default=1),
        Column("cost", Number(4, Decimal(0)), null=False, default=Decimal(0)),
        Column("template_id", Whole(1)),
        Column("customer_id", Ref("customer")),
        # The service's own number, by which its callback names the message.
        Column("provider_id", Text(64), unique=True),
        Column("sent_at", Moment()),
        Column("delivered_at", Moment()),
        Column("error", Text(255)),
    ),
)

PBX_CALL = Noun(
    "pbx_call",
    (
        Column("caller", Text(64), null=False),
        Column("callee", Text(64)),
        Column("extension", Text(16)),
        Column("duration_sec", Whole(0), null=False, default=0),
        Column("outcome", Text(32), null=False),
        Column("started_at", Moment(), null=False, index=True),
        Column("customer_id", Ref("customer")),
        Column("direction", Choice(DIRECTIONS), null=False, default="inbound"),
        Column("provider_id", Text(64), unique=True),
    ),
    indexes=(("extension", "started_at"), ("outcome", "started_at")),
)

INTEGRATION = Noun(
    "integration",
    (
        Column("slug", Text(32), null=False, unique=True),
        Column("is_enabled", Flag(), null=False, default=False),
        Column("config", Document(), null=False),
        # Member -> sealed text.
        Column("secrets", Document(), null=False),
        Column("last_tested_at", Moment()),
    ),
)

SHIPPING_LABEL = Noun(
    "shipping_label",
    (
        Column("tracking_number", Text(32), null=False, unique=True),
        Column("label_format", Choice(("pdf", "gif", "zpl")), null=False, default="pdf"),
        Column("image", Bytes()),
        Column("shipping_cost", Number(2)),
        Column("work_order_id", Ref("work_order")),
        Column("is_return", Flag(), null=False, default=False),
        Column("voided_at", Moment()),
        # The last answer about where it is.
        Column("tracked_at", Moment()),
        Column("tracking", Document()),
    ),
)

VAT_CHECK = Noun(
    "vat_check",
    (
        Column("is_valid", Flag(), null=False),
        Column("name", Text(255)),
        Column("vat_number", Text(32), null=False, index=True),
        Column("country_code", Text(2), null=False),
        Column("address", Text(0)),
        Column("consultation_number", Text(64)),
        Column("checked_at", Moment(), null=False),
        Column("source", Choice(("vies", "cache", "offline")), null=False),
        Column("invoice_id", Ref("invoice")),
    ),
)

#: One row: how the assistant works.
AI_SETTING = Noun(
    "ai_setting",
    (
        Column("enabled", Flag(), null=False, default=False),
        Column("openai_model", Text(64), null=False, default="gpt-4o-mini"),
        Column("diagnosis_cost", Number(2, Decimal(0)), null=False, default=Decimal(0)),
        Column("diagnosis_tax_rate_id", Ref("tax_rate")),
        Column("max_suggestions", Whole(1, 10), null=False, default=5),
    ),
)

AI_REQUEST = Noun(
    "ai_request",
    (
        Column("question", Document(), null=False),
        Column("answer", Anything()),
        Column("source", Text(16), null=False),
        Column("tokens", Whole(0), null=False, default=0),
        Column("user_id", Ref("shop_user")),
    ),
)

NOUNS = (
    MAIL_SERVER,
    MAILBOX,
    EMAIL_THREAD,
    EMAIL_MESSAGE,
    OUTGOING_MAIL,
    OUTGOING_WEBHOOK,
    EMAIL_TEMPLATE,
    SMS_TEMPLATE,
    SMS_MESSAGE,
    PBX_CALL,
    INTEGRATION,
    SHIPPING_LABEL,
    VAT_CHECK,
    AI_SETTING,
    AI_REQUEST,
)
