"""Reps: their passwords are kept as hashes, and never shown."""

from __future__ import annotations

from argon2 import PasswordHasher

from gateway.backoffice.refusal import wrong_field
from gateway.backoffice.shop import Shop, Values

#: OWASP's smaller setting: rows of reps are written inside a transaction.
_HASHER = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)


def create(shop: Shop, values: Values) -> int:
    """Store a rep; raises ``Unprocessable`` for a username that another one has."""
    return shop.insert("rep", _hashed(shop, values, None))


def change(shop: Shop, row: Values, values: Values) -> None:
    """Change a rep; raises like :func:`create`."""
    shop.change("rep", row["id"], _hashed(shop, values, row["id"]))


def _hashed(shop: Shop, values: Values, own_id: int | None) -> Values:
    name = values.get("username")
    holder = shop.find("rep", username=name) if name else None
    if holder is not None and holder["id"] != own_id:
        raise wrong_field("username", "has already been taken.")
    if values.get("password") is not None:
        values["password"] = _HASHER.hash(values["password"])
    return values
