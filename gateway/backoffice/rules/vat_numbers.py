"""VAT numbers: cut out of what people type, checked here, then asked about at VIES.

A number whose check digits are wrong is answered without asking anybody. A member state that does
not answer is "unknown", never "invalid".
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from gateway.backoffice.refusal import Upstream, wrong_field
from gateway.backoffice.shop import Shop, Values

#: Positive answers are asked for again after this long.
FRESH_FOR = timedelta(days=1)

#: As VIES spells them: Greece is EL, Northern Ireland XI.
_MEMBERS = frozenset(
    {
        *("AT", "BE", "BG", "CY", "CZ", "DE", "DK", "EE", "EL", "ES", "FI", "FR", "HR", "HU"),
        *("IE", "IT", "LT", "LU", "LV", "MT", "NL", "PL", "PT", "RO", "SE", "SI", "SK", "XI"),
    }
)


def split(number: str, country: str | None) -> tuple[str, str]:
    """Return country and the number behind it.

    Raises:
        Unprocessable: the country is not in the union, or none is named.
    """
    plain = re.sub(r"[\s.\-]", "", number).upper()
    prefix = plain[:2] if plain[:2].isalpha() else ""
    chosen = (country or prefix).upper()
    chosen = "EL" if chosen == "GR" else chosen
    if chosen not in _MEMBERS:
        told = "must begin with the two letters of a member state, or country_code must name one."
        raise wrong_field("vat_number", told)
    own = {chosen, "GR"} if chosen == "EL" else {chosen}
    rest = plain[2:] if prefix in own else plain
    if not re.fullmatch(r"[0-9A-Z+*]{2,12}", rest):
        raise wrong_field("vat_number", "has an invalid format.")
    return chosen, rest


def is_plausible(country: str, rest: str) -> bool:
    """Tell whether length and check digits are right; states without a rule pass."""
    from stdnum.eu import vat  # noqa: PLC0415 - reads many modules

    if country == "XI":
        return True
    return bool(vat.is_valid(("GR" if country == "EL" else country) + rest))


def cached(shop: Shop, number: str) -> Values | None:
    """Return a positive answer that is still fresh."""
    table = shop.tables["vat_check"]
    query = shop.select("vat_check").where(
        table.c.vat_number == number,
        table.c.is_valid.is_(True),
        table.c.source == "vies",
        table.c.checked_at > shop.now - FRESH_FOR,
    )
    return next(iter(shop.rows(query.order_by(table.c.id.desc()).limit(1))), None)


def answer_of(reply: Mapping[str, Any]) -> Values:
    """Read an answer of VIES; names that a state keeps to itself come as dashes.

    Raises:
        Upstream: the member state did not answer.
    """
    errors = reply.get("errorWrappers") or []
    codes = [str(one.get("error")) for one in errors if isinstance(one, dict)]
    verdict = reply.get("valid")
    if codes or not isinstance(verdict, bool):
        raise Upstream(f"The member state did not answer ({', '.join(codes) or 'no verdict'}).")
    return {
        "is_valid": verdict,
        "name": _said(reply.get("name")),
        "address": _said(reply.get("address")),
        "consultation_number": _said(reply.get("requestIdentifier")),
    }


def _said(value: object) -> str | None:
    text = str(value or "").strip().strip("-").strip()
    return text[:255] or None


def record(shop: Shop, number: tuple[str, str], found: Values, invoice_id: int | None) -> int:
    """Keep an answer: it is the evidence for bills without VAT."""
    country, rest = number
    key = {"vat_number": country + rest, "country_code": country, "checked_at": shop.now}
    names = ("is_valid", "name", "address", "consultation_number", "source")
    kept = {name: found.get(name) for name in names}
    return shop.insert("vat_check", key | kept | {"invoice_id": invoice_id})


def check_invoice(shop: Shop, invoice_id: int | None) -> None:
    """Refuse an invoice that is not there; raises ``Unprocessable``."""
    if invoice_id is not None and shop.find("invoice", id=invoice_id) is None:
        raise wrong_field("invoice_id", "is invalid.")
