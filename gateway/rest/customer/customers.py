"""``/v1/customers/me`` and around it: the garage itself, its wallet, its provider's branding."""

from __future__ import annotations

from typing import Annotated

import msgspec
from quart import Blueprint, Response, request

from gateway.domain.errors import Invalid
from gateway.domain.principal import CustomerPrincipal
from gateway.identity.emails import checked_email
from gateway.rest.customer.door import CustomerDoor
from gateway.rest.customer.paths import PATHS
from gateway.rest.customer.shapes import Json, reply
from gateway.storage.database import Connection
from gateway.storage.queries import audit, garages, wallets
from gateway.storage.queries.audit import AuditEntry
from gateway.storage.queries.identity import Provider, Tenant
from gateway.storage.queries.wallets import Wallet
from gateway.tickets.garages import Garage, garage_of
from gateway.tickets.wallets import BalanceState, balance_state
from gateway.web.auth import require_customer
from gateway.web.bodies import LooseText, read_json

_Text = Annotated[str, msgspec.Meta(max_length=255)]

#: Characters of a phone number, however it is written.
_LONGEST_PHONE = 64

#: Member of the contract -> column, where the two differ.
_COLUMNS = {
    "city": "locality",
    "email_address": "email",
    "financial_email_address": "financial_email",
}

#: What may be emptied; a garage has a name and a way to write to it.
_EMPTY = frozenset({"financial_email_address", "phone", "number"})


class CustomerBody(msgspec.Struct, frozen=True):
    """Body of ``PUT /v1/customers/me``; members left out stay as they are."""

    name: _Text | None = None
    street: _Text | None = None
    number: Annotated[str, msgspec.Meta(max_length=32)] | None = None
    postal_code: Annotated[str, msgspec.Meta(max_length=32)] | None = None
    city: _Text | None = None
    country: Annotated[str, msgspec.Meta(max_length=255)] | None = None
    email_address: _Text | None = None
    financial_email_address: _Text | None = None
    phone: LooseText | None = None


def blueprint(door: CustomerDoor) -> Blueprint:
    """Return the garage's routes."""
    routes = Blueprint("customer_customers", __name__)

    async def garage() -> Garage:
        customer = await require_customer(door.identity)
        return await door.database.read(garage_of, customer.tenant_id)

    @routes.get("/v1/customers/me")
    async def get_customer() -> Response:
        return reply(customer_shape((await garage()).tenant))

    @routes.put(PATHS["changeCustomer"])
    async def change_customer() -> Response:
        customer = await require_customer(door.identity)
        values = _values(await read_json(request, CustomerBody))

        def change(connection: Connection) -> Tenant:
            garage_of(connection, customer.tenant_id)
            garages.change(connection, customer.tenant_id, values)
            audit.record(connection, _entry(door, customer, values))
            return garage_of(connection, customer.tenant_id).tenant

        return reply(customer_shape(await door.database.write(change)))

    @routes.get(PATHS["getBranding"])
    async def get_branding() -> Response:
        return reply(branding_shape((await garage()).provider))

    @routes.get("/v1/customer-wallet")
    async def get_wallet() -> Response:
        customer = await require_customer(door.identity)

        def read(connection: Connection) -> Json:
            own = garage_of(connection, customer.tenant_id)
            return wallet_shape(wallets.find(connection, own.tenant.id), own.provider)

        return reply(await door.database.read(read))

    return routes


def customer_shape(tenant: Tenant) -> Json:
    """Return a garage."""
    return {
        "name": tenant.name,
        "reference": tenant.reference,
        "street": tenant.street,
        "number": tenant.number,
        "postal_code": tenant.postal_code,
        "city": tenant.locality,
        "country": tenant.country,
        "email_address": tenant.email,
        "financial_email_address": tenant.financial_email,
        "phone": tenant.phone,
        "currency": tenant.currency,
    }


def branding_shape(provider: Provider) -> Json:
    """Return under which name and where a provider's portal is."""
    return {
        "branding_name": provider.company_name or provider.name,
        "customer_portal_url": provider.portal_host,
    }


def wallet_shape(wallet: Wallet, provider: Provider) -> Json:
    """Return a balance; it cannot be a worry to a garage that does not pay from it."""
    state = balance_state(wallet)
    if not (provider.has_prepaid_wallet and provider.payment_by_prepaid_balance):
        state = BalanceState.HEALTHY
    return {"balance": wallet.balance, "balance_state": state.value}


def _values(body: CustomerBody) -> dict[str, str]:
    values: dict[str, str] = {}
    for member in body.__struct_fields__:
        value: str | None = getattr(body, member)
        if value is not None:
            values[_COLUMNS.get(member, member)] = _checked(member, value.strip())
    return values


def _checked(member: str, value: str) -> str:
    if not value:
        if member in _EMPTY:
            return ""
        raise _invalid(member, "must not be empty; leave it out to keep what there is")
    if member in {"email_address", "financial_email_address"}:
        return checked_email(value, field=member)
    if member == "country":
        return _country(value)
    if member == "phone" and len(value) > _LONGEST_PHONE:
        raise _invalid(member, f"must be at most {_LONGEST_PHONE} characters long")
    return value


def _country(value: str) -> str:
    # Here, because the tables of all territories take a while to load.
    from babel import Locale  # noqa: PLC0415

    code = value.upper()
    territories = Locale("en").territories
    if len(code) != 2 or not code.isalpha() or code not in territories:
        raise _invalid("country", "must be a country's two letters (ISO 3166-1), such as NL or DE")
    return code


def _invalid(member: str, rule: str) -> Invalid:
    return Invalid("customer.field", f"`{member}` {rule}.", field=member)


def _entry(door: CustomerDoor, customer: CustomerPrincipal, values: dict[str, str]) -> AuditEntry:
    """Return what the audit trail keeps: which fields, not what they held."""
    return AuditEntry(
        at=door.clock(),
        action="customer.changed",
        actor=f"user:{customer.user_id}",
        subject=f"tenant:{customer.tenant_id}",
        tenant_id=customer.tenant_id,
        detail={"fields": ", ".join(sorted(values))},
    )
