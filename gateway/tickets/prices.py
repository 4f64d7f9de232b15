"""What an order costs: pure arithmetic on decimals, in cents, halves rounded up.

Everything that is rounded is rounded once, on its line; sums are sums of lines. So lines always
add up to totals, to the cent, whatever the percentages are. The steps of a quote:

    line        gross, minus its reductions one after the other (each taken of gross, together
                never more than gross), is net
    sub_total   all lines
    voucher     taken of what the lines it counts for cost net, and spread over them in
                proportion, largest remainder first, so that no cent is lost
    fee         the makers' fees of the lines, untouched by reductions and vouchers
    total       sub_total, minus voucher, plus fee
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import final

from gateway.domain.money import CENT, ZERO, Reduction, ReductionKind, cents


@dataclass(frozen=True, slots=True)
class Charge:
    """What goes into a line.

    Attributes:
        product_id: which product.
        gross: price of one.
        quantity: how many, at least 1.
        reductions: what is taken off, in order.
        service_fee: the maker's fee for the whole line.
    """

    product_id: int
    gross: Decimal
    quantity: int = 1
    reductions: tuple[Reduction, ...] = ()
    service_fee: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Applied:
    """A reduction and the amount it came to.

    Attributes:
        reduction: the rule.
        amount: what it took off, not negative.
    """

    reduction: Reduction
    amount: Decimal


@dataclass(frozen=True, slots=True)
class Sum:
    """Money before and after reductions."""

    gross: Decimal = ZERO
    net: Decimal = ZERO

    @property
    def discount(self) -> Decimal:
        """What was taken off."""
        return self.gross - self.net

    @property
    def percentage(self) -> Decimal:
        """What was taken off in percent of gross, two places; 0 of nothing is 0."""
        return cents(self.discount * 100 / self.gross) if self.gross else ZERO


@final
@dataclass(frozen=True, slots=True)
class PricedLine:
    """One line of an order.

    Attributes:
        product_id: which product.
        quantity: how many.
        price: gross for the quantity, and net of the line's own reductions.
        applied: how gross came to net.
        voucher: the voucher's share, to be taken off net.
        service_fee: the maker's fee, on top.
    """

    product_id: int
    quantity: int
    price: Sum
    applied: tuple[Applied, ...]
    voucher: Decimal
    service_fee: Decimal | None

    @property
    def charged(self) -> Sum:
        """The line with the voucher's share taken off, without the fee."""
        return Sum(self.price.gross, self.price.net - self.voucher)


@final
@dataclass(frozen=True, slots=True)
class Quote:
    """A priced order.

    Attributes:
        currency: ISO 4217 code of every amount.
        lines: in the order they were asked for.
        voucher: the voucher and what it came to, ``None`` without one.
        sub_total: all lines before the voucher.
        after_voucher: all lines after it.
        service_fee: all makers' fees.
        total: what is owed; gross holds the fees too.
    """

    currency: str
    lines: tuple[PricedLine, ...]
    voucher: Applied | None
    sub_total: Sum
    after_voucher: Sum
    service_fee: Decimal
    total: Sum


def quote(
    currency: str,
    charges: Iterable[Charge],
    voucher: Reduction | None = None,
    voucher_products: frozenset[int] = frozenset(),
) -> Quote:
    """Price an order.

    Args:
        currency: of every amount that goes in and comes out.
        charges: one for each line.
        voucher: taken off at the end.
        voucher_products: the only products the voucher counts for; empty is all.
    """
    lines = tuple(_line(charge) for charge in charges)
    applied = None
    if voucher is not None:
        lines, applied = _redeem(lines, voucher, voucher_products)
    return add_up(currency, lines, applied)


def add_up(currency: str, lines: tuple[PricedLine, ...], voucher: Applied | None) -> Quote:
    """Return the order that these lines make."""
    sub_total = _sum(line.price for line in lines)
    after_voucher = _sum(line.charged for line in lines)
    fee = sum((line.service_fee or ZERO for line in lines), ZERO)
    return Quote(
        currency=currency,
        lines=lines,
        voucher=voucher,
        sub_total=sub_total,
        after_voucher=after_voucher,
        service_fee=fee,
        total=Sum(sub_total.gross + fee, after_voucher.net + fee),
    )


def _line(charge: Charge) -> PricedLine:
    gross = cents(charge.gross) * charge.quantity
    left = gross
    applied = []
    for reduction in charge.reductions:
        amount = min(reduction.amount_of(gross), left)
        left -= amount
        applied.append(Applied(reduction, amount))
    fee = None if charge.service_fee is None else cents(charge.service_fee)
    price = Sum(gross, left)
    return PricedLine(charge.product_id, charge.quantity, price, tuple(applied), ZERO, fee)


def _redeem(
    lines: tuple[PricedLine, ...], voucher: Reduction, products: frozenset[int]
) -> tuple[tuple[PricedLine, ...], Applied]:
    weights = [
        line.price.net if not products or line.product_id in products else ZERO for line in lines
    ]
    amount = voucher.amount_of(sum(weights, ZERO))
    shares = spread(amount, weights)
    redeemed = tuple(
        replace(line, voucher=share) for line, share in zip(lines, shares, strict=True)
    )
    return redeemed, Applied(voucher, amount)


def spread(amount: Decimal, weights: Sequence[Decimal]) -> list[Decimal]:
    """Divide ``amount`` by ``weights`` into whole cents that add up to it.

    What rounding down leaves over goes cent by cent to the largest remainders, the earlier one
    among equals. No share exceeds its weight as long as ``amount`` does not exceed their sum.
    """
    whole = sum(weights, ZERO)
    if not whole:
        return [ZERO for _ in weights]
    pot, base = int(amount / CENT), int(whole / CENT)
    parts = [divmod(pot * int(weight / CENT), base) for weight in weights]
    shares = [share for share, _ in parts]
    by_remainder = sorted(range(len(parts)), key=lambda index: -parts[index][1])
    for index in by_remainder[: pot - sum(shares)]:
        shares[index] += 1
    return [share * CENT for share in shares]


def _sum(parts: Iterable[Sum]) -> Sum:
    gross = net = ZERO
    for part in parts:
        gross += part.gross
        net += part.net
    return Sum(gross, net)


def kind_of(applied: Iterable[Applied]) -> ReductionKind:
    """Return how several reductions read as one: percentual, unless an amount is among them."""
    absolute = any(one.reduction.kind is ReductionKind.ABSOLUTE for one in applied)
    return ReductionKind.ABSOLUTE if absolute else ReductionKind.PERCENTUAL
