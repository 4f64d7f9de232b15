"""The client under Trio: one gateway, one operator, any number of sessions.

async with Client("https://gateway.example.org", client_id, client_secret) as client:
    async with await client.open(connector=uuid) as session:
        vin = await session.ask("engine", "22F190")
"""

from __future__ import annotations

import hashlib
import ssl
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

import trio

from gateway.client.api import OperatorApi, new_http
from gateway.client.errors import Misconfigured, Unreadable
from gateway.client.profile import Profile, find_profile
from gateway.client.records import Connector, Connectors, Image, Job, SessionRecord, read
from gateway.client.session import Session, Wires
from gateway.client.socket import OperatorSocket

#: Connectors asked for at once.
PAGE = 100


class Client:
    """An operator at a gateway, while the ``async with`` block runs.

    Credentials that are left out come from the environment or a profile
    (:mod:`gateway.client.profile`).

    Args:
        url: the gateway's address, ``https://...``.
        client_id: who.
        client_secret: proves it.
        profile: a profile file.
        tls: for gateways whose certificate the system does not know.

    Raises:
        Misconfigured: something is missing.
        SignInRefused, Unreachable: on entering.
    """

    def __init__(
        self,
        url: str | None = None,
        client_id: str | None = None,
        client_secret: str | None = None,
        *,
        profile: Path | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.profile: Profile = find_profile(url, client_id, client_secret, path=profile)
        self._tls = tls
        self._stack = AsyncExitStack()
        self._wires: Wires | None = None
        self._nursery_block = trio.open_nursery()
        self._nursery: trio.Nursery | None = None

    async def __aenter__(self) -> Self:
        http = await self._stack.enter_async_context(new_http(self._tls))
        api = OperatorApi(self.profile, http)
        try:
            await api.token()
        except BaseException:
            with trio.move_on_after(2, shield=True):
                await self._stack.aclose()
            raise
        socket = OperatorSocket(self.profile.socket_url, api.token, api.forget_token, self._tls)
        # By hand, so that what the block raises comes out as it is and not in a group.
        self._nursery = await self._nursery_block.__aenter__()
        self._nursery.start_soon(socket.run)
        self._wires = Wires(api, socket)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        wires, self._wires = self._wires, None
        if wires is not None:
            wires.socket.stop()
        try:
            # Its tasks are cancelled, and bound their own leave.
            await self._nursery_block.__aexit__(None, None, None)  # noqa: ASYNC102
        finally:
            with trio.move_on_after(2, shield=True):
                await self._stack.aclose()

    @property
    def _in_use(self) -> Wires:
        if self._wires is None:
            raise Misconfigured("The client is used within its `async with` block alone.")
        return self._wires

    # --- vehicles ----------------------------------------------------------------------------

    async def connectors(self) -> list[Connector]:
        """Return the connectors that this operator can reach, online and not."""
        found: list[Connector] = []
        while True:
            page = await self._in_use.api.get(
                "/connectors", Connectors, {"offset": len(found), "limit": PAGE}
            )
            found += page.result
            if not page.result or len(found) >= page.total:
                return found

    async def connector(self, uuid: str) -> Connector:
        """Return one connector; raises ``Refused`` where it is not within reach."""
        return await self._in_use.api.get(f"/connectors/{uuid}", Connector)

    # --- sessions ----------------------------------------------------------------------------

    async def open(self, *, connector: str | None = None, ticket: int | None = None) -> Session:
        """Open a session on a connector or on a ticket; exactly one of them.

        Raises:
            Refused: the gateway said no; the connector is offline, for instance.
        """
        subject = {"connector_uuid": connector, "ticket_id": ticket}
        body = {name: value for name, value in subject.items() if value is not None}
        record = await self._in_use.api.post("/sessions", SessionRecord, body)
        return await self._session(record)

    async def join(self, session: str) -> Session:
        """Return a session of this operator's that is open already; raises ``Refused``."""
        return await self._session(
            await self._in_use.api.get(f"/sessions/{session}", SessionRecord)
        )

    async def _session(self, record: SessionRecord) -> Session:
        return Session(self._in_use, record, await self.connector(record.connector_uuid))

    @asynccontextmanager
    async def recording(
        self, session: str, kind: str = "pcapng"
    ) -> AsyncIterator[AsyncIterator[bytes]]:
        """Give the block the recording of a session, which may be over, piece by piece.

        Args:
            session: its id.
            kind: ``candump``, ``asc``, ``blf``, ``mf4`` or ``pcapng``.

        Raises:
            Refused: there is none, or no such format.
        """
        path = f"/sessions/{session}/recording"
        async with self._in_use.api.download(path, {"format": kind}) as response:
            yield response.aiter_bytes()

    # --- images and jobs ---------------------------------------------------------------------

    async def upload_image(self, image: bytes) -> Image:
        """Hand an image to the gateway, which checks its hash; it keeps it by that.

        Raises:
            Refused: too large, or not enough room.
            Unreadable: it arrived otherwise than it was sent.
        """
        digest = hashlib.sha256(image).hexdigest()
        body = await self._in_use.api.call(
            "POST", "/images", content=image, params={"sha256": digest}
        )
        kept = read(body, Image)
        if kept.sha256 != digest:
            raise Unreadable("The gateway got another image than was sent. Send it again.")
        return kept

    async def job(self, job: str) -> Job:
        """Return how a transfer job stands."""
        return await self._in_use.api.get(f"/jobs/{job}", Job)
