"""Secrets of a garage at rest, sealed anew when the gateway's key was replaced."""

from __future__ import annotations

from gateway.backoffice.sealing import Sealer
from gateway.backoffice.shop import Shop
from gateway.domain.errors import Invalid

#: Noun -> column with a sealed text.
_COLUMNS = {
    "mail_server": "password",
    "mailbox": "password",
    "mail_setting": "smtp_password",
    "phone_setting": "sip_password",
    "garage_setting": "hook_secret",
    "webhook_endpoint": "secret",
}


def renew(shop: Shop, sealer: Sealer) -> int:
    """Seal what there is with the newest key; return how many secrets.

    What no known key opens stays as it is: whoever needs it is told so then.
    """
    return sum(_column(shop, sealer, *one) for one in _COLUMNS.items()) + _settings(shop, sealer)


def _column(shop: Shop, sealer: Sealer, noun: str, column: str) -> int:
    rows = [row for row in shop.where(noun) if row[column]]
    for row in rows:
        shop.change(noun, row["id"], {column: _renewed(sealer, row[column])})
    return len(rows)


def _settings(shop: Shop, sealer: Sealer) -> int:
    rows = [row for row in shop.where("integration") if row["secrets"]]
    for row in rows:
        sealed = {name: _renewed(sealer, secret) for name, secret in row["secrets"].items()}
        shop.change("integration", row["id"], {"secrets": sealed})
    return sum(len(row["secrets"]) for row in rows)


def _renewed(sealer: Sealer, sealed: str) -> str:
    try:
        return sealer.renewed(sealed)
    except Invalid:
        return sealed
