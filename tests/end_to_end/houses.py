"""A whole gateway in this process, on real sockets, with simulated vehicles that dial in to it."""

from __future__ import annotations

import base64
import sqlite3
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass, field, replace
from pathlib import Path
from random import Random
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import httpx2
import msgspec
import trio
from trio_websocket import WebSocketConnection, wrap_client_stream

from firmware_sim.assembly import VehicleSettings, open_device
from firmware_sim.firmware.connector import Dial, run_connector
from firmware_sim.firmware.link import Backoff, Identity, LinkRefusedError
from gateway.app import Gateway, open_gateway
from gateway.config import (
    DataSettings,
    HttpSettings,
    LinkSettings,
    LogSettings,
    SecuritySettings,
    Settings,
)
from gateway.demo.portal import Order, Portal
from gateway.demo.seed import Seeded
from gateway.demo.world import DemoConnector
from gateway.runtime.logs import Log
from tests.gateway.documented import check_answer
from tests.support.link_world import until

Json = Any  # what a test reads out of an answer is its own business

#: The product that every vehicle of the demo can have.
PRODUCT = "100203"

#: Security of each vehicle's first control unit: (level, mask, rotation, addend).
LOCKS = {
    "can": (3, 0x2C1B6E59, 5, 0x00031337),
    "can-fd": (1, 0x3D57C91E, 7, 0x0F1E2D3C),
    "doip": (5, 0x44C1E9A5, 6, 0x0BADF00D),
}

#: What counts the good and the bad who knock; everything else is what a refusal must not touch.
BOOKS_OF_THE_DOOR = {"audit", "sign_in_lock", "refresh_token"}

#: What services write in their own time: when jobs ran, how recordings stand, what providers are
#: told.
BOOKS_OF_SERVICES = {"backoffice_job", "recording", "partner_event"}

#: Vehicles, connectors, gateway and clients share one loop here: what a test machine that is busy
#: adds to an answer is not the control unit's silence.
MARGIN = 0.4

#: Dials again at once: tests do not wait for jitter.
AT_ONCE = Backoff(first=0.01, longest=0.05)


def settings_for(folder: Path, *, http: int = 0, link: int = 0) -> Settings:
    return Settings(
        data=DataSettings(directory=folder),
        http=HttpSettings(port=http),
        link=LinkSettings(port=link),
        security=SecuritySettings(hash_time_cost=1, hash_memory_kib=8),
        log=LogSettings(level="error"),
    )


