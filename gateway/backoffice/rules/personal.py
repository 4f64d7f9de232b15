"""An employee's own phone and mail settings; for themselves and those who run the garage."""

from __future__ import annotations

from collections.abc import Mapping

from gateway.backoffice.access import ADMINS
from gateway.backoffice.reading import absent
from gateway.backoffice.refusal import wrong_field
from gateway.backoffice.sealing import MASK, Sealer, unchanged
from gateway.backoffice.shop import Shop, Values
from gateway.domain.errors import Forbidden

#: Noun -> column that is sealed and masked.
SECRETS: Mapping[str, str] = {"phone_setting": "sip_password", "mail_setting": "smtp_password"}

_SHOWN: Mapping[str, tuple[str, ...]] = {
    "phone_setting": (
        "provider",
        "extension",
        "mobile_number",
        "forwarding_number",
        "sip_username",
        "sip_password",
        "is_active",
    ),
    "mail_setting": (
        "provider",
        "email_address",
        "display_name",
        "smtp_host",
        "smtp_port",
        "smtp_encryption",
        "smtp_username",
        "smtp_password",
        "is_default",
    ),
}

#: What an employee who set nothing has.
_NOTHING: Mapping[str, Values] = {
    "phone_setting": {"is_active": False},
    "mail_setting": {"provider": "smtp", "is_default": False},
}


def read(shop: Shop, noun: str, user_id: int) -> Values:
    """Return an employee's settings, secrets masked.

    Raises:
        NotFound: there is no such employee.
        Forbidden: they are somebody else's.
    """
    _check(shop, user_id)
    row = shop.find(noun, user_id=user_id) or _NOTHING[noun]
    shown = {name: row.get(name) for name in _SHOWN[noun]}
    secret = SECRETS[noun]
    return {"employee_id": user_id} | shown | {secret: MASK if row.get(secret) else None}


def write(shop: Shop, sealer: Sealer, noun: str, user_id: int, values: Values) -> Values:
    """Change what is given, and make the settings where there are none."""
    _check(shop, user_id)
    secret = SECRETS[noun]
    given = dict(values)
    if secret in given:
        password = given.pop(secret)
        if not password:
            given[secret] = None
        elif not unchanged(password):
            given[secret] = sealer.seal(password)
    extension = given.get("extension")
    holder = extension and shop.find(noun, extension=extension)
    if holder and holder["user_id"] != user_id:
        raise wrong_field("extension", "has already been taken.")
    row = shop.find(noun, user_id=user_id)
    if row is None:
        new = {name: value for name, value in given.items() if value is not None}
        shop.insert(noun, {"user_id": user_id, **_required(noun), **new})
    elif given:
        shop.change(noun, row["id"], given)
    return read(shop, noun, user_id)


def mail_account(shop: Shop, user_id: int) -> Values:
    """Return an employee's stored mail settings; raises ``NotFound`` when there are none."""
    _check(shop, user_id)
    row = shop.find("mail_setting", user_id=user_id)
    if row is None:
        raise absent("mail_setting")
    return row


def _required(noun: str) -> Values:
    return {"provider": "smtp"} if noun == "mail_setting" else {}


def _check(shop: Shop, user_id: int) -> None:
    if shop.find("shop_user", id=user_id) is None:
        raise absent("employee")
    if shop.user_id != user_id and shop.role not in ADMINS:
        raise Forbidden("backoffice.role", "These settings are somebody else's.")
