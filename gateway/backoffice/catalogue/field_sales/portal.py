"""Field sales: portal."""

from __future__ import annotations

from gateway.backoffice.action import Action, Call, Run
from gateway.backoffice.catalogue.field_sales.acts import TEXT, on_one
from gateway.backoffice.catalogue.field_sales.cells import (
    LINK,
    NAME,
    NOTES,
    URL,
    Cell,
    first,
    later,
    own,
    words,
)
from gateway.backoffice.catalogue.field_sales.sheet import Rules, nouns, sheet
from gateway.backoffice.kinds import Flag, Ref, Whole
from gateway.backoffice.moments import Moment
from gateway.backoffice.nested import Many, Part
from gateway.backoffice.profiles.field_sales import FIELD_SALES, PAGING
from gateway.backoffice.resource import Input
from gateway.backoffice.rules.field_sales import portal, portal_entries

PORTAL_ENTRY = sheet(
    "/workorder-portal",
    PAGING,
    "WorkorderPortal",
    {
        "workorder": first(Ref("field_order"), must=True),
        "client": first(Ref("customer"), must=True),
        "portal_access_code": own(NAME),
        "portal_url": own(URL),
        "status": later(words("pending", "in_progress", "completed", "cancelled"), find=True),
        "access_level": Cell(words("view_only", "comment", "full_access"), default="view_only"),
        "allowed_actions": Cell(
            Many(words("view", "comment", "upload_files", "approve", "reject")), default=["view"]
        ),
        "expiry_date": Moment(),
        "last_accessed": own(Moment()),
        "access_count": own(Whole()),
        "notifications": Part(
            {
                "email_enabled": Flag(),
                "sms_enabled": Flag(),
                "notification_events": Many(
                    words("status_change", "new_comment", "deadline_approaching")
                ),
            }
        ),
        "portal_settings": Part(
            {"show_progress": Flag(), "allow_comments": Flag(), "require_authentication": Flag()}
        ),
        "custom_branding": Part({"logo_url": LINK, "brand_color": NAME, "company_name": NAME}),
        "disabled": Cell(Flag(), default=False),
    },
    name="portal_entry",
    rules=Rules(portal.create_entry, portal.change_entry),
)

PORTAL_LINK = sheet(
    "/workorder-portal-link",
    PAGING,
    "WorkorderPortalLink",
    {
        "workorder": first(Ref("field_order"), must=True),
        "link_token": own(NAME),
        "full_url": own(URL),
        "link_type": Cell(words("public", "private", "secure"), default="private", find=True),
        "permissions": Part(
            {
                "can_view_details": Flag(),
                "can_add_comments": Flag(),
                "can_upload_files": Flag(),
                "can_view_history": Flag(),
                "can_approve_reject": Flag(),
            }
        ),
        "access_restrictions": Part(
            {
                "allowed_ips": Many(NAME),
                "max_uses": Whole(),
                "password_protected": Flag(),
                "require_email_verification": Flag(),
            }
        ),
        "expiry_date": Moment(),
        "is_active": Cell(Flag(), default=True, find=True),
        "usage_stats": own(
            Part(
                {
                    "total_views": Whole(),
                    "unique_visitors": Whole(),
                    "last_accessed": Moment(),
                    "access_log": Many(
                        Part(
                            {
                                "timestamp": Moment(),
                                "ip_address": NAME,
                                "user_agent": NOTES,
                                "action": NAME,
                            }
                        )
                    ),
                }
            )
        ),
        "notification_settings": Part(
            {
                "notify_on_access": Flag(),
                "notify_on_comment": Flag(),
                "notify_on_file_upload": Flag(),
                "notification_recipients": Many(NAME),
            }
        ),
        "custom_branding": Part(
            {"logo_url": LINK, "brand_color": NAME, "custom_domain": NAME, "footer_text": NAME}
        ),
        "metadata": Part({"created_by": NAME, "purpose": NAME, "tags": Many(NAME)}),
    },
    name="portal_link",
    rules=Rules(portal.create_link),
)

RESOURCES = (
    PORTAL_ENTRY,
    PORTAL_LINK,
)
NOUNS = nouns(*RESOURCES)


async def _show(call: Call) -> object:
    token = call.path["token"]
    tenant_id, link_id = portal.garage_of(token)
    return await call.of_garage(
        tenant_id, lambda shop: portal.visit(shop, link_id, token, call.address)
    )


async def _ask(call: Call) -> object:
    portal.garage_of(call.path["key"])
    return portal_entries.ask()


async def _enter(call: Call) -> object:
    tenant_id, entry_id = portal.garage_of(call.path["key"])
    given = call.values["code"], call.values.get("answer")
    return await call.of_garage(
        tenant_id, lambda shop: portal_entries.enter(shop, entry_id, *given)
    )


def _entry(name: str, method: str, summary: str, run: Run, *inputs: Input) -> Action:
    """Return what is done with the page of an entry, by whoever has its code."""
    return Action(
        name,
        FIELD_SALES,
        method,
        portal.ENTRY_PATH + "/{key}",
        summary,
        TEXT,
        run,
        inputs=inputs,
        public=True,
        accepts="multipart/form-data",
        media="text/html",
        tag="workorder-portal",
    )


ACTIONS = (
    _entry("askForPortalCode", "GET", "The page that asks for an entry's code", _ask),
    _entry(
        "openPortalEntry",
        "POST",
        "Show a work order to whoever has the code, and take their answer",
        _enter,
        Input("code", NAME, required=True),
        Input("answer", words(*portal_entries.ANSWERS)),
    ),
    on_one(
        PORTAL_ENTRY,
        "setPortalEntryStatus",
        "/{id}/status",
        portal.set_status,
        "Bring an entry into another state",
        method="PATCH",
        inputs=(
            Input(
                "status", words("pending", "in_progress", "completed", "cancelled"), required=True
            ),
            Input("notes", NAME),
        ),
    ),
    on_one(
        PORTAL_LINK,
        "regeneratePortalLink",
        "/{id}/regenerate",
        portal.regenerate,
        "Give a link a new token",
    ),
    on_one(PORTAL_LINK, "activatePortalLink", "/{id}/activate", portal.activate, "Open a link"),
    on_one(
        PORTAL_LINK, "deactivatePortalLink", "/{id}/deactivate", portal.deactivate, "Close a link"
    ),
    Action(
        "showPortalPage",
        FIELD_SALES,
        "GET",
        "/portal/{token}",
        "The page behind a link to a work order",
        {"type": "string"},
        _show,
        public=True,
        media="text/html",
        tag="workorder-portal-link",
    ),
)