@dataclass(eq=False)
class House:
    """A gateway that runs, its people, and the vehicles plugged into it.

    Attributes:
        plugged: ends a vehicle, by kind.
        keys: what each vehicle's connector signs with; a test may put in a wrong one.
        sent_away: kinds whose connector was refused for good.
    """

    gateway: Gateway
    folder: Path
    people: Seeded
    nursery: trio.Nursery
    client: httpx2.AsyncClient
    plugged: dict[str, trio.CancelScope] = field(default_factory=dict)
    keys: dict[str, str] = field(default_factory=dict)
    sent_away: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.keys = {one.kind: one.private_key for one in self.people.connectors}

    # --- vehicles ---------------------------------------------------------------------------

    def connector(self, kind: str) -> DemoConnector:
        return next(one for one in self.people.connectors if one.kind == kind)

    async def plug_in(self, *kinds: str) -> None:
        """Let these vehicles' connectors dial in, and wait until their VIN has been read."""
        for kind in kinds:
            self.start(kind)
        for kind in kinds:
            await self.wait_online(kind)

    def start(self, kind: str) -> None:
        """Let a vehicle's connector begin to dial in."""
        scope = self.plugged[kind] = trio.CancelScope()
        self.nursery.start_soon(self._drive, self.connector(kind), scope)

    async def unplug(self, kind: str) -> None:
        """Pull a connector out, and wait until the gateway has noticed."""
        self.plugged[kind].cancel()
        uuid = UUID(self.connector(kind).uuid)
        live = self.gateway.registry.require(uuid)
        await until(lambda: not live.connected)

    async def wait_online(self, kind: str) -> str:
        """Wait until a connector is there; return its vehicle's VIN."""
        uuid = UUID(self.connector(kind).uuid)
        await until(lambda: self.gateway.registry.status(uuid).vin is not None, within=10)
        return str(self.gateway.registry.status(uuid).vin)

    async def _drive(self, connector: DemoConnector, scope: trio.CancelScope) -> None:
        settings = VehicleSettings(vehicle=connector.vehicle, margin=MARGIN)
        await self.drive(connector.kind, settings, scope)

    async def drive(self, kind: str, settings: VehicleSettings, scope: trio.CancelScope) -> None:
        """Be a connector, plugged into any vehicle, until the scope is cancelled."""
        identity = Identity(self.connector(kind).uuid, base64.b64decode(self.keys[kind]))
        dial = Dial(self.gateway.link_url, identity, backoff=AT_ONCE)
        try:
            with scope:
                async with open_device(settings) as device:
                    await run_connector(device, dial, Random(0))
        except* LinkRefusedError:
            self.sent_away.append(kind)

    # --- people -----------------------------------------------------------------------------

    async def call(
        self, method: str, path: str, json: Json = None, *, token: str | None = None
    ) -> httpx2.Response:
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        answer = await self.client.request(method, path, json=json, headers=headers)
        kind = answer.headers.get("content-type", "")
        body = answer.json() if "json" in kind and answer.content else None
        check_answer(method, path, answer.status_code, kind, body)
        return answer

    async def done(
        self, method: str, path: str, json: Json = None, *, token: str | None = None
    ) -> Json:
        """Return the JSON of a successful answer."""
        response = await self.call(method, path, json, token=token)
        assert response.is_success, (response.status_code, response.text)
        return response.json() if response.content else None

    async def customer(self, kind: str = "can") -> str:
        """Sign in with a connector's UUID and pincode; return the token."""
        known = self.connector(kind)
        body = {"connector_uuid": known.uuid, "pincode": known.pincode}
        return str((await self.done("POST", "/v2/authenticate/pincode", body))["access_token"])

    async def operator(self) -> str:
        """Sign in as the operator; return the token."""
        form = {"grant_type": "client_credentials", **msgspec.to_builtins(self.people.operator)}
        response = await self.client.post("/partner/oauth2/token", data=form)
        return str(response.json()["access_token"])

    async def another_operator(self, *, provider: int = 1) -> str:
        """Add an operator and sign in as it; return the token."""
        operators = self.gateway.identity.operators
        made = await operators.add(provider, "Another", actor="test")
        issued = await operators.token(made.client_id, made.client_secret, address="192.0.2.1")
        return issued.access_token

    async def order(self, kind: str = "can") -> Json:
        """Order the usual product for a vehicle; return the ticket."""
        portal = Portal(self.gateway.http_url, "")
        known = self.connector(kind)
        vin = await self.wait_online(kind)
        try:
            await portal.sign_in(known.uuid, known.pincode)
            chosen: Order = await portal.choose(vin, PRODUCT)
            return await portal.order(chosen, vin, known.id, "a test")
        finally:
            with trio.move_on_after(1, shield=True):
                await portal.client.aclose()

    async def session(self, kind: str, token: str) -> Json:
        body = {"connector_uuid": self.connector(kind).uuid}
        return await self.done("POST", "/operator/v1/sessions", body, token=token)

    async def ecus(self, kind: str, token: str) -> list[Json]:
        """Return the control units as exchanges name them."""
        path = f"/operator/v1/connectors/{self.connector(kind).uuid}"
        listed = (await self.done("GET", path, token=token))["ecus"]
        return [
            {"logical_address": ecu["logical_address"]}
            if ecu["request_id"] is None
            else {"request_id": ecu["request_id"], "response_id": ecu["response_id"]}
            for ecu in listed
        ]

    @asynccontextmanager
    async def socket(
        self, token: str | None, path: str = "/ws/operator"
    ) -> AsyncIterator[WebSocketConnection]:
        """Open the operators' websocket, or another."""
        url = self.gateway.http_url.replace("http", "ws", 1) + path
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        async with open_socket(url, headers) as socket:
            yield socket

    # --- what is kept -----------------------------------------------------------------------

    def products(self) -> set[int]:
        """Return the numbers of every product in the catalogue."""
        with closing(sqlite3.connect(self.folder / "gateway.db")) as connection:
            return {number for (number,) in connection.execute("SELECT id FROM product")}

    def vin_on_record(self, kind: str) -> str | None:
        """Return what is known of a connector's vehicle while it is offline."""
        query = "SELECT last_vin FROM connector WHERE id = ?"
        with closing(sqlite3.connect(self.folder / "gateway.db")) as connection:
            row = connection.execute(query, [self.connector(kind).id]).fetchone()
        return None if row is None else row[0]

    def rows(self) -> dict[str, int]:
        """Return how many rows each table has, but for those of the door and of services."""
        with closing(sqlite3.connect(self.folder / "gateway.db")) as connection:
            names = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
            tables = sorted({name for (name,) in names} - BOOKS_OF_THE_DOOR - BOOKS_OF_SERVICES)
            return {
                table: connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
                for table in tables
            }


