"""Money: decimals rounded half-up to cents, what may be taken off a price, other currencies."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from enum import StrEnum

CENT = Decimal("0.01")
ZERO = Decimal("0.00")


def cents(amount: Decimal) -> Decimal:
    """Return ``amount`` rounded to two places, halves away from zero."""
    return amount.quantize(CENT, rounding=ROUND_HALF_UP)


class ReductionKind(StrEnum):
    """How a reduction is stated."""

    PERCENTUAL = "percentual"
    ABSOLUTE = "absolute"


@dataclass(frozen=True, slots=True)
class Reduction:
    """A rule that takes something off a price.

    Attributes:
        kind: whether ``value`` is percent or an amount of money.
        value: percent (7.50 is seven and a half), or the amount in the price's currency.
        description: what the customer reads on the line.
    """

    kind: ReductionKind
    value: Decimal
    description: str

    def amount_of(self, price: Decimal) -> Decimal:
        """Return what this takes off ``price`` (not negative): never more than all of it."""
        if self.kind is ReductionKind.ABSOLUTE:
            return min(cents(self.value), price)
        return min(cents(price * self.value / 100), price)


@dataclass(frozen=True, slots=True)
class Rate:
    """What one unit of the currency charged in is worth in another.

    Attributes:
        currency: ISO 4217 code of the other.
        value: units of the other for one of ours, positive.
    """

    currency: str
    value: Decimal

    def of(self, amount: Decimal) -> Decimal:
        """Return ``amount`` in the other currency, in cents."""
        return cents(amount * self.value)
