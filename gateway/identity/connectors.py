"""Devices: how they are made known, what proves them, and how they are shut out.

A connector proves itself with its Ed25519 private key; only the public half is kept here. The
pincode is for people at the portal, never for the device.
"""

from __future__ import annotations

import base64
import binascii
import secrets
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from uuid import UUID, uuid4

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from gateway.config import SecuritySettings
from gateway.domain.clock import Clock
from gateway.domain.connector import KnownConnector
from gateway.domain.errors import Conflict, Invalid, NotFound
from gateway.domain.events import Event
from gateway.identity.hashing import SecretHasher
from gateway.identity.key_lookups import KeyLookups
from gateway.storage.database import Connection, Database
from gateway.storage.queries import audit, connectors, events
from gateway.storage.queries import identity as people
from gateway.storage.queries.audit import AuditEntry
from gateway.storage.queries.connectors import ConnectorRecord, NewConnector

#: Event types, written with the change they tell of; subject ``connector:UUID``.
CREATED = "identity.connector.created"
DISABLED = "identity.connector.disabled"
KEY_ROTATED = "identity.connector.key_rotated"

#: Connectors that `Connectors.create_many` makes in one transaction. A thousand hold SQLite's one
#: writer for about a second, far below the five that other writers wait for it.
LARGEST_BATCH = 1_000

_FIRST_NUMBER = 100_000_000
_NUMBERS = 900_000_000


@dataclass(frozen=True, slots=True)
class ConnectorSecrets:
    """A new connector with what is shown once and kept nowhere.

    Attributes:
        id: the nine-digit number.
        uuid: how it names itself when it dials in.
        tenant_id: the garage.
        pincode: for people at the portal.
        private_key: 32 bytes in base64, for the device; ``None`` when it made its own pair.
    """

    id: int
    uuid: UUID
    tenant_id: int
    pincode: str
    private_key: str | None


@dataclass(frozen=True, slots=True)
class DeviceKey:
    """A connector of a batch, with what is shown once and kept nowhere.

    Attributes:
        id: the nine-digit number.
        uuid: how it names itself when it dials in.
        private_key: 32 bytes in base64.
    """

    id: int
    uuid: UUID
    private_key: str


