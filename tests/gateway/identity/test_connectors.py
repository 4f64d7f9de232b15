from __future__ import annotations

import base64
from uuid import uuid4

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from gateway.domain.errors import Conflict, Invalid, NotFound, Unauthorized
from gateway.identity import connectors as connecting
from gateway.identity.identity import Identity
from gateway.storage.database import Database
from gateway.storage.queries import audit, events
from tests.gateway.identity.garages import Garage
from tests.settable_clock import SettableClock

HERE = "192.0.2.1"


def public_of(private: str | None) -> bytes:
    assert private is not None
    raw = base64.b64decode(private)
    assert len(raw) == 32
    return Ed25519PrivateKey.from_private_bytes(raw).public_key().public_bytes_raw()


async def test_a_new_connector_gets_a_number_a_uuid_a_pincode_and_a_key(
    identity: Identity, garage: Garage
) -> None:
    made = await identity.connectors.create(garage.tenant_id, actor="test")
    assert 100_000_000 <= made.id <= 999_999_999
    assert made.uuid.version == 4
    assert len(made.pincode) == 6
    assert made.pincode.isdigit()
    keys = await identity.connectors.keys(made.uuid)
    assert keys is not None
    assert keys.public_keys == (public_of(made.private_key),)
    assert (keys.number, keys.tenant_id, keys.provider_id) == (
        made.id,
        garage.tenant_id,
        garage.provider_id,
    )


async def test_what_the_device_signs_verifies_with_the_stored_key(
    identity: Identity, garage: Garage
) -> None:
    made = garage.connector
    keys = await identity.connectors.keys(made.uuid)
    assert keys is not None
    assert made.private_key is not None
    private = Ed25519PrivateKey.from_private_bytes(base64.b64decode(made.private_key))
    public = Ed25519PublicKey.from_public_bytes(keys.public_keys[0])
    public.verify(private.sign(b"nonces"), b"nonces")


async def test_a_device_may_bring_its_own_key(identity: Identity, garage: Garage) -> None:
    public = Ed25519PrivateKey.generate().public_key().public_bytes_raw()
    made = await identity.connectors.create(
        garage.tenant_id, actor="test", public_key=base64.b64encode(public).decode()
    )
    assert made.private_key is None
    keys = await identity.connectors.keys(made.uuid)
    assert keys is not None
    assert keys.public_keys == (public,)


@pytest.mark.parametrize("key", ["", "not base64!", base64.b64encode(b"x" * 31).decode()])
async def test_a_malformed_key_is_refused(identity: Identity, garage: Garage, key: str) -> None:
    with pytest.raises(Invalid) as caught:
        await identity.connectors.create(garage.tenant_id, actor="test", public_key=key)
    assert caught.value.field == "public_key"


@pytest.mark.parametrize("pincode", ["123", "1" * 13, "12a4", "", "١٢٣٤"])
async def test_a_malformed_pincode_is_refused(
    identity: Identity, garage: Garage, pincode: str
) -> None:
    with pytest.raises(Invalid) as caught:
        await identity.connectors.create(garage.tenant_id, actor="test", pincode=pincode)
    assert caught.value.field == "pincode"


async def test_a_garage_that_is_not_there_gets_no_connector(identity: Identity) -> None:
    with pytest.raises(NotFound):
        await identity.connectors.create(99, actor="test")
    assert await identity.connectors.list() == ()


async def test_a_taken_number_is_drawn_again(
    identity: Identity, garage: Garage, monkeypatch: pytest.MonkeyPatch
) -> None:
    numbers = iter([garage.connector.id, garage.connector.id, 123_456_789])
    monkeypatch.setattr(connecting, "_drawn_number", lambda: next(numbers))
    made = await identity.connectors.create(garage.tenant_id, actor="test")
    assert made.id == 123_456_789
    assert {known.id for known in await identity.connectors.list()} == {
        garage.connector.id,
        123_456_789,
    }


async def test_rotating_keeps_the_old_key_for_its_grace(
    identity: Identity, garage: Garage, clock: SettableClock
) -> None:
    uuid = garage.connector.uuid
    private = await identity.connectors.rotate_key(uuid, actor="test", grace=60.0)
    keys = await identity.connectors.keys(uuid)
    assert keys is not None
    assert keys.public_keys == (public_of(private), public_of(garage.connector.private_key))
    clock.advance(60)
    keys = await identity.connectors.keys(uuid)
    assert keys is not None
    assert keys.public_keys == (public_of(private),)


