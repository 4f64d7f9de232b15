"""The garage's own settings: one row, with values that do no harm until somebody sets them."""

from __future__ import annotations

import re
import secrets

from gateway.backoffice.nouns.garage import GARAGE_SETTING
from gateway.backoffice.refusal import wrong_field
from gateway.backoffice.rules.opening import check_hours
from gateway.backoffice.sealing import Sealer
from gateway.backoffice.shop import Shop, Values

_BLANK: Values = {column.name: column.default for column in GARAGE_SETTING.columns}

_CLOCK = re.compile(r"^(([01]\d|2[0-3]):[0-5]\d)?$")


def setting(shop: Shop) -> Values:
    """Return the garage's settings, defaults where nothing was set."""
    row = next(iter(shop.where("garage_setting")), None)
    return row or dict(_BLANK)


def shown(shop: Shop) -> Values:
    """Return the settings as the API shows them; of the secret only whether there is one."""
    row = setting(shop)
    document = {name: row[name] for name in _BLANK if name != "hook_secret"}
    document["opening_hours"] = row["opening_hours"] or {}
    return document | {"has_hook_secret": row["hook_secret"] is not None}


def change(shop: Shop, values: Values) -> Values:
    """Change what is given.

    Raises:
        Unprocessable: a number that fails its check digits, or hours that are none.
    """
    given = {name: value for name, value in values.items() if value is not None}
    _check_numbers(given)
    check_hours(given.get("opening_hours", {}))
    for name in ("quiet_from", "quiet_until"):
        if not _CLOCK.match(given.get(name, "")):
            raise wrong_field(name, "must be a time of day like 21:00.")
    _put(shop, given)
    return shown(shop)


def new_hook_secret(shop: Shop, sealer: Sealer) -> Values:
    """Make the secret with which others sign what they bring; it is shown this once."""
    secret = secrets.token_urlsafe(32)
    _put(shop, {"hook_secret": sealer.seal(secret)})
    return {"secret": secret}


def hook_secret(shop: Shop, sealer: Sealer) -> str | None:
    """Return that secret, ``None`` when none was made."""
    sealed = setting(shop)["hook_secret"]
    return None if sealed is None else sealer.open(sealed)


def _put(shop: Shop, values: Values) -> None:
    row = next(iter(shop.where("garage_setting")), None)
    if row is None:
        shop.insert("garage_setting", _BLANK | values)
    elif values:
        shop.change("garage_setting", row["id"], values)


def _check_numbers(given: Values) -> None:
    from stdnum import iban  # noqa: PLC0415 - only here
    from stdnum.eu import vat  # noqa: PLC0415

    for name, module in (("iban", iban), ("vat_number", vat)):
        if given.get(name):
            if not module.is_valid(given[name]):
                raise wrong_field(name, "is not valid: its check digits do not fit.")
            given[name] = module.compact(given[name])
    if given.get("kvk_number") and not re.fullmatch(r"\d{8}", given["kvk_number"]):
        raise wrong_field("kvk_number", "must have 8 digits.")
