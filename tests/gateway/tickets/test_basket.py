from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest
from sqlalchemy import insert

from gateway.domain.errors import Invalid
from gateway.storage.database import Connection
from gateway.storage.queries import products, vouchers
from gateway.storage.queries.products import Buyer, OfferFilter
from gateway.storage.tables.catalogue import product_price
from gateway.tickets.basket import MOST_PRODUCTS, Basket, price
from tests.gateway.workshops import Workshop


@pytest.mark.parametrize(
    ("day", "code"),
    [
        (date(2024, 2, 29), "voucher.not_yet"),
        (date(2024, 3, 1), None),
        (date(2024, 5, 31), None),
        (date(2024, 6, 1), "voucher.expired"),
    ],
)
async def test_a_voucher_holds_from_its_first_day_until_before_its_last(
    workshop: Workshop, day: date, code: str | None
) -> None:
    basket = workshop.basket("100301", voucher="spring24")
    buyer = Buyer(1, "EUR", day)
    if code is None:
        priced = await workshop.database.read(price, buyer, basket)
        assert priced.quote.after_voucher.net == Decimal("101.15")
        return
    with pytest.raises(Invalid) as caught:
        await workshop.database.read(price, buyer, basket)
    assert caught.value.code == code


async def test_an_absolute_voucher_counts_in_its_currency_only(workshop: Workshop) -> None:
    basket = workshop.basket("100301", voucher="TENOFF")
    day = date(2026, 1, 1)
    euros = await workshop.database.read(price, Buyer(1, "EUR", day), basket)
    assert euros.quote.after_voucher.net == Decimal("109.00")
    with pytest.raises(Invalid) as caught:
        await workshop.database.read(price, Buyer(1, "USD", day), basket)
    assert caught.value.code == "voucher.other_currency"


async def test_of_overlapping_prices_the_one_that_began_later_holds(workshop: Workshop) -> None:
    product_id = workshop.products["100301"]

    def raise_price(connection: Connection) -> None:
        connection.execute(
            insert(product_price).values(
                product_id=product_id,
                currency="EUR",
                gross=Decimal("139.00"),
                valid_from=date(2026, 4, 1),
            )
        )

    await workshop.database.write(raise_price)
    for day, gross in ((date(2026, 3, 31), "119.00"), (date(2026, 4, 1), "139.00")):
        buyer, wanted = Buyer(1, "EUR", day), OfferFilter(product_ids=[product_id])
        found = await workshop.database.read(products.offers, workshop.golf, buyer, wanted)
        assert [offer.gross for offer in found] == [Decimal(gross)]


async def test_a_currency_without_prices_offers_nothing(workshop: Workshop) -> None:
    buyer = Buyer(1, "JPY", date(2026, 1, 1))
    with pytest.raises(Invalid) as caught:
        await workshop.database.read(price, buyer, workshop.basket("100301"))
    assert caught.value.code == "product.does_not_fit"
    assert "JPY" in caught.value.detail


async def test_too_many_products_are_refused_before_anything_is_read(workshop: Workshop) -> None:
    golf = workshop.golf
    basket = Basket(golf.model.id, golf.id, tuple(range(1, MOST_PRODUCTS + 2)))
    with pytest.raises(Invalid) as caught:
        await workshop.database.read(price, Buyer(1, "EUR", date(2026, 1, 1)), basket)
    assert caught.value.code == "product.too_many"


async def test_the_last_use_of_a_voucher_goes_to_one(workshop: Workshop) -> None:
    voucher = await workshop.database.read(vouchers.find, " once50 ")
    assert voucher is not None
    assert voucher.uses_left == 1
    assert await workshop.database.write(vouchers.use, voucher.id)
    assert not await workshop.database.write(vouchers.use, voucher.id)
    for _ in range(2):  # what was never used is not given back
        await workshop.database.write(vouchers.give_back, voucher.id)
    voucher = await workshop.database.read(vouchers.find, "ONCE50")
    assert voucher is not None
    assert voucher.uses_left == 1
