from __future__ import annotations

import re
from dataclasses import replace
from email import message_from_bytes
from email.policy import default as modern

import pytest
import trio
from sqlalchemy import select, update
from trio.testing import MockClock

from gateway.config import MailSettings, Settings
from gateway.domain.errors import Invalid, Throttled, Unauthorized, Unavailable
from gateway.domain.principal import CustomerPrincipal
from gateway.identity.employees import EmployeeDraft
from gateway.identity.identity import Identity, open_identity
from gateway.identity.passwords import ASKING_TAKES
from gateway.storage.database import Database
from gateway.storage.queries import audit
from gateway.storage.queries.employees import Employee
from gateway.storage.tables.identity import password_reset, service_provider
from gateway.storage.tables.mail import mail
from tests.gateway.identity.garages import Garage
from tests.settable_clock import SettableClock

HERE = "192.0.2.1"
EMAIL, PASSWORD = "eva@garage.example", "correct horse"
MAIL = MailSettings(host="mail.example", sender="portal@gateway.example")


@pytest.fixture
async def identity(database: Database, settings: Settings, clock: SettableClock) -> Identity:
    return await open_identity(database, replace(settings, mail=MAIL), clock)


@pytest.fixture
async def customer(identity: Identity, garage: Garage) -> CustomerPrincipal:
    tokens = await identity.sign_in.by_connector_uuid(garage.connector.uuid, "04711", address=HERE)
    return await identity.customer(tokens.access_token)


@pytest.fixture
async def employee(identity: Identity, customer: CustomerPrincipal) -> Employee:
    return await identity.employees.add(customer, EmployeeDraft("Eva", "Bos", EMAIL))


async def letters(database: Database, identity: Identity) -> list[str]:
    rows = await database.read(
        lambda connection: (
            connection.execute(select(mail.c.sealed).order_by(mail.c.id)).scalars().all()
        )
    )
    raw = [identity.seal.fernet.decrypt(sealed) for sealed in rows]
    return [str(message_from_bytes(one, policy=modern).get_content()) for one in raw]


async def newest_code(database: Database, identity: Identity) -> str:
    found = re.search(r"^([\w-]{43})$", (await letters(database, identity))[-1], re.MULTILINE)
    assert found is not None
    return found[1]


async def choose(database: Database, identity: Identity, password: str = PASSWORD) -> None:
    code = await newest_code(database, identity)
    await identity.passwords.choose(code, password, address=HERE)


async def test_a_newcomer_chooses_a_password_and_comes_in(
    identity: Identity, employee: Employee, database: Database, garage: Garage
) -> None:
    await choose(database, identity)
    tokens = await identity.passwords.sign_in(" EVA@garage.example", PASSWORD, address=HERE)
    principal = await identity.customer(tokens.access_token)
    assert (principal.user_id, principal.tenant_id) == (employee.uuid, garage.tenant_id)
    assert principal.connector_id is None
    await identity.sign_in.refresh(tokens.refresh_token, address=HERE)


async def test_a_code_is_good_once(
    identity: Identity, employee: Employee, database: Database
) -> None:
    code = await newest_code(database, identity)
    await identity.passwords.choose(code, PASSWORD, address=HERE)
    with pytest.raises(Unauthorized, match="used before"):
        await identity.passwords.choose(code, "another one", address=HERE)
    await identity.passwords.sign_in(EMAIL, PASSWORD, address=HERE)


async def test_a_code_is_good_for_an_hour(
    identity: Identity, employee: Employee, database: Database, clock: SettableClock
) -> None:
    code = await newest_code(database, identity)
    clock.advance(3_600)
    with pytest.raises(Unauthorized):
        await identity.passwords.choose(code, PASSWORD, address=HERE)


async def test_a_bad_password_does_not_spend_the_code(
    identity: Identity, employee: Employee, database: Database
) -> None:
    code = await newest_code(database, identity)
    for bad in ("short", "x" * 257):
        with pytest.raises(Invalid) as caught:
            await identity.passwords.choose(code, bad, address=HERE)
        assert caught.value.field == "password"
    await identity.passwords.choose(code, PASSWORD, address=HERE)


async def test_a_later_code_ends_earlier_ones(
    identity: Identity, employee: Employee, database: Database, autojump_clock: MockClock
) -> None:
    first = await newest_code(database, identity)
    await identity.passwords.forgot(EMAIL, address=HERE)
    with pytest.raises(Unauthorized):
        await identity.passwords.choose(first, PASSWORD, address=HERE)
    await choose(database, identity)


async def test_a_code_in_a_former_mailbox_is_dead(
    identity: Identity, employee: Employee, customer: CustomerPrincipal, database: Database
) -> None:
    code = await newest_code(database, identity)
    moved = EmployeeDraft("Eva", "Bos", "eva@elsewhere.example")
    await identity.employees.change(customer, employee.uuid, moved)
    with pytest.raises(Unauthorized):
        await identity.passwords.choose(code, PASSWORD, address=HERE)


async def test_choosing_signs_out_everywhere(
    identity: Identity, employee: Employee, database: Database, autojump_clock: MockClock
) -> None:
    await choose(database, identity)
    tokens = await identity.passwords.sign_in(EMAIL, PASSWORD, address=HERE)
    await identity.passwords.forgot(EMAIL, address=HERE)
    await choose(database, identity, "a new secret")
    with pytest.raises(Unauthorized):
        await identity.sign_in.refresh(tokens.refresh_token, address=HERE)
    with pytest.raises(Unauthorized):
        await identity.passwords.sign_in(EMAIL, PASSWORD, address=HERE)
    await identity.passwords.sign_in(EMAIL, "a new secret", address=HERE)


