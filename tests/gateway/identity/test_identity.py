from __future__ import annotations

from unittest.mock import patch

import pytest
import trio
import trio.testing
from sqlalchemy import event as listening
from sqlalchemy import select, update
from sqlalchemy.exc import OperationalError
from structlog.testing import CapturingLogger
from structlog.typing import FilteringBoundLogger
from trio.testing import MockClock

from gateway.config import Settings
from gateway.domain.errors import Unauthorized, Unavailable
from gateway.identity import identity as facing
from gateway.identity.identity import Identity, open_identity
from gateway.storage.database import Database
from gateway.storage.queries import signing_keys
from gateway.storage.queries.identity import Tenant
from gateway.storage.tables.identity import connector, one_time_password, portal_user
from tests.gateway.identity.garages import Garage
from tests.settable_clock import SettableClock

HERE = "192.0.2.1"


async def access_token(identity: Identity, garage: Garage) -> str:
    tokens = await identity.sign_in.by_connector_uuid(garage.connector.uuid, "04711", address=HERE)
    return tokens.access_token


async def test_a_principal_is_remembered_for_a_few_seconds_and_then_looked_up(
    identity: Identity, garage: Garage, database: Database, autojump_clock: MockClock
) -> None:
    token = await access_token(identity, garage)
    await identity.customer(token)
    statements: list[str] = []
    listening.listen(
        database.engine, "before_cursor_execute", lambda *details: statements.append(details[2])
    )
    await identity.customer(token)
    assert statements == []
    autojump_clock.jump(facing.REMEMBERED_FOR)
    await identity.customer(token)
    assert statements


async def test_a_user_disabled_elsewhere_is_out_soon(
    identity: Identity, garage: Garage, database: Database, autojump_clock: MockClock
) -> None:
    token = await access_token(identity, garage)
    await identity.customer(token)
    await database.write(
        lambda connection: connection.execute(update(portal_user).values(enabled=False))
    )
    autojump_clock.jump(facing.REMEMBERED_FOR)
    with pytest.raises(Unauthorized):
        await identity.customer(token)


async def test_whoever_came_in_lately_goes_on_without_the_database(
    identity: Identity, garage: Garage, database: Database, autojump_clock: MockClock
) -> None:
    token = await access_token(identity, garage)
    known = await identity.customer(token)
    other = await access_token(identity, garage)

    def refuse() -> None:
        raise OperationalError("connect", None, ConnectionRefusedError())

    with patch.object(database.engine, "connect", refuse):
        autojump_clock.jump(facing.REMEMBERED_FOR)
        assert await identity.customer(token) == known
        with pytest.raises(Unavailable):
            await identity.customer(other)
        autojump_clock.jump(facing.OUTAGE_GRACE)
        with pytest.raises(Unavailable):
            await identity.customer(token)


async def test_a_connector_that_moves_takes_its_sign_ins_with_it(
    identity: Identity, garage: Garage, database: Database
) -> None:

    token = await access_token(identity, garage)
    elsewhere = await identity.tenants.add(
        Tenant(garage.provider_id, "Garage Zuid", "EUR"), actor="test"
    )
    await database.write(
        lambda connection: connection.execute(update(connector).values(tenant_id=elsewhere))
    )
    with pytest.raises(Unauthorized):
        await identity.customer(token)


async def test_a_token_is_never_remembered_beyond_its_life(
    identity: Identity, garage: Garage, clock: SettableClock, autojump_clock: MockClock
) -> None:
    token = await access_token(identity, garage)
    clock.advance(899)
    await identity.customer(token)
    clock.advance(7)
    autojump_clock.jump(1.5)
    with pytest.raises(Unauthorized):
        await identity.customer(token)


async def test_the_memory_is_bounded(
    identity: Identity, garage: Garage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(facing, "MOST_REMEMBERED", 2)
    for _ in range(4):
        await identity.customer(await access_token(identity, garage))
    assert len(identity._customers._known) == 2


async def test_customers_and_operators_do_not_pass_for_each_other(
    identity: Identity, garage: Garage
) -> None:
    customer = await access_token(identity, garage)
    made = await identity.operators.add(garage.provider_id, "Anna", actor="test")
    operator = await identity.operators.token(made.client_id, made.client_secret, address=HERE)
    with pytest.raises(Unauthorized):
        await identity.operator(customer)
    with pytest.raises(Unauthorized):
        await identity.customer(operator.access_token)
    with pytest.raises(Unauthorized):
        await identity.shop("repair", customer)


async def test_tokens_outlive_a_restart(
    identity: Identity,
    garage: Garage,
    database: Database,
    settings: Settings,
    clock: SettableClock,
) -> None:
    token = await access_token(identity, garage)
    restarted = await open_identity(database, settings, clock)
    assert await restarted.customer(token) == await identity.customer(token)


async def test_housekeeping_replaces_keys_and_deletes_what_has_expired(
    identity: Identity,
    garage: Garage,
    database: Database,
    clock: SettableClock,
    log: FilteringBoundLogger,
    logged: CapturingLogger,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(facing, "HOUSEKEEPING_INTERVAL", 0.001)
    await identity.sign_in.issue_one_time_password(garage.connector.uuid, actor="test")
    (before,) = await database.read(signing_keys.every)
    clock.advance(91 * 86_400)
    async with trio.open_nursery() as nursery:
        await nursery.start(identity.keep_house, log)
        while not logged.calls:  # noqa: ASYNC110  # the round ends with a line and no event
            await trio.sleep(0.001)
        nursery.cancel_scope.cancel()
    line = logged.calls[0].kwargs
    assert (line["event"], line["key_rotated"]) == ("identity_housekeeping", True)
    after = await database.read(signing_keys.every)
    assert after[0].kid != before.kid
    left = await database.read(
        lambda connection: connection.execute(select(one_time_password)).all()
    )
    assert left == []


async def test_housekeeping_survives_an_outage(
    identity: Identity,
    log: FilteringBoundLogger,
    logged: CapturingLogger,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def fail() -> bool:
        raise Unavailable("storage.unavailable", "gone")

    monkeypatch.setattr(facing, "HOUSEKEEPING_INTERVAL", 0.001)
    monkeypatch.setattr(identity.keys, "rotate_if_due", fail)
    async with trio.open_nursery() as nursery:
        await nursery.start(identity.keep_house, log)
        while len(logged.calls) < 2:  # noqa: ASYNC110  # likewise
            await trio.sleep(0.001)
        nursery.cancel_scope.cancel()
    assert logged.calls[1].kwargs["event"] == "identity_housekeeping_postponed"


async def test_a_running_process_takes_over_the_key_that_a_command_made(
    identity: Identity,
    database: Database,
    settings: Settings,
    clock: SettableClock,
    log: FilteringBoundLogger,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(facing, "RELOAD_INTERVAL", 0.001)
    command = await open_identity(database, settings, clock)
    clock.advance(1)
    name = await command.keys.rotate(actor="cli:test")
    async with trio.open_nursery() as nursery:
        await nursery.start(identity.keep_house, log)
        while identity.keys.current.kid != name:  # noqa: ASYNC110  # likewise
            await trio.sleep(0.001)
        nursery.cancel_scope.cancel()
