"""Units of assets: their life, and what they are worth as they age."""

from __future__ import annotations

from datetime import date
from decimal import ROUND_HALF_UP, Decimal

from gateway.backoffice.kinds import storable
from gateway.backoffice.refusal import broken_rule
from gateway.backoffice.shop import Shop, Values

_CENT, _YEAR = Decimal("0.01"), Decimal("365.25")


def set_status(shop: Shop, row: Values, values: Values) -> None:
    """Bring a unit into another state and note it; raises ``Invalid`` for what is disposed of."""
    status = values["status"]
    if row["status"] == "disposed" and status != "disposed":
        raise broken_rule("This unit is disposed of. That is final.")
    reason = values.get("reason") or "no reason given"
    changes: Values = {"status": status, "maintenance_history": _noted(shop, row, status, reason)}
    if values.get("notes"):
        changes["notes"] = values["notes"]
    shop.change("asset_unit", row["id"], changes)


def create(shop: Shop, values: Values) -> int:
    """Store a unit, with what it is worth today."""
    return shop.insert("asset_unit", values | _valued(shop, values, values))


def change(shop: Shop, row: Values, values: Values) -> None:
    """Change a unit; a new state is noted as by :func:`set_status`, and its worth looked at."""
    status = values.pop("status", None)
    if status is not None and status != row["status"]:
        set_status(shop, row, {"status": status})
    shop.change("asset_unit", row["id"], values | _valued(shop, {**row, **values}, values))


def _valued(shop: Shop, unit: Values, given: Values) -> Values:
    """Return the depreciation with today's worth, unless that is given or cannot be known."""
    plan: Values = dict(unit.get("depreciation") or {})
    told = (given.get("depreciation") or {}).get("current_value") is not None
    cost, bought = unit.get("purchase_cost"), unit.get("purchase_date")
    if told or cost is None or bought is None or not plan.keys() >= {"method", "rate"}:
        return {}
    left = worth(cost, plan["method"], Decimal(str(plan["rate"])), bought, shop.today)
    return {"depreciation": plan | {"current_value": storable(left)}}


def _noted(shop: Shop, row: Values, status: str, reason: str) -> list[Values]:
    stamp = shop.now.isoformat(timespec="seconds").replace("+00:00", "Z")
    kind = "repair" if status == "maintenance" else "inspection"
    told = f"{row['status']} -> {status}: {reason}"
    return [
        *(row["maintenance_history"] or []),
        {"date": stamp, "type": kind, "description": told},
    ]


def worth(cost: Decimal, method: str, rate: Decimal, bought: date, today: date) -> Decimal:
    """Return what is left of ``cost`` after the years since ``bought``, never below zero.

    Args:
        cost: what it cost.
        method: ``straight-line`` takes the same each year, ``declining-balance`` the rate of what
            is left, ``sum-of-years`` more at the beginning than at the end.
        rate: percent a year; 100 / rate is the life in years.
        bought: when.
        today: when it is asked for.
    """
    age = Decimal(max(0, (today - bought).days)) / _YEAR
    share = rate / 100
    if share <= 0:
        return cost
    if method == "declining-balance":
        left = max(Decimal(0), 1 - share) ** age
    elif method == "sum-of-years":
        life = 1 / share
        rest = max(Decimal(0), life - age)
        left = rest * (rest + 1) / (life * (life + 1))
    else:
        left = max(Decimal(0), 1 - share * age)
    return (cost * left).quantize(_CENT, ROUND_HALF_UP)
