"""Field sales: settings."""

from __future__ import annotations

from gateway.backoffice.catalogue.field_sales.acts import TEXT, on_all, removal
from gateway.backoffice.catalogue.field_sales.cells import NAME, NOTES, Cell
from gateway.backoffice.catalogue.field_sales.sheet import KEPT, Rules, nouns, sheet
from gateway.backoffice.kinds import Email, Flag, Ref
from gateway.backoffice.nested import Many
from gateway.backoffice.profiles.field_sales import META, PAGING
from gateway.backoffice.records import Anything
from gateway.backoffice.resource import EVERYTHING, Input, Operation
from gateway.backoffice.rules import unsubscribing

CUSTOM_LIST = sheet(
    "/custom-list",
    META,
    "CustomList",
    {
        "name": Cell(NAME, find=True),
        "description": NOTES,
        "entity": NAME,
        "disabled": Flag(),
    },
    name="custom_list",
)

CUSTOM_LIST_ITEM = sheet(
    "/custom-list-item",
    META,
    "CustomListItem",
    {
        "name": NAME,
        "value": NOTES,
        "customList": Cell(Ref("custom_list"), also=("custom_list",)),
        "disabled": Flag(),
    },
    name="custom_list_item",
)

CUSTOM_STATUS = sheet(
    "/custom-status",
    META,
    "CustomStatus",
    {
        "name": Cell(NAME, find=True),
        "color": Cell(NAME, find=True),
        "entity": Cell(NAME, also=("model",)),
        "disabled": Cell(Flag(), find=True),
    },
    name="custom_status",
)

#: What every garage begins with; integrations read them by their key.
_SETTINGS = tuple(
    {"key": key, "value": value, "category": category, "description": description}
    for key, value, category, description in (
        ("currency", "EUR", "money", "Currency of prices and balances"),
        ("timezone", "Europe/Amsterdam", "time", "Zone of business days"),
        ("language", "en", "texts", "Language of documents"),
        ("geofencing_radius", 100, "visits", "Metres around a client that count as being there"),
    )
)

SALES_SETTING = sheet(
    "/settings",
    META,
    "Settings",
    {
        "key": NAME,
        "value": Anything(),
        "category": NAME,
        "description": NOTES,
    },
    name="sales_setting",
    seeds=_SETTINGS,
    operations=KEPT - {Operation.CREATE},
)

UNSUBSCRIBED_EMAIL = sheet(
    "/mail-unsubscribe",
    PAGING,
    "MailUnsubscribe",
    {
        "email": Cell(Email(), must=True, find=True),
        "reason": NOTES,
        "unsubscribe_types": Cell(Many(NAME), default=["all"]),
        "user_agent": NOTES,
        "ip_address": NAME,
    },
    name="unsubscribed_email",
    operations=EVERYTHING - {Operation.CHANGE},
    rules=Rules(unsubscribing.unsubscribe),
)

RESOURCES = (
    CUSTOM_LIST,
    CUSTOM_LIST_ITEM,
    CUSTOM_STATUS,
    SALES_SETTING,
    UNSUBSCRIBED_EMAIL,
)
NOUNS = nouns(*RESOURCES)

ACTIONS = (
    removal(UNSUBSCRIBED_EMAIL, "bulkResubscribeEmails"),
    on_all(
        "/mail-unsubscribe/check",
        "checkEmailSubscription",
        unsubscribing.check,
        "Tell whether a mailbox wants no letters",
        inputs=(Input("email", Email(), required=True),),
        shows={
            "type": "object",
            "properties": {"is_unsubscribed": {"type": "boolean"}, "unsubscribe_date": TEXT},
            "required": ["is_unsubscribed"],
        },
    ),
)
