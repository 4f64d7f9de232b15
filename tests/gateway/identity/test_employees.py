from __future__ import annotations

from uuid import uuid4

import pytest

from gateway.domain.errors import Invalid, NotFound, Unauthorized
from gateway.domain.principal import CustomerPrincipal
from gateway.identity.employees import EmployeeDraft
from gateway.identity.identity import Identity
from gateway.storage.database import Database
from gateway.storage.queries import audit, employees
from gateway.storage.queries.identity import Tenant
from tests.gateway.identity.garages import Garage

EVA = EmployeeDraft(" Eva ", "Bos", "Eva@Garage.Example", "nl-nl")
HERE = "192.0.2.1"


@pytest.fixture
async def customer(identity: Identity, garage: Garage) -> CustomerPrincipal:
    tokens = await identity.sign_in.by_connector_uuid(garage.connector.uuid, "04711", address=HERE)
    return await identity.customer(tokens.access_token)


@pytest.fixture
async def neighbour(identity: Identity, garage: Garage) -> CustomerPrincipal:
    tenant_id = await identity.tenants.add(Tenant(garage.provider_id, "Zuid", "EUR"), actor="t")
    return CustomerPrincipal(tenant_id, uuid4(), None, garage.provider_id)


async def test_a_garage_keeps_its_people(
    identity: Identity, customer: CustomerPrincipal, neighbour: CustomerPrincipal
) -> None:
    eva = await identity.employees.add(customer, EVA)
    assert (eva.given_name, eva.username, eva.locale) == ("Eva", "eva@garage.example", "nl-NL")
    adam = await identity.employees.add(customer, EmployeeDraft("Adam", "Aan", None))
    assert (adam.username, adam.locale, adam.enabled) == (None, "en", True)
    found = await identity.employees.list(customer, offset=0, limit=10)
    assert (found.items, found.total) == ((adam, eva), 2)
    assert await identity.employees.find(customer, eva.uuid) == eva
    assert (await identity.employees.list(neighbour, offset=0, limit=10)).total == 0
    for stranger in (eva.uuid, uuid4()):
        with pytest.raises(NotFound):
            await identity.employees.find(neighbour, stranger)
        with pytest.raises(NotFound):
            await identity.employees.change(neighbour, stranger, EVA)


async def test_the_user_of_connectors_is_a_caller_but_no_employee(
    identity: Identity, customer: CustomerPrincipal
) -> None:
    me = await identity.employees.find(customer, customer.user_id)
    assert me.family_name == "Garage Noord"
    assert (await identity.employees.list(customer, offset=0, limit=10)).total == 0


async def test_a_change_replaces_and_is_audited(
    identity: Identity, customer: CustomerPrincipal, database: Database
) -> None:
    eva = await identity.employees.add(customer, EVA)
    draft = EmployeeDraft("Eva", "de Bos", "eva2@garage.example")
    changed = await identity.employees.change(customer, eva.uuid, draft)
    assert (changed.family_name, changed.locale, changed.enabled) == ("de Bos", "nl-NL", True)
    assert await identity.employees.find(customer, eva.uuid) == changed
    entry, *_ = await database.read(audit.newest, f"user:{eva.uuid}")
    assert (entry.action, entry.actor) == ("employee.changed", f"user:{customer.user_id}")


@pytest.mark.parametrize(
    ("draft", "field"),
    [
        (EmployeeDraft("x" * 256, "", None), "given_name"),
        (EmployeeDraft("", "x" * 256, None), "family_name"),
        (EmployeeDraft("", "", ""), "username"),
        (EmployeeDraft("", "", "no email"), "username"),
        (EmployeeDraft("", "", "a@b\nBcc: c@d"), "username"),
        (EmployeeDraft("", "", "x" * 250 + "@y.example"), "username"),
        (EmployeeDraft("", "", None, "klingon"), "correspondence_locale"),
        (EmployeeDraft("", "", None, ""), "correspondence_locale"),
        (EmployeeDraft("", "", None, "en_US\0"), "correspondence_locale"),
    ],
)
async def test_a_malformed_draft_names_its_field(
    identity: Identity, customer: CustomerPrincipal, draft: EmployeeDraft, field: str
) -> None:
    with pytest.raises(Invalid) as caught:
        await identity.employees.add(customer, draft)
    assert caught.value.field == field


async def test_an_email_belongs_to_one_and_is_never_taken_away(
    identity: Identity, customer: CustomerPrincipal
) -> None:
    eva = await identity.employees.add(customer, EVA)
    other = await identity.employees.add(customer, EmployeeDraft("Adam", "Aan", None))
    for attempt in (
        identity.employees.add(customer, EVA),
        identity.employees.change(customer, other.uuid, EVA),
        identity.employees.change(customer, eva.uuid, EmployeeDraft("Eva", "Bos", None)),
    ):
        with pytest.raises(Invalid) as caught:
            await attempt
        assert caught.value.field == "username"
    assert await identity.employees.change(customer, eva.uuid, EVA) == eva


async def test_who_is_disabled_is_out_at_once(
    identity: Identity, garage: Garage, customer: CustomerPrincipal, database: Database
) -> None:
    password_hash = await identity.passwords._hasher.hash("correct horse")
    eva = await identity.employees.add(customer, EVA)
    await database.write(employees.set_password_hash, eva.uuid, password_hash)
    tokens = await identity.passwords.sign_in("eva@garage.example", "correct horse", address=HERE)
    await identity.customer(tokens.access_token)
    off = EmployeeDraft("Eva", "Bos", "eva@garage.example", enabled=False)
    await identity.employees.change(customer, eva.uuid, off)
    with pytest.raises(Unauthorized):
        await identity.customer(tokens.access_token)
    with pytest.raises(Unauthorized):
        await identity.sign_in.refresh(tokens.refresh_token, address=HERE)


async def test_nobody_shuts_themselves_out(
    identity: Identity, customer: CustomerPrincipal
) -> None:
    with pytest.raises(Invalid, match="yourself"):
        await identity.employees.change(
            customer, customer.user_id, EmployeeDraft("", "x", None, enabled=False)
        )
