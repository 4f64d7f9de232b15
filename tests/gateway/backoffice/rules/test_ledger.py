"""The books balance to the cent, whatever the documents say."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.backoffice.rules import credit_notes, invoices, ledger, vat_periods
from gateway.backoffice.rules.recurring import following
from gateway.backoffice.shop import Shop
from gateway.domain.errors import Invalid

DAY = date(2026, 1, 15)

lines = st.lists(
    st.builds(
        lambda quantity, price, rate: {
            "description": "x",
            "quantity": Decimal(quantity) / 1000,
            "unit_price": Decimal(price) / 100,
            "vat_rate": Decimal(rate),
        },
        st.integers(1, 20_000),
        st.integers(0, 500_000),
        st.sampled_from([0, 9, 21]),
    ),
    min_size=1,
    max_size=5,
)


def sent(shop: Shop, rows: list[dict[str, Any]]) -> dict[str, Any]:
    person = {"client_number": shop.count("customer") + 1, "first_name": "J", "email": "j@x.test"}
    customer = shop.insert("customer", person)
    body = {"customer_id": customer, "invoice_date": DAY, "lines": rows}
    invoice_id = invoices.create(shop, body)
    invoices.send(shop, shop.get("invoice", invoice_id), {})
    return shop.get("invoice", invoice_id)


def balance(shop: Shop) -> Decimal:
    rows = shop.where("journal_line")
    for entry in {row["journal_entry_id"] for row in rows}:
        own = [row for row in rows if row["journal_entry_id"] == entry]
        assert len(own) >= 2
        assert sum(row["debit"] for row in own) == sum(row["credit"] for row in own)
    owed = {row["code"]: row["balance"] for row in ledger.list_accounts(shop, {})}  # type: ignore[attr-defined]
    return Decimal(owed[ledger.DEBTORS])


@pytest.mark.slow
@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(lines, st.integers(1, 99))
def test_debtors_are_what_is_outstanding(
    trial_shop: Any, rows: list[dict[str, Any]], share: int
) -> None:
    def run(shop: Shop) -> None:
        before = balance(shop)
        invoice = sent(shop, [dict(row) for row in rows])
        total = invoice["total_incl"]
        assert balance(shop) - before == total
        part = (total * share / 100).quantize(Decimal("0.01"))
        if part:
            invoices.pay(shop, invoice, {"amount": part, "paid_on": DAY})
        left = invoices.outstanding(shop.get("invoice", invoice["id"]))
        assert left == total - part
        assert balance(shop) - before == left

    trial_shop(run)


@pytest.mark.slow
@settings(
    max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(lines)
def test_credit_stays_within_the_invoice(trial_shop: Any, rows: list[dict[str, Any]]) -> None:
    def run(shop: Shop) -> None:
        before = balance(shop)
        invoice = sent(shop, [dict(row) for row in rows])
        body = {"invoice_id": invoice["id"], "reason": "r"}
        first = credit_notes.create(shop, body | {"lines": [dict(row) for row in rows]})
        assert balance(shop) == before
        if invoice["total_incl"]:
            with pytest.raises(Invalid, match="left to credit"), shop.connection.begin_nested():
                credit_notes.create(shop, body | {"lines": [dict(row) for row in rows]})
            credit_notes.apply(shop, shop.get("credit_note", first), {})
            assert invoices.outstanding(shop.get("invoice", invoice["id"])) == 0
            with pytest.raises(Invalid, match="applied"):
                credit_notes.apply(shop, shop.get("credit_note", first), {})

    trial_shop(run)


async def test_the_contracts_own_sums(in_shop: Any) -> None:
    def run(shop: Shop) -> tuple[Any, ...]:
        line = {"description": "x", "quantity": Decimal(1), "vat_rate": Decimal(21)}
        invoice = sent(shop, [line | {"unit_price": Decimal("89.00")}])
        body = {"invoice_id": invoice["id"], "reason": "r"}
        credit = [line | {"unit_price": Decimal("40.00")}]
        note = credit_notes.create(shop, body | {"lines": credit})
        answer: Any = credit_notes.apply(shop, shop.get("credit_note", note), {})
        return invoice["total_incl"], answer["invoice_remaining"]

    assert await in_shop(run) == (Decimal("107.69"), Decimal("59.29"))


async def test_a_filed_quarter_takes_nothing_more(in_shop: Any) -> None:
    def run(shop: Shop) -> None:
        period = shop.insert("vat_period", {"year": 2024, "quarter": 1})
        line = {"description": "x", "quantity": Decimal(1), "vat_rate": Decimal(21)}
        rows = [line | {"unit_price": Decimal(100)}]
        person = {"client_number": 1, "first_name": "J", "email": "j@x.test"}
        body = {"customer_id": shop.insert("customer", person), "invoice_date": date(2024, 2, 1)}
        invoice_id = invoices.create(shop, body | {"lines": rows})
        invoices.send(shop, shop.get("invoice", invoice_id), {})
        filed: Any = vat_periods.file_period(shop, {"id": period})
        assert (filed["total_vat"], filed["boxes"]["1a"]) == (21, {"base": 100, "vat": 21})
        with pytest.raises(Invalid, match="filed"):
            invoices.create(shop, dict(body) | {"lines": rows})
        with pytest.raises(Invalid, match="filed already"):
            vat_periods.file_period(shop, {"id": period})
        # A payment is late, not wrong: it goes into the quarter that is open.
        invoices.pay(
            shop,
            shop.get("invoice", invoice_id),
            {"amount": 21, "paid_on": DAY.replace(year=2024)},
        )
        assert shop.where("journal_entry", source_type="payment")[0]["date"] == shop.today

    await in_shop(run)


@given(
    st.dates(date(2000, 1, 1), date(2090, 1, 1)),
    st.sampled_from(["monthly", "quarterly", "yearly"]),
)
def test_months_are_counted_from_the_anchor(anchor: date, frequency: str) -> None:
    step = {"monthly": 1, "quarterly": 3, "yearly": 12}[frequency]
    day = anchor
    for number in range(1, 14):
        day = following(anchor, day, frequency)
        months = anchor.year * 12 + anchor.month - 1 + number * step
        assert (day.year, day.month) == (months // 12, months % 12 + 1)
        assert day.day == anchor.day or (day.day < anchor.day and (day.day >= 28))


def test_the_31st_comes_back_after_february() -> None:
    anchor = date(2026, 1, 31)
    february = following(anchor, anchor, "monthly")
    assert (february, following(anchor, february, "monthly")) == (
        date(2026, 2, 28),
        date(2026, 3, 31),
    )
