"""Integrations: credentials sealed at rest and masked when shown, commands with their duration."""

from __future__ import annotations

from gateway.backoffice.refusal import broken_rule
from gateway.backoffice.resource import Row
from gateway.backoffice.sealing import MASK, unchanged
from gateway.backoffice.shop import Shop, Values


def create_app(shop: Shop, values: Values) -> int:
    """Store an integration, pending until somebody activates it."""
    values |= _sealed(shop, values, {}) | {"status": "pending", "error_count": 0}
    return shop.insert("integration_app", values | {"success_count": 0})


def change_app(shop: Shop, row: Values, values: Values) -> None:
    """Change an integration; credentials given masked stay as they were."""
    values |= _sealed(shop, values, row["credentials"] or {})
    shop.change("integration_app", row["id"], values)


def _sealed(shop: Shop, values: Values, known: Values) -> Values:
    given = values.get("credentials")
    if given is None:
        return {}
    kept = {name: known[name] for name in given if name in known and unchanged(str(given[name]))}
    fresh = {name: _seal(shop, str(text)) for name, text in given.items() if name not in kept}
    return {"credentials": kept | fresh}


def masked(row: Row) -> object:
    """Return the names of the credentials, with a mask for each."""
    return dict.fromkeys(row.values["credentials"] or {}, MASK)


def create_endpoint(shop: Shop, values: Values) -> int:
    """Store where events go; its secret signs them and is never shown."""
    return shop.insert("webhook_endpoint", _with_secret(shop, values))


def change_endpoint(shop: Shop, row: Values, values: Values) -> None:
    """Change where events go; a masked secret stays."""
    shop.change("webhook_endpoint", row["id"], _with_secret(shop, values))


def _with_secret(shop: Shop, values: Values) -> Values:
    secret = values.pop("secret", None)
    if secret is not None and not unchanged(secret):
        values["secret"] = _seal(shop, secret)
    return values


def _seal(shop: Shop, text: str) -> str:
    if shop.sealer is None:
        raise broken_rule("Secrets can only be given by a caller of the API.")
    return shop.sealer.seal(text)


def create_command(shop: Shop, values: Values) -> int:
    """Store what an integration was told, with how long it took."""
    return shop.insert("integration_command_log", _timed(values, {}))


def change_command(shop: Shop, row: Values, values: Values) -> None:
    """Change a command's record; its duration follows from its times."""
    shop.change("integration_command_log", row["id"], _timed(values, row))


def _timed(values: Values, row: Values) -> Values:
    times = row | values
    begin, end = times.get("start_time"), times.get("end_time")
    if begin is not None and end is not None:
        values["duration"] = max(0, int((end - begin).total_seconds()))
    return values