class Connectors:
    """Makes devices known, changes their keys, shuts them out; every step audited."""

    def __init__(
        self,
        database: Database,
        hasher: SecretHasher,
        settings: SecuritySettings,
        clock: Clock,
        *,
        on_disabled: Callable[[], None],
    ) -> None:
        self._database = database
        self._hasher = hasher
        self._settings = settings
        self._clock = clock
        self._on_disabled = on_disabled
        self._lookups = KeyLookups(self._look_up)

    async def create(
        self,
        tenant_id: int,
        *,
        actor: str,
        pincode: str | None = None,
        public_key: str | None = None,
        hardware_type: str = "classic",
    ) -> ConnectorSecrets:
        """Make a connector known to a garage.

        Args:
            tenant_id: the garage.
            actor: who does it, for the audit trail.
            pincode: 4 to 12 digits; drawn when not given.
            public_key: 32 bytes in base64, of a pair that the device made; a pair is made here
                when not given.
            hardware_type: as the portal shows it.

        Raises:
            Invalid: the pincode or the key is malformed.
            NotFound: there is no such garage.
        """
        pincode = self._drawn_pincode() if pincode is None else _checked_pincode(pincode)
        public, private = _new_pair() if public_key is None else (_public_bytes(public_key), None)
        new = NewConnector(
            id=_drawn_number(),
            uuid=uuid4(),
            tenant_id=tenant_id,
            public_key=public,
            pincode_hash=await self._hasher.hash(pincode),
            hardware_type=hardware_type,
            created_at=self._clock(),
        )
        number = await self._database.write(self._create, new, actor)
        return ConnectorSecrets(number, new.uuid, tenant_id, pincode, private)

    async def create_many(
        self, tenant_id: int, count: int, *, actor: str, hardware_type: str = "classic"
    ) -> tuple[DeviceKey, ...]:
        """Make many connectors known to a garage, in one transaction: all of them or none.

        None of them has a pincode, so nobody signs in at the portal with them. A hash is made to
        be slow, and a thousand of them would take a minute; so the batch shares the hash of one
        random secret of 256 bits that is forgotten here. A sign-in is then refused after the
        same work as anywhere else, and does not tell such a connector from another.

        Args:
            tenant_id: the garage.
            count: 1 to ``LARGEST_BATCH``.
            actor: who does it, for the audit trail.
            hardware_type: as the portal shows it.

        Raises:
            Invalid: the count is out of range.
            NotFound: there is no such garage.
        """
        if not 1 <= count <= LARGEST_BATCH:
            raise Invalid(
                "identity.batch_size",
                f"Add 1 to {LARGEST_BATCH} connectors at once, not {count}.",
                field="count",
            )
        unknown = await self._hasher.hash(secrets.token_urlsafe(32))
        batch = [self._keyed(tenant_id, unknown, hardware_type) for _ in range(count)]
        numbers = await self._database.write(
            self._create_all, tuple(new for new, _ in batch), actor
        )
        return tuple(
            DeviceKey(number, new.uuid, private)
            for number, (new, private) in zip(numbers, batch, strict=True)
        )

    def _keyed(
        self, tenant_id: int, pincode_hash: str, hardware_type: str
    ) -> tuple[NewConnector, str]:
        public, private = _new_pair()
        new = NewConnector(
            id=_drawn_number(),
            uuid=uuid4(),
            tenant_id=tenant_id,
            public_key=public,
            pincode_hash=pincode_hash,
            hardware_type=hardware_type,
            created_at=self._clock(),
        )
        return new, private

    async def list(self) -> tuple[ConnectorRecord, ...]:
        """Return all connectors, also disabled ones, by number."""
        return await self._database.read(connectors.every)

    async def keys(self, uuid: UUID) -> KnownConnector | None:
        """Return what the connector ``uuid`` may prove itself with.

        ``None`` for an unknown or disabled one; the link port should answer both as it answers a
        wrong signature. Those who ask at the same time share a query.

        Raises:
            Unavailable: the database does not answer.
        """
        return await self._lookups.find(uuid)

    async def _look_up(self, uuids: Collection[UUID]) -> Mapping[UUID, KnownConnector]:
        return await self._database.read(connectors.keys, tuple(uuids), self._clock())

    async def disable(self, uuid: UUID, *, actor: str) -> None:
        """Let nobody in with this connector any more; its link ends by the event written here.

        Raises:
            NotFound: there is no such connector.
            Conflict: it is disabled already.
        """
        await self._database.write(self._disable, uuid, actor)
        self._on_disabled()

    async def rotate_key(
        self, uuid: UUID, *, actor: str, public_key: str | None = None, grace: float | None = None
    ) -> str | None:
        """Give the connector another key; the present one stays good for a while.

        Args:
            uuid: which.
            actor: who does it, for the audit trail.
            public_key: base64 of the device's own new key; a pair is made here when not given.
            grace: seconds the present key stays good; by default as configured.

        Returns:
            The new private key in base64, shown once; ``None`` when ``public_key`` was given.

        Raises:
            Invalid: the key is malformed.
            NotFound: there is no such connector.
            Conflict: it is disabled.
        """
        public, private = _new_pair() if public_key is None else (_public_bytes(public_key), None)
        seconds = self._settings.connector_key_grace if grace is None else grace
        await self._database.write(self._rotate_key, uuid, public, seconds, actor)
        return private

    def _create(self, connection: Connection, new: NewConnector, actor: str) -> int:
        if people.find_tenant(connection, new.tenant_id) is None:
            raise NotFound(
                "identity.no_such_tenant",
                f"There is no garage {new.tenant_id}. Add it first.",
                field="tenant_id",
            )
        while not connectors.add(connection, new):
            new = replace(new, id=_drawn_number())
        self._tell(connection, CREATED, new.uuid, new.tenant_id, actor)
        return new.id

    def _create_all(
        self, connection: Connection, batch: tuple[NewConnector, ...], actor: str
    ) -> tuple[int, ...]:
        return tuple(self._create(connection, new, actor) for new in batch)

    def _disable(self, connection: Connection, uuid: UUID, actor: str) -> None:
        known = _in_use(connection, uuid)
        connectors.disable(connection, uuid, self._clock())
        self._tell(connection, DISABLED, uuid, known.tenant_id, actor)

    def _rotate_key(
        self, connection: Connection, uuid: UUID, public: bytes, grace: float, actor: str
    ) -> None:
        known = _in_use(connection, uuid)
        valid_until = self._clock() + timedelta(seconds=grace)
        connectors.rotate_key(connection, uuid, public, valid_until)
        self._tell(connection, KEY_ROTATED, uuid, known.tenant_id, actor)

    def _tell(
        self, connection: Connection, what: str, uuid: UUID, tenant_id: int, actor: str
    ) -> None:
        now, subject = self._clock(), f"connector:{uuid}"
        action = what.removeprefix("identity.")
        audit.record(connection, AuditEntry(now, action, actor, subject, tenant_id))
        events.append(connection, Event(what, subject, tenant_id, {"uuid": str(uuid)}, now))

    def _drawn_pincode(self) -> str:
        return "".join(secrets.choice("0123456789") for _ in range(self._settings.pincode_digits))


def _in_use(connection: Connection, uuid: UUID) -> ConnectorRecord:
    known = connectors.by_uuid(connection, uuid)
    if known is None:
        raise NotFound(
            "identity.no_such_connector", f"There is no connector {uuid}.", field="uuid"
        )
    if known.disabled_at is not None:
        raise Conflict(
            "identity.connector_disabled",
            f"The connector {uuid} is disabled. Add it anew if it is to come back.",
        )
    return known


def _drawn_number() -> int:
    return _FIRST_NUMBER + secrets.randbelow(_NUMBERS)


def _checked_pincode(pincode: str) -> str:
    if pincode.isascii() and pincode.isdigit() and 4 <= len(pincode) <= 12:
        return pincode
    raise Invalid("identity.pincode_malformed", "A pincode has 4 to 12 digits.", field="pincode")


def _new_pair() -> tuple[bytes, str]:
    private = Ed25519PrivateKey.generate()
    text = base64.b64encode(private.private_bytes_raw()).decode("ascii")
    return private.public_key().public_bytes_raw(), text


def _public_bytes(text: str) -> bytes:
    try:
        raw = base64.b64decode(text, validate=True)
        return Ed25519PublicKey.from_public_bytes(raw).public_bytes_raw()
    except (binascii.Error, ValueError) as error:
        raise Invalid(
            "identity.public_key_malformed",
            "A public key is 32 bytes of Ed25519 in base64.",
            field="public_key",
        ) from error
