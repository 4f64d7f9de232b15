from __future__ import annotations

import pytest

from gateway.domain.errors import NotFound, Throttled, Unauthorized
from gateway.identity import operators
from gateway.identity.identity import Identity
from gateway.identity.operators import OperatorCredentials
from gateway.storage.database import Database
from gateway.storage.queries import audit, events
from tests.gateway.identity.garages import Garage
from tests.settable_clock import SettableClock

HERE = "192.0.2.1"


@pytest.fixture
async def credentials(identity: Identity, garage: Garage) -> OperatorCredentials:
    return await identity.operators.add(garage.provider_id, "Anna", actor="test")


async def test_credentials_buy_a_token_that_names_the_operator(
    identity: Identity, garage: Garage, credentials: OperatorCredentials
) -> None:
    bought = await identity.operators.token(
        credentials.client_id, credentials.client_secret, address=HERE
    )
    assert bought.expires_in == 3_600
    principal = await identity.operator(bought.access_token)
    assert principal.client_id == credentials.client_id
    assert principal.provider_id == garage.provider_id


async def test_the_token_ends_with_its_life(
    identity: Identity, credentials: OperatorCredentials, clock: SettableClock
) -> None:
    bought = await identity.operators.token(
        credentials.client_id, credentials.client_secret, address=HERE
    )
    clock.advance(3_606)
    with pytest.raises(Unauthorized):
        await identity.operator(bought.access_token)


async def test_wrong_and_unknown_get_the_same_answer(
    identity: Identity, credentials: OperatorCredentials
) -> None:
    answers = set()
    for client_id in (credentials.client_id, "op-nobody", "", "x" * 1_000):
        with pytest.raises(Unauthorized) as caught:
            await identity.operators.token(client_id, "the secret of nobody", address=HERE)
        answers.add((caught.value.code, caught.value.detail))
    assert len(answers) == 1


async def test_guessing_locks_the_address_and_not_the_operator(
    identity: Identity, credentials: OperatorCredentials
) -> None:
    for _ in range(20):
        with pytest.raises(Unauthorized):
            await identity.operators.token(credentials.client_id, "guess", address=HERE)
    with pytest.raises(Throttled):
        await identity.operators.token(
            credentials.client_id, credentials.client_secret, address=HERE
        )
    await identity.operators.token(
        credentials.client_id, credentials.client_secret, address="192.0.2.2"
    )


async def test_a_disabled_operator_is_out_at_once(
    identity: Identity, credentials: OperatorCredentials, database: Database
) -> None:
    bought = await identity.operators.token(
        credentials.client_id, credentials.client_secret, address=HERE
    )
    await identity.operator(bought.access_token)
    await identity.operators.disable(credentials.client_id, actor="cli")
    with pytest.raises(Unauthorized):
        await identity.operator(bought.access_token)
    with pytest.raises(Unauthorized):
        await identity.operators.token(
            credentials.client_id, credentials.client_secret, address=HERE
        )
    with pytest.raises(NotFound):
        await identity.operators.disable(credentials.client_id, actor="cli")
    (record,) = await identity.operators.list()
    assert record.disabled_at is not None
    told = await database.read(events.after, 0)
    assert told[-1].type == operators.DISABLED
    assert told[-1].subject == f"operator:{credentials.client_id}"


async def test_steps_are_audited(
    identity: Identity, credentials: OperatorCredentials, database: Database
) -> None:
    with pytest.raises(Unauthorized):
        await identity.operators.token(credentials.client_id, "guess", address=HERE)
    refused, added = await database.read(audit.newest, f"operator:{credentials.client_id}")
    assert (refused.action, refused.address) == ("token.refused", HERE)
    assert (added.action, added.actor) == ("operator.added", "test")
    assert credentials.client_secret not in repr((refused, added))


async def test_a_provider_that_is_not_there_has_no_operators(identity: Identity) -> None:
    with pytest.raises(NotFound):
        await identity.operators.add(99, "Anna", actor="test")
    assert await identity.operators.list() == ()
