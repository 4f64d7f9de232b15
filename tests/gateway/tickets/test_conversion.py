from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.domain.money import ZERO, Rate, Reduction, ReductionKind, cents
from gateway.storage.queries import rates
from gateway.storage.queries.identity import find_tenant
from gateway.storage.queries.rates import DatedRate
from gateway.storage.tables.identity import tenant
from gateway.tickets.conversion import convert, local_lines, local_totals
from gateway.tickets.garages import garage_of
from gateway.tickets.prices import Charge, quote
from gateway.tickets.service import TicketService
from tests.gateway.tickets.test_prices import charges, percent, reductions
from tests.gateway.workshops import MINE, Workshop
from tests.settable_clock import SettableClock

ZLOTY = Rate("PLN", Decimal("4.2517"))

every_rate = st.builds(
    Rate,
    st.just("PLN"),
    st.decimals(min_value="0.00000001", max_value=100_000, places=8),
)


@given(charges, st.none() | reductions, st.frozensets(st.integers(1, 5)), every_rate)
def test_converted_lines_add_up_to_converted_totals(
    asked: list[Charge], voucher: Reduction | None, products: frozenset[int], rate: Rate
) -> None:
    priced = quote("EUR", asked, voucher, products)
    local = convert(priced, rate)
    assert local.currency == "PLN"
    assert sum((line.price.gross for line in local.lines), ZERO) == local.sub_total.gross
    assert sum((line.price.net for line in local.lines), ZERO) == local.sub_total.net
    assert sum((line.charged.net for line in local.lines), ZERO) == local.after_voucher.net
    fees = sum((line.service_fee or ZERO for line in local.lines), ZERO)
    assert local.total.net == local.after_voucher.net + fees
    redeemed = local.voucher.amount if local.voucher else ZERO
    assert local.sub_total.net - redeemed == local.after_voucher.net


@given(charges, st.none() | reductions, every_rate)
def test_each_line_is_whole_and_close_to_its_price(
    asked: list[Charge], voucher: Reduction | None, rate: Rate
) -> None:
    priced = quote("EUR", asked, voucher)
    for line, local in zip(priced.lines, convert(priced, rate).lines, strict=True):
        assert local.price.gross == rate.of(line.price.gross)
        assert local.charged.net == rate.of(line.charged.net)
        shares = [one.amount for one in local.applied]
        assert local.price.gross - sum(shares, ZERO) == local.price.net
        assert all(share >= 0 and share == cents(share) for share in (*shares, local.voucher))


def test_a_discount_that_took_all_is_all_there_too() -> None:
    charge = Charge(1, Decimal("0.01"), 1, (percent("100"),))
    local = convert(quote("EUR", [charge]), ZLOTY)
    assert (local.total.gross, local.total.net) == (Decimal("0.04"), ZERO)
    assert local.lines[0].applied[0].amount == Decimal("0.04")


@pytest.fixture
async def polish(workshop: Workshop, clock: SettableClock) -> TicketService:
    """The service of a garage that pays in euro and thinks in zloty."""
    day = clock().date()
    known = [
        DatedRate("EUR", "PLN", day.replace(day=1), Decimal("4.2517")),
        DatedRate("EUR", "PLN", day.replace(day=20), Decimal("4.3")),
        DatedRate("EUR", "CZK", day.replace(day=1), Decimal("24.9")),
    ]
    await workshop.database.write(rates.put, known)
    await workshop.database.write(
        lambda connection: connection.execute(
            tenant.update().where(tenant.c.id == 1).values(local_currency="PLN")
        )
    )
    workshop.presence.plug_in(MINE)
    return workshop.service


async def test_a_cart_is_shown_in_both_currencies(
    workshop: Workshop, polish: TicketService
) -> None:
    priced = await polish.price(workshop.customer, workshop.basket("100203"))
    assert priced.quote.total.net == Decimal("80.10")
    assert priced.local is not None
    assert (priced.local.currency, priced.local.total.net) == ("PLN", Decimal("340.56"))
    other = await polish.price(workshop.neighbour, workshop.basket("100203"))
    assert other.local is None


async def test_a_ticket_keeps_the_rate_of_its_day(
    workshop: Workshop, polish: TicketService, clock: SettableClock
) -> None:
    ticket = await polish.create(workshop.customer, workshop.order())
    clock.advance(20 * 86_400)
    again = await polish.find(workshop.customer, ticket.id)
    assert (again.local_currency, again.local_rate) == ("PLN", Decimal("4.2517"))
    lines = local_lines(again)
    assert lines is not None
    totals = local_totals(lines)
    assert totals.sub_total.net == ZLOTY.of(again.net)
    assert totals.total.gross - totals.total.net == sum(lines[0].discounts, ZERO)
    later = await workshop.database.read(
        lambda connection: garage_of(connection, 1).local_rate(connection, clock())
    )
    assert later == Rate("PLN", Decimal("4.3"))
    assert local_lines(replace(again, local_rate=None)) is None


async def test_before_the_first_rate_there_is_none(
    workshop: Workshop, polish: TicketService, clock: SettableClock
) -> None:
    clock.advance(-5 * 86_400)
    priced = await polish.price(workshop.customer, workshop.basket("100203"))
    assert priced.local is None
    garage = await workshop.database.read(find_tenant, 1)
    assert garage is not None
    assert garage.local_currency == "PLN"


def test_kinds_stay_what_they_were() -> None:
    charge = Charge(1, Decimal(10), 2, (percent("10"),), Decimal("1.50"))
    local = convert(quote("EUR", [charge], percent("50")), ZLOTY)
    assert local.lines[0].applied[0].reduction.kind is ReductionKind.PERCENTUAL
    assert local.voucher is not None
    assert local.service_fee == ZLOTY.of(Decimal("1.50"))
