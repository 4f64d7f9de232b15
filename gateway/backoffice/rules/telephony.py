"""The telephone exchange: today's calls, its settings, and whose extension is which."""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import func, select

from gateway.backoffice.moments import day_begin
from gateway.backoffice.refusal import wrong_field
from gateway.backoffice.rules import integrations
from gateway.backoffice.rules.phones import e164
from gateway.backoffice.sealing import BULLETS, Sealer, unchanged
from gateway.backoffice.shop import Shop, Values

MISSED = ("missed", "abandoned")


def counters(shop: Shop) -> Values:
    """Return what the log says of today."""
    table = shop.tables["pbx_call"]
    today = table.c.started_at >= day_begin(shop.today)
    mean = select(func.avg(table.c.duration_sec)).where(*shop.visible(table), today)
    return {
        "calls_today": shop.count("pbx_call", today),
        "missed_today": shop.count("pbx_call", today, table.c.outcome.in_(MISSED)),
        "avg_duration_sec": int(shop.connection.execute(mean).scalar() or 0),
    }


def newest_call(shop: Shop) -> datetime | None:
    """Return when the newest call of the log began."""
    table = shop.tables["pbx_call"]
    latest = select(func.max(table.c.started_at)).where(*shop.visible(table))
    found: datetime | None = shop.connection.execute(latest).scalar()
    return found


def store_calls(shop: Shop, rows: list[Values]) -> int:
    """Add calls of the exchange's history that the log has not; return how many were new.

    Callers are found among the customers by their number as E.164.
    """
    return sum(_store_call(shop, row) for row in rows)


def _store_call(shop: Shop, row: Values) -> bool:
    provider_id = str(row.get("SegmentId") or "")[:64]
    started = _moment(row.get("SegmentStartTime"))
    if not provider_id or started is None or shop.find("pbx_call", provider_id=provider_id):
        return False
    ended = _moment(row.get("SegmentEndTime")) or started
    caller, callee = (str(row.get(n) or "")[:64] for n in ("SrcCallerNumber", "DstCallerNumber"))
    inward = bool(row.get("SrcExternal"))
    extension = str(row.get("DstDn" if inward else "SrcDn") or "")[:16]
    number = e164(caller if inward else callee)
    found = number and (
        shop.find("customer", mobile_e164=number) or shop.find("customer", phone_e164=number)
    )
    call = {
        "provider_id": provider_id,
        "caller": caller or "anonymous",
        "callee": callee or None,
        "extension": extension or None,
        "duration_sec": max(int((ended - started).total_seconds()), 0),
        "outcome": "answered" if row.get("CallAnswered") else "missed",
        "started_at": started,
        "customer_id": found["id"] if found else None,
        "direction": "inbound" if inward else "outbound",
    }
    shop.insert("pbx_call", call)
    return True


def _moment(text: object) -> datetime | None:
    try:
        found = datetime.fromisoformat(str(text))
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def config(shop: Shop, sealer: Sealer) -> Values:
    """Return the exchange's settings; the key is shown as bullets."""
    have = integrations.settings(shop, sealer, "3cx")
    key = BULLETS if have.get("api_key") else ""
    return {
        "api_url": have.get("api_url") or "",
        "api_key": key,
        "extension_map": {str(row["user_id"]): row["extension"] for row in _extensions(shop)},
    }


def set_config(shop: Shop, sealer: Sealer, values: Values) -> Values:
    """Change the exchange's settings; bullets leave the key as it is."""
    given = {name: value for name, value in values.items() if value is not None}
    if unchanged(given.get("api_key", "")):
        given.pop("api_key")
    integrations.update(shop, sealer, "3cx", {"config": given})
    return config(shop, sealer)


def _extensions(shop: Shop) -> list[Values]:
    rows = shop.where("phone_setting")
    return [row for row in rows if row["extension"]]


def extensions(shop: Shop, _: Values) -> object:
    """Return whose extension is which."""
    return [_extension(shop, row["user_id"], row["extension"]) for row in _extensions(shop)]


def set_extension(shop: Shop, values: Values) -> object:
    """Give an employee an extension, in place of the one they had.

    Raises:
        Unprocessable: there is no such employee, or somebody has the extension.
    """
    user_id, extension = values["user_id"], values["extension"]
    if shop.find("shop_user", id=user_id) is None:
        raise wrong_field("user_id", "is invalid.")
    holder = shop.find("phone_setting", extension=extension)
    if holder is not None and holder["user_id"] != user_id:
        raise wrong_field("extension", "has already been taken.")
    row = shop.find("phone_setting", user_id=user_id)
    if row is None:
        new = {"user_id": user_id, "extension": extension, "provider": "3cx"}
        shop.insert("phone_setting", new)
    else:
        shop.change("phone_setting", row["id"], {"extension": extension})
    return _extension(shop, user_id, extension)


def _extension(shop: Shop, user_id: int, extension: str) -> Values:
    user = shop.get("shop_user", user_id)
    return {"user_id": user_id, "name": user["name"], "extension": extension}
