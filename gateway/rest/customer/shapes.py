"""How the contract spells money, times and pages; what is read can be asked for again cheaply."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from hashlib import blake2b
from typing import Self, TypeVar

import msgspec
from quart import Response, request

from gateway.domain.money import ZERO, ReductionKind
from gateway.storage.queries import page as stored
from gateway.tickets.prices import Quote, Sum
from gateway.web.paging import Page

T = TypeVar("T")
Json = dict[str, object]

#: Amounts leave as JSON numbers with their exact digits, never through a float.
_encoder = msgspec.json.Encoder(decimal_format="number")


def reply(document: object, status: int = 200, *, known_by: str | None = None) -> Response:
    """Return ``document`` as JSON; decimals become numbers, ``None`` becomes ``null``.

    What was read carries an entity tag, and is not sent again to a client that has it (304):
    portals ask for their tickets every few seconds, and mostly nothing has changed.

    Args:
        document: what is sent.
        status: of the answer.
        known_by: what the tag is made of, where that is not the document itself.
    """
    body = _encoder.encode(document)
    if status != 200 or request.method not in {"GET", "HEAD"}:
        return Response(body, status=status, content_type="application/json")
    told = body if known_by is None else known_by.encode()
    tag = blake2b(told, digest_size=16).hexdigest()
    known = request.if_none_match.contains_weak(tag)
    answer = (
        Response(b"", status=304)
        if known
        else Response(body, status=200, content_type="application/json")
    )
    answer.set_etag(tag)
    # The same address shows another garage something else.
    answer.headers["Vary"] = "Authorization"
    answer.headers["Cache-Control"] = "private, no-cache"
    return answer


def nothing() -> Response:
    """Return 204. The body is given, if empty: without one Quart reaches for an event loop."""
    return Response(b"", status=204)


def page(found: stored.Page[T], wanted: Page, shape: Callable[[T], Json]) -> Response:
    """Return one page of a list."""
    return reply(page_document(found, wanted, shape))


def page_document(found: stored.Page[T], wanted: Page, shape: Callable[[T], Json]) -> Json:
    """Return one page of a list as JSON."""
    return {
        "result": [shape(item) for item in found.items],
        "total": found.total,
        "offset": wanted.offset,
        "limit": wanted.limit,
    }


def slice_of(items: Iterable[T], wanted: Page) -> stored.Page[T]:
    """Return a page of a list that is all in memory."""
    every = tuple(items)
    return stored.Page(every[wanted.offset : wanted.offset + wanted.limit], len(every))


@dataclass(frozen=True, slots=True)
class Currencies:
    """In what money is shown.

    Attributes:
        charged: ISO 4217 code of what is owed.
        local: the one the garage thinks in, where it is another.
    """

    charged: str
    local: str | None = None

    @classmethod
    def of(cls, quote: Quote, local: Quote | None) -> Self:
        """Return those of an order and of the same order converted."""
        return cls(quote.currency, None if local is None else local.currency)


def money(currencies: Currencies, amount: Decimal, local: Decimal | None = None) -> Json:
    """Return an amount; ``local`` is the same in the garage's own currency."""
    return {
        "currency": currencies.charged,
        "value": amount,
        "localized_value": local,
        "localized_currency": None if local is None else currencies.local,
    }


def money_or_null(
    currencies: Currencies, amount: Decimal | None, local: Decimal | None = None
) -> Json | None:
    """Return an amount, ``None`` where there is none."""
    return None if amount is None else money(currencies, amount, local)


def discount(kind: ReductionKind, percentage: Decimal | None, price: Json) -> Json:
    """Return what was taken off."""
    return {"type": kind.value, "percentage": percentage, "price": price}


def prices(
    currencies: Currencies,
    price: Sum,
    local: Sum | None = None,
    kind: ReductionKind = ReductionKind.PERCENTUAL,
) -> Json:
    """Return gross, net and what lies between, as one discount with its effective percentage."""
    own = (None, None, None) if local is None else (local.gross, local.net, local.discount)
    taken_off = money(currencies, price.discount, own[2])
    return {
        "gross_price": money(currencies, price.gross, own[0]),
        "net_price": money(currencies, price.net, own[1]),
        "total_discount": discount(kind, price.percentage, taken_off),
    }


def fee_or_null(currencies: Currencies, fee: Decimal, local: Decimal | None) -> Json | None:
    """Return a fee as gross and net, ``None`` when it is nothing."""
    if fee == ZERO:
        return None
    return prices(currencies, Sum(fee, fee), None if local is None else Sum(local, local))


def day(value: date | None) -> str | None:
    """Return an ISO 8601 day."""
    return None if value is None else value.isoformat()


def moment(value: datetime | None) -> str | None:
    """Return an ISO 8601 time in UTC, whole seconds."""
    if value is None:
        return None
    return value.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
