"""Many connectors at once, and the file that lets ``firmware-sim`` be all of them.

The file holds private keys that are shown nowhere else: it is made with mode 0600, an existing
one is never written over, and it is made before the first connector is, so that a folder that does
not exist costs no keys.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import msgspec

from gateway.cli.invocation import Invocation, say, with_identity
from gateway.config import LinkSettings
from gateway.domain.errors import Invalid
from gateway.identity.connectors import LARGEST_BATCH, DeviceKey
from gateway.identity.identity import Identity
from gateway.links.port import PATH
from gateway.storage.database import Database

#: The most one roster takes: twice what one gateway is made for.
LARGEST_ROSTER = 20_000

#: Addresses that mean "all of this machine", where a client has to name one.
_EVERYWHERE = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - read, not bound


@dataclass(frozen=True, slots=True)
class RosterOrder:
    """What the command line asked for.

    Attributes:
        tenant: number of the garage.
        count: how many connectors.
        file: where their keys go.
        gateway: where they dial in, ``ws://`` or ``wss://``.
    """

    tenant: int
    count: int
    file: Path
    gateway: str


def add_roster(invocation: Invocation, *, actor: str) -> int:
    """Make the connectors known and write their roster.

    Raises:
        Invalid: the command line asks for what does not go together.
        NotFound: there is no such garage; nothing is left behind.
        OSError: the file exists already, or cannot be written.
    """
    order = _order(invocation)

    async def work(identity: Identity, _database: Database) -> None:
        with _roster_file(order.file, order.gateway) as roster:
            for size in _batches(order.count):
                roster.add(await identity.connectors.create_many(order.tenant, size, actor=actor))
        say(f"{order.count} connectors of garage {order.tenant} stand in {order.file}")

    return with_identity(invocation.settings, work)


def _order(invocation: Invocation) -> RosterOrder:
    given = invocation.arguments
    if given.roster is None:
        raise Invalid(
            "cli.roster_missing", "Name a new file with --roster: it gets the connectors' keys."
        )
    if given.pincode is not None or given.public_key is not None:
        raise Invalid(
            "cli.roster_alone",
            "Connectors of a roster get keys of their own and no pincode. "
            "Leave --pincode and --public-key out.",
        )
    if not 1 <= given.count <= LARGEST_ROSTER:
        raise Invalid("cli.roster_size", f"--count is a number from 1 to {LARGEST_ROSTER}.")
    gateway = given.gateway or default_url(invocation.settings.link)
    if not gateway.startswith(("ws://", "wss://")):
        raise Invalid("cli.roster_url", f"{gateway} begins neither with ws:// nor with wss://.")
    if given.gateway is None and invocation.settings.link.port == 0:
        raise Invalid("cli.roster_url", "link.port is any free one: say where with --gateway.")
    return RosterOrder(given.tenant, given.count, given.roster, gateway)


def default_url(settings: LinkSettings) -> str:
    """Return where connectors on this machine reach the gateway of these settings."""
    scheme = "ws" if settings.certificate is None else "wss"
    host = _EVERYWHERE.get(settings.host, settings.host)
    name = f"[{host}]" if ":" in host else host
    return f"{scheme}://{name}:{settings.port}{PATH}"


def _batches(count: int) -> Iterator[int]:
    while count > 0:
        yield min(count, LARGEST_BATCH)
        count -= LARGEST_BATCH


class _RosterFile:
    """The JSON array on its way to the disk."""

    def __init__(self, file: IO[bytes], gateway: str) -> None:
        self._file = file
        self._gateway = gateway
        self.empty = True

    def add(self, keys: Sequence[DeviceKey]) -> None:
        """Write connectors; they are on the disk when this returns."""
        for key in keys:
            entry = {"gateway": self._gateway, "uuid": key.uuid, "key": key.private_key}
            self._file.write((b"[\n" if self.empty else b",\n") + msgspec.json.encode(entry))
            self.empty = False
        self._file.flush()
        os.fsync(self._file.fileno())

    def end(self) -> None:
        """Close the array."""
        self._file.write(b"\n]\n")


@contextmanager
def _roster_file(path: Path, gateway: str) -> Iterator[_RosterFile]:
    """Make a file that only its owner reads.

    Should the work fail half-way, the file is sound and has what was made; without any, it goes.
    """
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        roster = _RosterFile(file, gateway)
        try:
            yield roster
        finally:
            if roster.empty:
                path.unlink()
            else:
                roster.end()
