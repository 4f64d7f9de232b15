"""The same order in the garage's own currency, adding up there as well.

Each line's gross, net and fee are converted and rounded on their own; everything else follows
from them: a discount is what lies between gross and net, a total is the sum of its lines. So a
portal that adds the converted column up finds the converted total, to the cent.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import final

from gateway.domain.money import ZERO, Rate
from gateway.storage.queries.ticket_records import Ticket, TicketLine
from gateway.tickets.prices import Applied, PricedLine, Quote, Sum, add_up, spread


def convert(quote: Quote, rate: Rate) -> Quote:
    """Return ``quote`` in the currency of ``rate``."""
    lines = tuple(_line(line, rate) for line in quote.lines)
    voucher = None
    if quote.voucher is not None:
        redeemed = sum((line.voucher for line in lines), ZERO)
        voucher = Applied(quote.voucher.reduction, redeemed)
    return add_up(rate.currency, lines, voucher)


def _line(line: PricedLine, rate: Rate) -> PricedLine:
    price = Sum(rate.of(line.price.gross), rate.of(line.price.net))
    shares = spread(price.discount, [one.amount for one in line.applied])
    return replace(
        line,
        price=price,
        applied=tuple(
            Applied(one.reduction, share) for one, share in zip(line.applied, shares, strict=True)
        ),
        voucher=price.net - rate.of(line.charged.net),
        service_fee=None if line.service_fee is None else rate.of(line.service_fee),
    )


@final
@dataclass(frozen=True, slots=True)
class LocalLine:
    """A line of a ticket in the garage's own currency.

    Attributes:
        price: gross and net.
        service_fee: the maker's fee, on top.
        discounts: the amounts of the line's discounts, in their order; with ``price.net`` they
            add up to gross.
    """

    price: Sum
    service_fee: Decimal | None
    discounts: tuple[Decimal, ...]


def local_lines(ticket: Ticket) -> tuple[LocalLine, ...] | None:
    """Return a ticket's lines at the rate of the day it was ordered; ``None`` without one."""
    if ticket.local_currency is None or ticket.local_rate is None:
        return None
    rate = Rate(ticket.local_currency, ticket.local_rate)
    return tuple(_local_line(line, rate) for line in ticket.lines)


def _local_line(line: TicketLine, rate: Rate) -> LocalLine:
    price = Sum(rate.of(line.gross), rate.of(line.net))
    fee = None if line.service_fee is None else rate.of(line.service_fee)
    shares = spread(price.discount, [one.amount for one in line.discounts])
    return LocalLine(price, fee, tuple(shares))


@final
@dataclass(frozen=True, slots=True)
class LocalTotals:
    """Sums over the lines: before and after fees."""

    sub_total: Sum
    service_fee: Decimal
    total: Sum


def local_totals(lines: Sequence[LocalLine]) -> LocalTotals:
    """Add lines up."""
    gross = sum((line.price.gross for line in lines), ZERO)
    net = sum((line.price.net for line in lines), ZERO)
    fee = sum((line.service_fee or ZERO for line in lines), ZERO)
    return LocalTotals(Sum(gross, net), fee, Sum(gross + fee, net + fee))
