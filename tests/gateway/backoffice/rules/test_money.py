"""Amounts add up to the cent, and VAT is taken once per rate."""

from __future__ import annotations

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from gateway.backoffice.rules.money import Line, totals, vat

LINES = st.builds(
    Line,
    quantity=st.decimals("0.001", "999", places=3),
    unit_price=st.decimals("-9999", "9999", places=2),
    vat_rate=st.sampled_from([Decimal(0), Decimal(9), Decimal(21), Decimal("21.00")]),
)


@given(st.lists(LINES, max_size=30))
def test_totals_add_up(lines: list[Line]) -> None:
    sums = totals(lines)
    assert sums.excluding == sum((line.excluding for line in lines), Decimal())
    assert sums.excluding == sum((base for base, _ in sums.vat_by_rate.values()), Decimal())
    assert sums.vat == sum((tax for _, tax in sums.vat_by_rate.values()), Decimal())
    assert sums.including == sums.excluding + sums.vat
    assert sums.including == sums.including.quantize(Decimal("0.01"))


@given(st.lists(LINES, max_size=30), st.randoms())
def test_order_of_lines_changes_nothing(lines: list[Line], random: object) -> None:
    shuffled = list(lines)
    random.shuffle(shuffled)  # type: ignore[attr-defined] # hypothesis gives a random.Random
    assert totals(shuffled) == totals(lines)


@given(st.lists(LINES, max_size=30))
def test_a_credit_is_the_mirror_of_its_invoice(lines: list[Line]) -> None:
    credit = [Line(line.quantity, -line.unit_price, line.vat_rate) for line in lines]
    assert totals(credit).including == -totals(lines).including


def test_vat_is_taken_over_the_group() -> None:
    line = Line(Decimal(1), Decimal("0.99"), Decimal(21))
    assert totals([line] * 7).vat == Decimal("1.46")
    assert 7 * vat(line.excluding, line.vat_rate) == Decimal("1.47")


def test_rates_spelled_differently_are_one_group() -> None:
    spelled = [Line(Decimal(1), Decimal("0.99"), Decimal(r)) for r in ("21", "21.00", "2.1E+1")]
    assert len(totals(spelled).vat_by_rate) == 1


def test_published_examples() -> None:
    invoice = totals([Line(Decimal(1), Decimal("89.00"), Decimal(21))])
    assert (invoice.vat, invoice.including) == (Decimal("18.69"), Decimal("107.69"))
    credit = totals([Line(Decimal(1), Decimal("-40.00"), Decimal(21))])
    assert credit.including == Decimal("-48.40")
