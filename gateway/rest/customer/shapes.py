"""How the contract spells money, times, pages and tickets."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import TypeVar

import msgspec
from quart import Response

from gateway.domain.money import ZERO, ReductionKind
from gateway.storage.queries import page as stored
from gateway.tickets.prices import Applied, Sum, kind_of
from gateway.web.paging import Page

T = TypeVar("T")
Json = dict[str, object]

#: Amounts leave as JSON numbers with their exact digits, never through a float.
_encoder = msgspec.json.Encoder(decimal_format="number")


def reply(document: object, status: int = 200) -> Response:
    """Return ``document`` as JSON; decimals become numbers, ``None`` becomes ``null``."""
    return Response(_encoder.encode(document), status=status, content_type="application/json")


def nothing() -> Response:
    """Return 204. The body is given, if empty: without one Quart reaches for an event loop."""
    return Response(b"", status=204)


def page(found: stored.Page[T], wanted: Page, shape: Callable[[T], Json]) -> Response:
    """Return one page of a list."""
    return reply(
        {
            "result": [shape(item) for item in found.items],
            "total": found.total,
            "offset": wanted.offset,
            "limit": wanted.limit,
        }
    )


def slice_of(items: Iterable[T], wanted: Page) -> stored.Page[T]:
    """Return a page of a list that is all in memory."""
    every = tuple(items)
    return stored.Page(every[wanted.offset : wanted.offset + wanted.limit], len(every))


def money(currency: str, amount: Decimal) -> Json:
    """Return an amount; it is not converted into a second currency."""
    return {
        "currency": currency,
        "value": amount,
        "localized_value": None,
        "localized_currency": None,
    }


def money_or_null(currency: str, amount: Decimal | None) -> Json | None:
    """Return an amount, ``None`` where there is none."""
    return None if amount is None else money(currency, amount)


def discount(
    currency: str, kind: ReductionKind, percentage: Decimal | None, amount: Decimal
) -> Json:
    """Return what was taken off."""
    return {"type": kind.value, "percentage": percentage, "price": money(currency, amount)}


def prices(currency: str, price: Sum, kind: ReductionKind = ReductionKind.PERCENTUAL) -> Json:
    """Return gross, net and what lies between, as one discount with its effective percentage."""
    return {
        "gross_price": money(currency, price.gross),
        "net_price": money(currency, price.net),
        "total_discount": discount(currency, kind, price.percentage, price.discount),
    }


def prices_or_null(currency: str, fee: Decimal) -> Json | None:
    """Return a fee as gross and net, ``None`` when it is nothing."""
    return prices(currency, Sum(fee, fee)) if fee != ZERO else None


def line_prices(currency: str, price: Sum, applied: Iterable[Applied]) -> Json:
    """Return the prices of a line; the discount's type is that of what was applied."""
    return prices(currency, price, kind_of(applied))


def day(value: date | None) -> str | None:
    """Return an ISO 8601 day."""
    return None if value is None else value.isoformat()


def moment(value: datetime | None) -> str | None:
    """Return an ISO 8601 time in UTC, whole seconds."""
    if value is None:
        return None
    return value.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
