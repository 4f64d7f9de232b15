"""Licences: a tier fixes users, price and modules; modules are switched on one by one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from gateway.backoffice.access import in_force
from gateway.backoffice.reading import absent
from gateway.backoffice.refusal import broken_rule, wrong_field
from gateway.backoffice.shop import Shop, Values

MODULES = (
    "accounting",
    "hrm",
    "warehouse",
    "automation",
    "intelligence",
    "warranty",
    "sla",
    "telephony",
    "messaging",
    "shipping",
    "assistant",
)


@dataclass(frozen=True, slots=True)
class Tier:
    """What a tier gives.

    Attributes:
        users: at most.
        price: a month, as the API shows it.
        modules: that can be switched on.
    """

    users: int
    price: str
    modules: tuple[str, ...]


TIERS: Mapping[str, Tier] = {
    "starter": Tier(5, "49.00", MODULES[:3]),
    "growth": Tier(15, "149.00", MODULES[:9]),
    "enterprise": Tier(100, "399.00", MODULES),
}

_ORDER = tuple(TIERS)


def create(shop: Shop, values: Values) -> int:
    """Start a licence on trial, with every module of its tier switched on.

    Raises:
        Invalid: one of this type runs already, or the dates are out of order.
    """
    for row in shop.where("license", license_type=values["license_type"]):
        if row["status"] in {"trial", "active"}:
            raise broken_rule(f"A licence for {row['license_type']} runs already: {row['id']}.")
    cycle = values.get("billing_cycle") or "monthly"
    until = values.get("valid_until") or _cycle_end(values["valid_from"], cycle)
    if until < values["valid_from"]:
        raise wrong_field("valid_until", "must not be before valid_from.")
    licence = values | {"billing_cycle": cycle, "valid_until": until}
    licence_id = shop.insert("license", licence)
    for module in TIERS[values["tier"]].modules:
        _switch(shop, licence_id, module, on=True)
    return licence_id


def activate(shop: Shop, row: Values, _: Values) -> None:
    """Turn a trial into the real thing; raises ``Invalid`` for anything else."""
    if row["status"] != "trial":
        raise broken_rule(f"The licence is {row['status']}: only a trial can be activated.")
    shop.change("license", row["id"], {"status": "active"})


def change_tier(shop: Shop, row: Values, values: Values) -> None:
    """Change the tier.

    Raises:
        Invalid: there are more users, or more modules switched on, than the new tier has.
    """
    tier = TIERS[values["tier"]]
    users = shop.count("shop_user", enabled=True)
    if users > tier.users:
        raise broken_rule(f"{users} users are active; {values['tier']} is for {tier.users}.")
    active = shop.where("license_module", license_id=row["id"], is_active=True)
    over = [one["module_key"] for one in active if one["module_key"] not in tier.modules]
    if over:
        raise broken_rule(f"Switch these modules off first: {', '.join(over)}.")
    shop.change("license", row["id"], {"tier": values["tier"]})


def modules(shop: Shop, values: Values) -> object:
    """Return every module: whether the tier has it, and whether it is switched on."""
    row = shop.get("license", values["id"])
    return [_module(shop, row, key) for key in MODULES]


def activate_module(shop: Shop, values: Values) -> object:
    """Switch a module on; harmless when it is.

    Raises:
        Invalid: the tier does not have it, or nobody does.
    """
    row, key = shop.get("license", values["id"]), values["module_key"]
    if key not in TIERS[row["tier"]].modules:
        have = ", ".join(TIERS[row["tier"]].modules)
        raise wrong_field("module_key", f"is not in the tier {row['tier']}, which has {have}.")
    _switch(shop, row["id"], key, on=True)
    return _module(shop, row, key)


def deactivate_module(shop: Shop, values: Values) -> object:
    """Switch a module off; what was entered in it stays."""
    row, key = shop.get("license", values["id"]), values["module_key"]
    _check_known(key)
    _switch(shop, row["id"], key, on=False)
    return _module(shop, row, key)


def has_module(shop: Shop, values: Values) -> object:
    """Tell whether a licence gives a module today."""
    row, key = shop.get("license", values["id"]), values["module_key"]
    _check_known(key)
    shown = _module(shop, row, key)
    return {"has_module": bool(shown["is_active"]) and in_force(row, shop.today)}


def expire(shop: Shop) -> int:
    """End licences whose last day has passed; return how many."""
    table = shop.tables["license"]
    past = shop.rows(
        shop.select("license").where(
            table.c.status.in_(("trial", "active")), table.c.valid_until < shop.today
        )
    )
    for row in past:
        shop.change("license", row["id"], {"status": "expired"})
    return len(past)


def user_limit(shop: Shop) -> int | None:
    """Return how many users the garage may have; ``None`` for a garage without licences."""
    rows = shop.where("license")
    if not rows:
        return None
    return max((TIERS[r["tier"]].users for r in rows if in_force(r, shop.today)), default=1)


def _check_known(key: str) -> None:
    if key not in MODULES:
        raise absent("module")


def _module(shop: Shop, licence: Values, key: str) -> Values:
    row = shop.find("license_module", license_id=licence["id"], module_key=key)
    active = bool(row and row["is_active"])
    stamp = row["activated_at"] if row and active else None
    return {
        "module_key": key,
        "available": key in TIERS[licence["tier"]].modules,
        "is_active": active,
        "activated_at": stamp and stamp.isoformat(timespec="seconds").replace("+00:00", "Z"),
    }


def _switch(shop: Shop, licence_id: int, key: str, *, on: bool) -> None:
    row = shop.find("license_module", license_id=licence_id, module_key=key)
    if row is None:
        stamp = {"activated_at": shop.now if on else None, "is_active": on}
        shop.insert("license_module", {"license_id": licence_id, "module_key": key} | stamp)
    elif row["is_active"] != on:
        stamp = {"activated_at": shop.now if on else None, "is_active": on}
        shop.change("license_module", row["id"], stamp)


def _cycle_end(start: date, cycle: str) -> date:
    return start + timedelta(days=30 if cycle == "monthly" else 365)