async def test_rotating_without_grace_ends_the_old_key_at_once(
    identity: Identity, garage: Garage
) -> None:
    uuid = garage.connector.uuid
    private = await identity.connectors.rotate_key(uuid, actor="test", grace=0.0)
    keys = await identity.connectors.keys(uuid)
    assert keys is not None
    assert keys.public_keys == (public_of(private),)


async def test_rotating_to_the_devices_own_key_shows_nothing(
    identity: Identity, garage: Garage
) -> None:
    public = Ed25519PrivateKey.generate().public_key().public_bytes_raw()
    text = base64.b64encode(public).decode()
    uuid = garage.connector.uuid
    assert await identity.connectors.rotate_key(uuid, actor="test", public_key=text) is None
    keys = await identity.connectors.keys(uuid)
    assert keys is not None
    assert keys.public_keys[0] == public


async def test_a_disabled_connector_proves_nothing_and_signs_nobody_in(
    identity: Identity, garage: Garage
) -> None:
    uuid = garage.connector.uuid
    tokens = await identity.sign_in.by_connector_uuid(uuid, "04711", address=HERE)
    await identity.customer(tokens.access_token)
    await identity.connectors.disable(uuid, actor="test")
    assert await identity.connectors.keys(uuid) is None
    with pytest.raises(Unauthorized):  # at once, although it was just looked up
        await identity.customer(tokens.access_token)
    with pytest.raises(Unauthorized):
        await identity.sign_in.refresh(tokens.refresh_token, address=HERE)
    with pytest.raises(Conflict):
        await identity.connectors.disable(uuid, actor="test")
    with pytest.raises(Conflict):
        await identity.connectors.rotate_key(uuid, actor="test")
    (known,) = await identity.connectors.list()
    assert known.disabled_at is not None


async def test_an_unknown_connector_is_named(identity: Identity) -> None:
    assert await identity.connectors.keys(uuid4()) is None
    with pytest.raises(NotFound):
        await identity.connectors.disable(uuid4(), actor="test")
    with pytest.raises(NotFound):
        await identity.connectors.rotate_key(uuid4(), actor="test")


async def test_every_step_is_audited_and_told_in_the_same_transaction(
    identity: Identity, garage: Garage, database: Database
) -> None:
    uuid = garage.connector.uuid
    await identity.connectors.rotate_key(uuid, actor="cli")
    await identity.connectors.disable(uuid, actor="cli")
    subject = f"connector:{uuid}"
    trail = await database.read(audit.newest, subject)
    assert [(entry.action, entry.actor) for entry in trail] == [
        ("connector.disabled", "cli"),
        ("connector.key_rotated", "cli"),
        ("connector.created", "test"),
    ]
    told = await database.read(events.after, 0)
    assert [event.type for event in told] == [
        connecting.CREATED,
        connecting.KEY_ROTATED,
        connecting.DISABLED,
    ]
    assert {event.subject for event in told} == {subject}
    assert told[0].payload == {"uuid": str(uuid)}


async def test_a_batch_gets_keys_of_its_own_and_no_pincode(
    identity: Identity, garage: Garage, database: Database
) -> None:
    made = await identity.connectors.create_many(garage.tenant_id, 3, actor="test")
    assert len({key.uuid for key in made}) == len({key.id for key in made}) == 3
    for key in made:
        keys = await identity.connectors.keys(key.uuid)
        assert keys is not None
        assert (keys.number, keys.public_keys) == (key.id, (public_of(key.private_key),))
        trail = await database.read(audit.newest, f"connector:{key.uuid}")
        assert [entry.action for entry in trail] == ["connector.created"]
    for pincode in ("000000", "", "1234"):
        with pytest.raises(Unauthorized):
            await identity.sign_in.by_connector_uuid(made[0].uuid, pincode, address=HERE)


@pytest.mark.parametrize("count", [0, -1, 1_001])
async def test_a_batch_has_bounds(identity: Identity, garage: Garage, count: int) -> None:
    with pytest.raises(Invalid) as caught:
        await identity.connectors.create_many(garage.tenant_id, count, actor="test")
    assert caught.value.field == "count"


async def test_a_batch_for_no_garage_makes_nobody(identity: Identity, garage: Garage) -> None:
    before = await identity.connectors.list()
    with pytest.raises(NotFound):
        await identity.connectors.create_many(garage.tenant_id + 1, 2, actor="test")
    assert await identity.connectors.list() == before
