from __future__ import annotations

from decimal import Decimal

import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import update
from sqlalchemy.exc import IntegrityError

from gateway.domain.errors import Conflict, GatewayError, Invalid, NotFound
from gateway.storage.database import Connection
from gateway.storage.queries import wallets as ledger
from gateway.storage.queries.page import Page
from gateway.storage.queries.wallets import Movement, MovementKind, Wallet
from gateway.storage.tables.identity import service_provider
from gateway.storage.tables.wallets import wallet
from gateway.tickets import wallets
from gateway.tickets.wallets import BalanceState, balance_state
from tests.gateway.workshops import LONG_AGO, MINE, SECOND, Workshop

pytestmark = pytest.mark.both_engines


def payment(amount: str, kind: MovementKind = MovementKind.PAYMENT, why: str = "") -> Movement:
    return Movement(kind, Decimal(amount), why, "test", LONG_AGO)


async def pay(workshop: Workshop, amount: str, kind: str = "payment", tenant: int = 1) -> Wallet:
    movement = payment(amount, MovementKind(kind))
    return await workshop.database.write(wallets.pay_in, tenant, movement)


async def movements(workshop: Workshop) -> Page[Movement]:
    return await workshop.database.read(ledger.movements, 1, offset=0, limit=50)


@pytest.fixture
async def prepaid(workshop: Workshop) -> Workshop:
    """A workshop whose provider takes payment from wallets; both connectors are online."""

    def keep_wallets(connection: Connection) -> None:
        values = {"has_prepaid_wallet": True, "payment_by_prepaid_balance": True}
        connection.execute(update(service_provider).values(values))

    await workshop.database.write(keep_wallets)
    workshop.presence.plug_in(MINE)
    workshop.presence.plug_in(SECOND)
    return workshop


async def test_payments_and_corrections_add_up(workshop: Workshop) -> None:
    assert await workshop.database.read(ledger.find, 1) == Wallet()
    await pay(workshop, "100.00")
    await pay(workshop, "-20.01", "correction")
    found = await pay(workshop, "0.01")
    assert found.balance == Decimal("80.00")
    written = (await movements(workshop)).items
    assert [one.balance for one in written] == [Decimal(80), Decimal("79.99"), Decimal(100)]
    assert sum(one.amount for one in written) == found.balance
    assert (await workshop.database.read(ledger.find, 2)).balance == 0


@pytest.mark.parametrize(
    ("amount", "kind", "tenant", "error"),
    [
        ("0", "payment", 1, Invalid),
        ("0.001", "payment", 1, Invalid),
        ("-5", "payment", 1, Invalid),
        ("1e9", "payment", 1, Invalid),
        ("NaN", "correction", 1, Invalid),
        ("Infinity", "payment", 1, Invalid),
        ("-0.01", "correction", 1, Conflict),
        ("5", "payment", 99, NotFound),
    ],
)
async def test_what_is_no_payment_is_refused(
    workshop: Workshop, amount: str, kind: str, tenant: int, error: type[GatewayError]
) -> None:
    with pytest.raises(error):
        await pay(workshop, amount, kind, tenant)
    assert (await movements(workshop)).total == 0


async def test_a_reference_has_an_end(workshop: Workshop) -> None:
    with pytest.raises(Invalid, match="255"):
        await workshop.database.write(wallets.pay_in, 1, payment("5", why="x" * 256))


async def test_an_overdraft_is_what_was_agreed(workshop: Workshop) -> None:
    allowed = await workshop.database.write(wallets.allow_overdraft, 1, Decimal(50))
    assert allowed == Wallet(Decimal(0), Decimal(50))
    assert (await pay(workshop, "-50", "correction")).balance == -50
    with pytest.raises(Conflict):
        await pay(workshop, "-0.01", "correction")
    with pytest.raises(Conflict):
        await workshop.database.write(wallets.allow_overdraft, 1, Decimal(49))
    for wrong in (Decimal(-1), Decimal("0.001"), Decimal("NaN")):
        with pytest.raises(Invalid):
            await workshop.database.write(wallets.allow_overdraft, 1, wrong)


@given(st.decimals(min_value=-5, max_value=5, places=2))
def test_states_follow_the_sign(balance: Decimal) -> None:
    wanted = {1: BalanceState.HEALTHY, 0: BalanceState.EMPTY, -1: BalanceState.OVERDRAWN}
    assert balance_state(Wallet(balance)) is wanted[(balance > 0) - (balance < 0)]


async def test_an_order_is_charged_and_its_cancellation_given_back(prepaid: Workshop) -> None:
    await pay(prepaid, "100")
    ticket = await prepaid.service.create(prepaid.customer, prepaid.order())
    assert (await prepaid.database.read(ledger.find, 1)).balance == 100 - ticket.total
    await prepaid.service.cancel(prepaid.operator, ticket.id, 3)
    assert (await prepaid.database.read(ledger.find, 1)).balance == 100
    kinds = [one.kind for one in (await movements(prepaid)).items]
    assert kinds == ["refund", "charge", "payment"]
    assert {one.ticket_id for one in (await movements(prepaid)).items} == {ticket.id, None}


async def test_what_the_balance_does_not_cover_is_not_ordered(prepaid: Workshop) -> None:
    await pay(prepaid, "80.09")
    with pytest.raises(Conflict) as refused:
        await prepaid.service.create(prepaid.customer, prepaid.order())
    assert refused.value.code == "wallet.insufficient"
    assert await prepaid.service.active(prepaid.customer, MINE) is None
    await pay(prepaid, "0.01")
    await prepaid.service.create(prepaid.customer, prepaid.order())
    assert (await prepaid.database.read(ledger.find, 1)).balance == 0


async def test_without_wallets_nothing_is_charged(workshop: Workshop) -> None:
    workshop.presence.plug_in(MINE)
    await workshop.service.create(workshop.customer, workshop.order())
    assert (await movements(workshop)).total == 0


@pytest.mark.slow
async def test_the_same_money_is_not_spent_twice_at_once(prepaid: Workshop) -> None:
    await pay(prepaid, "100")
    ordered, refused = [], []

    async def attempt(number: int) -> None:
        connector = MINE if number % 2 else SECOND
        order = prepaid.order(connector_id=connector)
        try:
            ordered.append(await prepaid.service.create(prepaid.customer, order))
        except Conflict as conflict:
            refused.append(conflict.code)

    async with trio.open_nursery() as nursery:
        for number in range(20):
            nursery.start_soon(attempt, number)
    assert len(ordered) == 1
    assert "wallet.insufficient" in refused
    assert (await prepaid.database.read(ledger.find, 1)).balance == Decimal("19.90")


async def test_the_database_itself_keeps_the_limit(workshop: Workshop) -> None:
    await pay(workshop, "5")
    with pytest.raises(IntegrityError):
        await workshop.database.write(
            lambda c: c.execute(update(wallet).values(balance=Decimal("-0.01")))
        )
    assert (await workshop.database.read(ledger.find, 1)).balance == 5