@asynccontextmanager
async def open_socket(
    url: str, headers: Mapping[str, str] | None = None, *, subprotocol: str | None = None
) -> AsyncIterator[WebSocketConnection]:
    """Open a websocket whose TCP connection is closed in any case.

    The library's own opener leaves it open where the peer closes first.
    """
    address = urlsplit(url)
    stream = await trio.open_tcp_stream(str(address.hostname), address.port or 80)
    async with stream, trio.open_nursery() as nursery:
        yield await wrap_client_stream(
            nursery,
            stream,
            address.netloc,
            address.path,
            subprotocols=None if subprotocol is None else [subprotocol],
            extra_headers=[(k.encode(), v.encode()) for k, v in (headers or {}).items()],
        )
        nursery.cancel_scope.cancel()


@asynccontextmanager
async def open_house(
    folder: Path, log: Log, *, http: int = 0, link: int = 0, within: float = 50, **sections: Any
) -> AsyncIterator[House]:
    """Run a gateway on a prepared folder; ``sections`` replace those of its settings.

    It is all over ``within`` seconds, or fails.
    """
    people = msgspec.json.decode((folder / "demo.json").read_bytes(), type=Seeded)
    settings = replace(settings_for(folder, http=http, link=link), **sections)
    with trio.fail_after(within):
        async with (
            trio.open_nursery() as nursery,
            open_gateway(settings, log) as gateway,
            httpx2.AsyncClient(base_url=gateway.http_url, trust_env=False) as client,
        ):
            yield House(gateway, folder, people, nursery, client)
            nursery.cancel_scope.cancel()


async def ask(house: House, token: str, session: Json, ecu: Json, request: str) -> Json:
    """Make one exchange; return its responses."""
    path = f"/operator/v1/sessions/{session['id']}/exchanges"
    answer = await house.done("POST", path, {"ecu": ecu, "request": request}, token=token)
    return answer["responses"]


async def tell(house: House, token: str, session: Json, ecu: Json, request: str) -> bytes:
    """Make one exchange; return the data of its one response."""
    (response,) = await ask(house, token, session, ecu, request)
    return bytes.fromhex(response["data"])


def key_for(kind: str, seed: bytes) -> bytes:
    """Return the key of a vehicle's first control unit, as its maker computes it."""
    _level, mask, rotation, addend = LOCKS[kind]
    word = int.from_bytes(seed, "big") ^ mask
    word = (word << rotation | word >> (32 - rotation)) & 0xFFFFFFFF
    return ((word + addend) & 0xFFFFFFFF).to_bytes(4, "big")