async def test_wrong_unknown_and_disabled_get_the_same_answer(
    identity: Identity, employee: Employee, customer: CustomerPrincipal, database: Database
) -> None:
    answers = set()
    await choose(database, identity)
    for email, password in ((EMAIL, "wrong"), ("nobody@garage.example", PASSWORD)):
        with pytest.raises(Unauthorized) as caught:
            await identity.passwords.sign_in(email, password, address=HERE)
        answers.add((caught.value.code, caught.value.detail))
    shut_out = EmployeeDraft("Eva", "Bos", EMAIL, enabled=False)
    await identity.employees.change(customer, employee.uuid, shut_out)
    with pytest.raises(Unauthorized) as caught:
        await identity.passwords.sign_in(EMAIL, PASSWORD, address=HERE)
    answers.add((caught.value.code, caught.value.detail))
    assert len(answers) == 1


async def test_nobody_comes_in_without_having_chosen_a_password(
    identity: Identity, employee: Employee
) -> None:
    for password in ("", "the pincode of nobody"):
        with pytest.raises(Unauthorized):
            await identity.passwords.sign_in(EMAIL, password, address=HERE)


async def test_an_email_is_locked_for_the_network_that_guesses(
    identity: Identity, employee: Employee, database: Database
) -> None:
    await choose(database, identity)
    for email in (EMAIL, "nobody@garage.example"):
        for _ in range(5):
            with pytest.raises(Unauthorized):
                await identity.passwords.sign_in(email, "wrong", address="198.51.100.1")
        with pytest.raises(Throttled):
            await identity.passwords.sign_in(email, PASSWORD, address="198.51.100.1")
    await identity.passwords.sign_in(EMAIL, PASSWORD, address=HERE)


async def test_asking_takes_the_same_time_known_or_not(
    identity: Identity, employee: Employee, database: Database, autojump_clock: MockClock
) -> None:
    for email in (EMAIL, "nobody@garage.example"):
        begun = trio.current_time()
        await identity.passwords.forgot(email, address=HERE)
        assert trio.current_time() - begun == pytest.approx(ASKING_TAKES, abs=0.01)
    assert len(await letters(database, identity)) == 2  # the welcome, and one for Eva


async def test_a_mailbox_is_not_filled(
    identity: Identity,
    employee: Employee,
    database: Database,
    clock: SettableClock,
    autojump_clock: MockClock,
) -> None:
    for number in range(9):
        await identity.passwords.forgot(EMAIL, address=f"198.51.100.{number}")
    assert len(await letters(database, identity)) == 1 + 3
    clock.advance(900)
    await identity.passwords.forgot(EMAIL, address=HERE)
    assert len(await letters(database, identity)) == 1 + 4


async def test_asking_too_often_from_one_address_waits_but_does_not_lock_sign_in(
    identity: Identity, employee: Employee, database: Database, autojump_clock: MockClock
) -> None:
    await choose(database, identity)
    for number in range(20):
        await identity.passwords.forgot(f"{number}@garage.example", address=HERE)
    with pytest.raises(Throttled):
        await identity.passwords.forgot(EMAIL, address=HERE)
    await identity.passwords.sign_in(EMAIL, PASSWORD, address=HERE)


async def test_the_letter_links_to_the_providers_portal(
    identity: Identity, employee: Employee, database: Database, autojump_clock: MockClock
) -> None:
    await database.write(
        lambda connection: connection.execute(
            update(service_provider).values(portal_host="portal.example")
        )
    )
    await identity.passwords.forgot(EMAIL, address=HERE)
    text = (await letters(database, identity))[-1]
    found = re.search(
        r"^https://portal\.example/choose-password#code=([\w-]{43})$", text, re.MULTILINE
    )
    assert found is not None
    await identity.passwords.choose(found[1], PASSWORD, address=HERE)


async def test_without_a_mail_server_it_says_so(
    database: Database, settings: Settings, clock: SettableClock
) -> None:
    identity = await open_identity(database, settings, clock)
    with pytest.raises(Unavailable, match="no mail server"):
        await identity.passwords.forgot(EMAIL, address=HERE)


async def test_codes_are_kept_as_hashes_and_steps_are_audited(
    identity: Identity, employee: Employee, database: Database, autojump_clock: MockClock
) -> None:
    await identity.passwords.forgot(EMAIL, address=HERE)
    code = await newest_code(database, identity)
    with pytest.raises(Unauthorized):
        await identity.passwords.choose("x" * 43, PASSWORD, address=HERE)
    await identity.passwords.choose(code, PASSWORD, address=HERE)
    hashes = await database.read(
        lambda connection: connection.execute(select(password_reset.c.secret_hash)).scalars().all()
    )
    assert all(len(one) == 32 and code.encode() not in one for one in hashes)
    trail = await database.read(audit.newest)
    actions = [entry.action for entry in trail]
    assert actions[:3] == ["password.chosen", "password.refused", "password.asked"]
    assert PASSWORD not in repr(trail)
    assert code not in repr(trail)
