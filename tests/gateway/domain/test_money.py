from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.domain.money import Reduction, ReductionKind, cents


@pytest.mark.parametrize(
    ("amount", "rounded"),
    [("1.005", "1.01"), ("1.0049", "1.00"), ("-1.005", "-1.01"), ("2", "2.00")],
)
def test_halves_are_rounded_away_from_zero(amount: str, rounded: str) -> None:
    assert str(cents(Decimal(amount))) == rounded


@given(
    st.sampled_from(ReductionKind),
    st.decimals(min_value=0, max_value=500, places=2),
    st.decimals(min_value=0, max_value=10_000, places=2),
)
def test_a_reduction_takes_whole_cents_and_never_more_than_there_is(
    kind: ReductionKind, value: Decimal, price: Decimal
) -> None:
    amount = Reduction(kind, value, "off").amount_of(price)
    assert amount == cents(amount)
    assert 0 <= amount <= price
