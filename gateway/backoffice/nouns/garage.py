"""The garage itself: what stands on its papers, and how it wants things done."""

from __future__ import annotations

from gateway.backoffice.kinds import Choice, Document, Flag, Ref, Text, Whole
from gateway.backoffice.noun import Column, Noun

#: How a customer hears of their orders.
CHANNELS = ("none", "email", "sms")

#: One row for each garage; every column has a value that does no harm.
GARAGE_SETTING = Noun(
    "garage_setting",
    (
        # On paper; Dutch law wants all of them on an invoice.
        Column("legal_name", Text(255), null=False, default=""),
        Column("address", Text(255), null=False, default=""),
        Column("place", Text(255), null=False, default=""),
        Column("vat_number", Text(32), null=False, default=""),
        Column("kvk_number", Text(16), null=False, default=""),
        Column("iban", Text(34), null=False, default=""),
        Column("phone", Text(64), null=False, default=""),
        Column("email", Text(254), null=False, default=""),
        # A closed diagnostic ticket also becomes a draft invoice.
        Column("invoice_tickets", Flag(), null=False, default=False),
        # Weekday (mon to sun) -> "08:00-17:30"; without any the clock never stops.
        Column("opening_hours", Document()),
        Column("closed_on_holidays", Flag(), null=False, default=True),
        # How customers hear of their orders unless they prefer otherwise.
        Column("tell_customers", Choice(CHANNELS), null=False, default="none"),
        # No SMS leaves between these, HH:MM in the country of the books.
        Column("quiet_from", Text(5), null=False, default=""),
        Column("quiet_until", Text(5), null=False, default=""),
        # With which other servers sign what they bring us; sealed.
        Column("hook_secret", Text(0)),
    ),
)

#: Who changed what; rows are added, never changed.
CHANGE = Noun(
    "change",
    (
        Column("noun", Text(64), null=False, index=True),
        Column("record_id", Whole(1), null=False, index=True),
        Column("action", Choice(("added", "changed", "removed", "erased")), null=False),
        # Column -> {"old": ..., "new": ...}; of secrets only that they changed.
        Column("changes", Document(), null=False),
        Column("user_id", Ref("shop_user")),
    ),
)

NOUNS = (GARAGE_SETTING, CHANGE)
