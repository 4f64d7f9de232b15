"""Who changed what, kept by the shop in the transaction that changes it.

Settings are followed whole, documents by what their state and amounts were; work orders have a
timeline of their own. Of secrets the trail tells only that they changed.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Protocol

#: Noun -> columns whose changes are kept; none named: all of them.
FOLLOWED: Mapping[str, frozenset[str]] = {
    **dict.fromkeys(
        (
            "ai_setting",
            "automation_rule",
            "branch",
            "garage_setting",
            "mail_server",
            "sla_policy",
            "tax_rate",
            "warranty_policy",
        ),
        frozenset(),
    ),
    "credit_note": frozenset({"status"}),
    "customer": frozenset({"message_channel", "opted_out", "disabled"}),
    "invoice": frozenset({"status", "invoice_number"}),
    "mailbox": frozenset({"host", "username", "password", "folder", "enabled"}),
    "license": frozenset({"status", "tier", "valid_until"}),
    "price_agreement": frozenset({"status", "agreed_price"}),
    "product": frozenset({"price_excl", "vat_rate"}),
    "purchase_order": frozenset({"status"}),
    "quotation": frozenset({"status"}),
}

_SECRET = frozenset({"password", "hook_secret"})

_HIDDEN = "(secret)"


# Any: rows hold what their columns' kinds say, here and below.
class Rows(Protocol):
    """What is needed of a shop, which itself builds on this module."""

    @property
    def user_id(self) -> int | None: ...
    def insert(self, noun: str, values: dict[str, Any]) -> int: ...


def follows(noun: str, columns: frozenset[str]) -> bool:
    """Tell whether a change of these columns is kept."""
    wanted = FOLLOWED.get(noun)
    return wanted is not None and (not wanted or not wanted.isdisjoint(columns))


def difference(noun: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, object]:
    """Return column -> old and new value, of what differs and is followed."""
    wanted = FOLLOWED[noun]
    return {
        name: {"old": _told(name, old.get(name)), "new": _told(name, value)}
        for name, value in new.items()
        if (not wanted or name in wanted) and old.get(name) != value
    }


def note(
    shop: Rows, noun: str, record_id: int, action: str, changes: Mapping[str, object]
) -> None:
    """Add an entry."""
    entry = {"noun": noun, "record_id": record_id, "action": action, "changes": dict(changes)}
    shop.insert("change", entry | {"user_id": shop.user_id})


def _told(name: str, value: object) -> object:
    if name in _SECRET:
        return _HIDDEN if value else None
    if isinstance(value, (date, datetime)):
        return value.isoformat()
    return str(value) if isinstance(value, Decimal) else value
