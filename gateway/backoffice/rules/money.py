"""Amounts: decimals, cents, half up; VAT once per rate over everything at that rate.

Seven times 0.99 at 21 % is 1.47 of VAT when each line is rounded and 1.46 when the group is; this
product uses the group everywhere, so that order, invoice, ledger and return agree.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from gateway.domain.money import ZERO, cents


@dataclass(frozen=True, slots=True)
class Line:
    """What an amount is made of.

    Attributes:
        quantity: how many; fractions for hours.
        unit_price: net of VAT.
        vat_rate: percent.
    """

    quantity: Decimal
    unit_price: Decimal
    vat_rate: Decimal

    @property
    def excluding(self) -> Decimal:
        """Net amount, cents."""
        return cents(self.quantity * self.unit_price)

    @property
    def including(self) -> Decimal:
        """Amount with VAT as if the line stood alone; for display, never summed."""
        return self.excluding + vat(self.excluding, self.vat_rate)


@dataclass(frozen=True, slots=True)
class Totals:
    """Sums over lines, cents.

    Attributes:
        excluding: net of VAT.
        vat: the sum of ``vat_by_rate``.
        vat_by_rate: percent -> (base, VAT over that base).
    """

    excluding: Decimal
    vat: Decimal
    vat_by_rate: dict[Decimal, tuple[Decimal, Decimal]]

    @property
    def including(self) -> Decimal:
        """What is owed."""
        return self.excluding + self.vat


def vat(base: Decimal, rate: Decimal) -> Decimal:
    """Return the VAT over ``base`` at ``rate`` percent."""
    return cents(base * rate / 100)


def totals(lines: Iterable[Line]) -> Totals:
    """Return the sums over ``lines``."""
    bases: defaultdict[Decimal, Decimal] = defaultdict(Decimal)
    for line in lines:
        bases[line.vat_rate.normalize()] += line.excluding
    groups = {rate: (base, vat(base, rate)) for rate, base in sorted(bases.items())}
    return Totals(
        excluding=sum((base for base, _ in groups.values()), ZERO),
        vat=sum((tax for _, tax in groups.values()), ZERO),
        vat_by_rate=groups,
    )
