from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.domain.money import ZERO, Reduction, ReductionKind, cents
from gateway.tickets.prices import Charge, Sum, kind_of, quote, spread

amounts = st.decimals(min_value=0, max_value=20_000, places=2)
percentages = st.decimals(min_value=0, max_value=100, places=2)
reductions = st.one_of(
    st.builds(Reduction, st.just(ReductionKind.PERCENTUAL), percentages, st.just("percent off")),
    st.builds(Reduction, st.just(ReductionKind.ABSOLUTE), amounts, st.just("amount off")),
)
charges = st.lists(
    st.builds(
        Charge,
        product_id=st.integers(1, 5),
        gross=amounts,
        quantity=st.integers(1, 4),
        reductions=st.lists(reductions, max_size=3).map(tuple),
        service_fee=st.none() | amounts,
    ),
    max_size=6,
)


def percent(value: str) -> Reduction:
    return Reduction(ReductionKind.PERCENTUAL, Decimal(value), f"{value} percent off")


def absolute(value: str) -> Reduction:
    return Reduction(ReductionKind.ABSOLUTE, Decimal(value), f"{value} off")


@given(charges, st.none() | reductions, st.frozensets(st.integers(1, 5)))
def test_lines_add_up_to_totals(
    asked: list[Charge], voucher: Reduction | None, products: frozenset[int]
) -> None:
    priced = quote("EUR", asked, voucher, products)
    assert sum((line.price.gross for line in priced.lines), ZERO) == priced.sub_total.gross
    assert sum((line.price.net for line in priced.lines), ZERO) == priced.sub_total.net
    assert sum((line.charged.net for line in priced.lines), ZERO) == priced.after_voucher.net
    fees = sum((line.service_fee or ZERO for line in priced.lines), ZERO)
    assert priced.total.net == priced.after_voucher.net + fees
    assert priced.total.gross == priced.sub_total.gross + fees
    redeemed = priced.voucher.amount if priced.voucher else ZERO
    assert priced.sub_total.net - redeemed == priced.after_voucher.net


@given(charges, st.none() | reductions, st.frozensets(st.integers(1, 5)))
def test_nothing_is_negative_and_nothing_smaller_than_a_cent(
    asked: list[Charge], voucher: Reduction | None, products: frozenset[int]
) -> None:
    priced = quote("EUR", asked, voucher, products)
    for line in priced.lines:
        taken = sum((one.amount for one in line.applied), ZERO)
        assert line.price.gross - taken == line.price.net
        amounts_of_line = (line.price.net, line.charged.net, line.voucher)
        assert all(amount >= 0 and amount == cents(amount) for amount in amounts_of_line)
        if products and line.product_id not in products:
            assert line.voucher == 0


@given(st.lists(amounts, min_size=1, max_size=8), st.data())
def test_spreading_loses_no_cent_and_overloads_no_share(
    weights: list[Decimal], data: st.DataObject
) -> None:
    whole = sum(weights, ZERO)
    amount = data.draw(st.decimals(min_value=0, max_value=whole, places=2))
    shares = spread(amount, weights)
    assert sum(shares, ZERO) == (amount if whole else ZERO)
    assert all(0 <= share <= weight for share, weight in zip(shares, weights, strict=True))


@pytest.mark.parametrize(
    ("gross", "off", "net"),
    [
        ("0.05", "50", "0.02"),  # half a cent goes to the reduction
        ("129.00", "7.5", "119.32"),
        ("99.99", "33.33", "66.66"),
        ("10.00", "100", "0.00"),
    ],
)
def test_percent_is_rounded_half_up_once(gross: str, off: str, net: str) -> None:
    priced = quote("EUR", [Charge(1, Decimal(gross), reductions=(percent(off),))])
    assert priced.lines[0].price == Sum(Decimal(gross), Decimal(net))


def test_reductions_never_take_more_than_there_is() -> None:
    asked = Charge(1, Decimal("20.00"), reductions=(percent("60"), absolute("15.00")))
    line = quote("EUR", [asked]).lines[0]
    assert [one.amount for one in line.applied] == [Decimal("12.00"), Decimal("8.00")]
    assert line.price.net == 0


def test_a_voucher_is_spread_over_the_lines_it_counts_for() -> None:
    asked = [Charge(number, Decimal("10.00")) for number in (1, 2, 3)]
    priced = quote("EUR", asked, absolute("10.00"), frozenset({1, 2}))
    assert [line.voucher for line in priced.lines] == [Decimal("5.00"), Decimal("5.00"), ZERO]
    thirds = quote("EUR", asked, absolute("10.00"))
    assert [str(line.voucher) for line in thirds.lines] == ["3.34", "3.33", "3.33"]


def test_fees_are_added_after_everything_is_taken_off() -> None:
    asked = [Charge(1, Decimal("100.00"), service_fee=Decimal("19.00"))]
    priced = quote("EUR", asked, percent("100"))
    assert priced.after_voucher.net == 0
    assert priced.total == Sum(Decimal("119.00"), Decimal("19.00"))


def test_percentage_of_a_sum() -> None:
    assert Sum(Decimal("30.00"), Decimal("20.00")).percentage == Decimal("33.33")
    assert Sum(ZERO, ZERO).percentage == 0


def test_reductions_read_as_percent_unless_an_amount_is_among_them() -> None:
    asked = Charge(1, Decimal("20.00"), reductions=(percent("10"),))
    mixed = Charge(2, Decimal("20.00"), reductions=(percent("10"), absolute("1")))
    lines = quote("EUR", [asked, mixed]).lines
    assert kind_of(lines[0].applied) is ReductionKind.PERCENTUAL
    assert kind_of(lines[1].applied) is ReductionKind.ABSOLUTE
