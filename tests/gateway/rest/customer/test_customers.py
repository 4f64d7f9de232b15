from __future__ import annotations

from decimal import Decimal

import pytest
from sqlalchemy import update

from gateway.storage.database import Connection
from gateway.storage.queries import audit, garages, rates, wallets
from gateway.storage.queries.rates import DatedRate
from gateway.storage.queries.wallets import Movement, MovementKind
from gateway.storage.tables.identity import service_provider, tenant
from gateway.tickets.life import Report
from tests.gateway.portals import Json, Portal, conforms
from tests.gateway.workshops import LONG_AGO, MINE


async def change(portal: Portal, body: Json) -> Json:
    answer = await portal.call("PUT", "/v1/customers/me", json=body)
    assert answer.status_code == 200, await answer.get_data()
    changed = await answer.get_json()
    conforms(changed, "Customer")
    return changed


async def set_provider(portal: Portal, **values: object) -> None:
    def write(connection: Connection) -> None:
        connection.execute(
            update(service_provider).where(service_provider.c.id == 1).values(values)
        )

    await portal.workshop.database.write(write)


async def test_a_garage_keeps_what_it_does_not_name(portal: Portal) -> None:
    before = await portal.get("/v1/customers/me", "Customer")
    assert (before["name"], before["currency"]) == ("Garage Noord", "EUR")
    body = {"city": " Sneek ", "country": "nl", "phone": 515123456, "number": "12a"}
    changed = await change(portal, body | {"email_address": "Office@Garage.example"})
    assert changed == before | {
        "city": "Sneek",
        "country": "NL",
        "phone": "515123456",
        "number": "12a",
        "email_address": "office@garage.example",
    }
    assert await change(portal, {"phone": "", "currency": "USD"}) == changed | {"phone": ""}
    assert await portal.get("/v1/customers/me", "Customer", token="next") != changed
    written = await portal.workshop.database.read(audit.newest, "tenant:1", 2)
    assert [entry.detail for entry in written] == [
        {"fields": "phone"},
        {"fields": "country, email, locality, number, phone"},
    ]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"name": ""}, "name"),
        ({"name": "x" * 256}, "name"),
        ({"name": 7}, "name"),
        ({"country": "Nederland"}, "country"),
        ({"country": "QX"}, "country"),
        ({"email_address": "nobody"}, "email_address"),
        ({"financial_email_address": "a b@c"}, "financial_email_address"),
        ({"phone": "1" * 65}, "phone"),
        ({"city": None, "street": "\0"}, "street"),
    ],
)
async def test_what_is_wrong_is_named_and_changes_nothing(
    portal: Portal, body: Json, field: str
) -> None:
    before = await portal.get("/v1/customers/me", "Customer")
    problem = await portal.refused("PUT", "/v1/customers/me", 400, json=body)
    assert problem["field"] == field
    assert await portal.get("/v1/customers/me", "Customer") == before


async def test_only_a_garages_own_words_can_be_set(portal: Portal) -> None:
    with pytest.raises(KeyError, match="currency"):
        await portal.workshop.database.write(garages.change, 1, {"currency": "USD"})


async def test_the_branding_is_the_providers(portal: Portal) -> None:
    shown = await portal.get("/v1/customer-branding", "Branding")
    assert shown == {"branding_name": "Remote Service", "customer_portal_url": ""}
    await set_provider(portal, company_name="Remote BV", portal_host="portal.example")
    shown = await portal.get("/v1/customer-branding", "Branding")
    assert shown == {"branding_name": "Remote BV", "customer_portal_url": "portal.example"}


async def test_the_wallet_is_the_garages(portal: Portal) -> None:
    shown = await portal.get("/v1/customer-wallet", "CustomerWallet")
    assert shown == {"balance": 0, "balance_state": "healthy"}
    await set_provider(portal, has_prepaid_wallet=True, payment_by_prepaid_balance=True)
    shown = await portal.get("/v1/customer-wallet", "CustomerWallet")
    assert shown == {"balance": 0, "balance_state": "empty"}
    payment = Movement(MovementKind.PAYMENT, Decimal("12.34"), "", "test", LONG_AGO)
    await portal.workshop.database.write(wallets.move, 1, payment)
    shown = await portal.get("/v1/customer-wallet", "CustomerWallet")
    assert shown == {"balance": 12.34, "balance_state": "healthy"}
    others = await portal.get("/v1/customer-wallet", "CustomerWallet", token="next")
    assert others["balance"] == 0


async def test_no_token(portal: Portal) -> None:
    for method, path in (
        ("GET", "/v1/customers/me"),
        ("PUT", "/v1/customers/me"),
        ("GET", "/v1/customer-branding"),
        ("GET", "/v1/customer-wallet"),
        ("GET", "/v1/service-center"),
        ("GET", "/v1/service-center/status"),
    ):
        await portal.refused(method, path, 401, token=None)


async def test_a_garage_that_thinks_in_another_currency_sees_both(portal: Portal) -> None:
    """Lines add up to totals in either currency, in the cart and in the history."""
    workshop = portal.workshop
    rate = DatedRate("EUR", "PLN", LONG_AGO.date(), Decimal("4.2517"))
    await workshop.database.write(rates.put, [rate])
    await workshop.database.write(lambda c: c.execute(update(tenant).values(local_currency="PLN")))
    workshop.presence.plug_in(MINE)
    order = workshop.order(basket=workshop.basket("100203", voucher="WELCOME"))
    ids = {
        "vehicle_model_id": workshop.golf.model.id,
        "vehicle_model_variant_id": workshop.golf.id,
    }
    products = await portal.get(f"/v1/products?{_query(ids)}", "ProductPage")
    price = products["result"][0]["gross_price"]
    assert price["localized_currency"] == "PLN"
    assert price["localized_value"] == float(round(Decimal(str(price["value"])) * rate.rate, 2))
    body = ids | {"product_ids": list(order.basket.product_ids), "voucher": "WELCOME"}
    answer = await portal.call("POST", "/v1/cart/calculate-prices", json=body)
    cart = await answer.get_json()
    conforms(cart, "Cart")
    _adds_up(cart["items"], cart["sub_total"])
    off = _local(cart["sub_total"]["net_price"]) - _local(cart["voucher_discount"]["price"])
    assert off == _local(cart["voucher_sub_total"]["net_price"])
    ticket = await workshop.service.create(workshop.customer, order)
    await workshop.service.begin(workshop.operator, ticket.id)
    await workshop.service.close(workshop.operator, ticket.id, Report())
    past = await portal.get(f"/v1/historical-tickets/{ticket.id}", "HistoricalTicket")
    _adds_up(past["product_lines"], past["sub_total"])
    assert past["total"]["net_price"] == cart["total"]["net_price"]
    (line,) = past["product_lines"]
    shares = sum(_local(one["discount"]["price"]) for one in line["discounts"])
    assert shares == _local(line["total_discount"]["price"])


def _query(ids: dict[str, int]) -> str:
    return "&".join(f"{name}={value}" for name, value in ids.items())


def _local(money: Json) -> Decimal:
    assert money["localized_currency"] == "PLN"
    return Decimal(str(money["localized_value"]))


def _adds_up(lines: list[Json], totals: Json) -> None:
    for price in ("gross_price", "net_price"):
        assert sum(_local(line[price]) for line in lines) == _local(totals[price])
