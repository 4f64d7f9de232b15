"""The page of a portal entry: whoever has its code sees the work order, and may answer.

The address is no secret, the code is: 72 random bits, which nobody guesses. Entries that are not
there, closed or expired, and wrong codes, all look the same.
"""

from __future__ import annotations

import hmac
from html import escape

from gateway.backoffice.records import Html
from gateway.backoffice.rules.field_sales.portal import ENTRIES, change_entry, facts_of
from gateway.backoffice.rules.pages import page
from gateway.backoffice.shop import Shop, Values

#: What a client may do -> the state that it brings the entry into.
ANSWERS = {"approve": "completed", "reject": "cancelled"}


def ask() -> Html:
    """Return the page that asks for the code."""
    return page("Work order", _form(""))


def enter(shop: Shop, entry_id: int, code: str, answer: str | None) -> Html:
    """Return the work order to whoever has the code, after what they answered."""
    row = shop.find("portal_entry", id=entry_id)
    if row is None or not _is_open(shop, row) or not _matches(row, code):
        told = '<p role="alert"><strong>This code does not open anything here.</strong></p>'
        return page("Work order", told + _form(""), 404)
    row = shop.lock("portal_entry", entry_id)
    seen = {"access_count": (row["access_count"] or 0) + 1, "last_accessed": shop.now}
    shop.change("portal_entry", entry_id, seen)
    if answer in _possible(row):
        change_entry(shop, row, {"status": ANSWERS[str(answer)]})
    return _shown(shop, shop.get("portal_entry", entry_id), code)


def _is_open(shop: Shop, row: Values) -> bool:
    expired = row["expiry_date"] is not None and row["expiry_date"] <= shop.now
    allowed = row["allowed_actions"]
    return not (row["disabled"] or expired or (allowed is not None and "view" not in allowed))


def _matches(row: Values, code: str) -> bool:
    return hmac.compare_digest(str(row["portal_access_code"]).encode(), code.strip().encode())


def _possible(row: Values) -> list[str]:
    allowed = row["allowed_actions"] or []
    follows = ENTRIES.follows[row["status"]]
    return [name for name, state in ANSWERS.items() if name in allowed and state in follows]


def _shown(shop: Shop, row: Values, code: str) -> Html:
    order = shop.find("field_order", id=row["workorder"])
    if order is None:
        return page("Work order", "<p>It is not kept any more.</p>", 404)
    kept = f'<input type="hidden" name="code" value="{escape(code, quote=True)}">'
    buttons = "".join(
        f'<button name="answer" value="{name}">{name.title()}</button> ' for name in _possible(row)
    )
    state = f"<p>Your answer: {escape(row['status'])}.</p>" if not buttons else ""
    answers = _opened(kept + buttons) if buttons else state
    return page(order["title"] or "Work order", facts_of(order) + answers)


def _form(inside: str) -> str:
    field = '<label>Code <input name="code" required autocomplete="off"></label>'
    return _opened(f"{inside}{field}<button>Open</button>")


def _opened(inside: str) -> str:
    # To the page itself: the address names the entry.
    return f'<form method="post" enctype="multipart/form-data">{inside}</form>'
