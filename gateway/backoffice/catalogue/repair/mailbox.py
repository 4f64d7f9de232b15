"""Where letters come in by IMAP. Beyond contracts/repair.yaml."""

from __future__ import annotations

from gateway.backoffice.access import ADMINS
from gateway.backoffice.action import Call, Section, in_shop
from gateway.backoffice.catalogue.repair.shapes import FLAG, NULL_MOMENT, TEXT, WHOLE, members
from gateway.backoffice.kinds import Choice, Flag, Text, Whole
from gateway.backoffice.nouns.messages import ENCRYPTIONS
from gateway.backoffice.profiles.repair import REPAIR
from gateway.backoffice.resource import Input
from gateway.backoffice.rules import inbox

_PATH = "/v1/email/mailbox"

_MAILBOX = members(
    host=TEXT,
    port=WHOLE,
    encryption=TEXT,
    username=TEXT,
    folder=TEXT,
    enabled=FLAG,
    checked_at=NULL_MOMENT,
    problem=TEXT,
)


async def _change(call: Call) -> object:
    host, sealer = call.values.get("host"), call.outside.sealer
    if host:
        await call.outside.check_address(f"https://{host}:{call.values.get('port') or 993}")
    return await call.write(lambda shop: inbox.change(shop, sealer, call.values))


_SECTION = Section(REPAIR, "email", module="messaging")

ACTIONS = (
    _SECTION.action(
        "GET",
        "getMailbox",
        _PATH,
        "Where letters come in, and how the last look went",
        _MAILBOX,
        in_shop(lambda shop, _: inbox.shown(shop), writes=False),
        roles=ADMINS,
    ),
    _SECTION.action(
        "PUT",
        "setMailbox",
        _PATH,
        "Change where letters come in (IMAP)",
        _MAILBOX,
        _change,
        inputs=(
            Input("host", Text(255, pattern=r"^[A-Za-z0-9.:-]*$")),
            Input("port", Whole(1, 65_535)),
            Input("encryption", Choice(ENCRYPTIONS)),
            Input("username", Text()),
            Input("password", Text()),
            # Printable ASCII without what would end a quoted name.
            Input("folder", Text(255, pattern=r"^[ !#-\[\]-~]+$")),
            Input("enabled", Flag()),
        ),
        roles=ADMINS,
        also=("PATCH",),
    ),
)
