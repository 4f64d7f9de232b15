"""How long a flash takes over a network that is far away, in three ways.

    job             the connector has image and procedure, and does the whole transfer by itself
    block by block  ISO-TP at the connector, each TransferData an exchange over the link
    flow control    the connector carries frames, ISO-TP runs at the gateway: each flow control
                    crosses the network

One control unit on a simulated classic CAN bus with the timing of 500 kbit/s, blocks of 1024
bytes. The network is a delay in the stream between connector and gateway. A job is run whole; the
other two are measured for some blocks and multiplied, as every block takes the same.
"""

from __future__ import annotations

import base64
import hashlib
import logging
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import httpx2
import msgspec
import structlog
import trio
from typing_extensions import override

from benchmarks.delay import Stretch, open_stretch
from benchmarks.flash_plot import Found, draw
from benchmarks.harness import Options, Report, Row, environment
from benchmarks.paced_bus import FRAME_TIME, open_paced_bus
from firmware_sim.buses.can_bus import open_bus
from firmware_sim.firmware.connector import Dial, run_connector
from firmware_sim.firmware.device import Device, Wiring
from firmware_sim.firmware.link import Backoff, Identity
from firmware_sim.firmware.transfer_run import RunningJob
from firmware_sim.firmware.transfer_store import TransferStore
from firmware_sim.vehicle.loader import load_vehicle
from firmware_sim.vehicle.vehicle import open_vehicle
from gateway.app import Gateway, open_gateway
from gateway.config import (
    DataSettings,
    HttpSettings,
    LinkSettings,
    LogSettings,
    SecuritySettings,
    Settings,
)
from gateway.demo.seed import Seeded, seed
from gateway.demo.world import DemoConnector
from gateway.domain.clock import utc_now
from gateway.identity.identity import open_identity
from gateway.sessions.job_orders import JobBody, to_order
from gateway.storage.database import open_database
from gateway.storage.migrations.schema import upgrade
from protocols.link.jobs import PIECE_SIZE, JobStart, TransferOrder
from protocols.link.messages import ExchangeResult
from protocols.link.vehicle import BusInfo, EcuInfo, Target

VEHICLE = Path(__file__).parents[1] / "vehicles" / "flash.yaml"
OUT = Path(__file__).parents[1] / "out"

#: Round trips of the network, milliseconds.
DELAYS = (0, 20, 50, 100, 200)

#: Bytes of the image: of the default run, and of the full one.
SIZE, SIZE_FULL = 64 << 10, 1 << 20

#: Blocks that are measured of the ways that take the network for each.
BLOCKS, BLOCKS_FULL = 10, 40

START, BLOCK = 0x80000, 1024
ENGINE = {"request_id": 0x7E0, "response_id": 0x7E8}

#: Pause between two looks at a job, seconds.
LOOK_AGAIN = 0.05

#: Measurements of job and vehicle in turns, of which the least disturbed counts.
ROUNDS = 2

#: How far a job may be from the time at the vehicle.
AIM = 5.0

Json = Any  # what the gateway answers is its own business


async def run(options: Options) -> Report:
    """Measure all rows."""
    size, blocks = (SIZE_FULL, BLOCKS_FULL) if options.full else (SIZE, BLOCKS)
    return await measure(size, blocks, DELAYS)


async def measure(size: int, blocks: int, delays: tuple[int, ...], out: Path = OUT) -> Report:
    """Measure an image of ``size`` bytes, and ``blocks`` blocks of the ways it is held against."""
    logging.getLogger("firmware_sim").setLevel(logging.ERROR)
    image = Random(1).randbytes(size)
    async with open_lines() as lines:
        found = [await _at(lines, delay, image, blocks) for delay in delays]
    rows = [
        Row("the bus alone", {"s": round(_ideal(size), 2)}, f"{FRAME_TIME * 1e6:g} us a frame")
    ]
    rows += [_row(one) for one in found]
    await trio.to_thread.run_sync(draw, out, size, BLOCK, found)
    return Report("flash", tuple(rows), environment())


def _ideal(size: int) -> float:
    """Return what the frames alone take: first frame, flow control, the rest, the answer."""
    blocks = -(-size // BLOCK)
    return blocks * (3 + -(-(BLOCK + 2 - 6) // 7)) * FRAME_TIME


def _row(one: Found) -> Row:
    more = 100 * (one.job / one.here - 1)
    verdict = "within" if more <= AIM else "MISSES"
    return Row(
        f"{one.delay} ms round trip",
        {
            "s": round(one.job, 2),
            "s at the vehicle": round(one.here, 2),
            "% over the vehicle": round(more, 1),
            "s from order to end": round(one.ordered, 2),
            "s block by block": round(one.blocks, 2),
            "s flow control over the link": round(one.frames, 2),
        },
        f"{verdict} the aim of {AIM:g} %",
    )


# --- the job, with and without a gateway ---------------------------------------------------------


def _order(image: bytes) -> Json:
    return {
        "kind": "transfer",
        "ecu": ENGINE,
        "image": hashlib.sha256(image).hexdigest(),
        "procedure": {
            "before": [
                {"request": "1002"},
                {"request": f"3101FF0044{START:08X}{len(image):08X}"},
            ],
            "segments": [{"address": START, "length": len(image)}],
            "after": [{"request": "1001"}],
        },
    }


async def _at_the_vehicle(image: bytes) -> float:
    """Run the job in the connector, with its image there and no gateway anywhere."""
    pieces = tuple(
        hashlib.sha256(image[at : at + PIECE_SIZE]).digest()
        for at in range(0, len(image), PIECE_SIZE)
    )
    body = msgspec.convert(_order(image), JobBody)
    order: TransferOrder = to_order(body, len(image), pieces)
    with TemporaryDirectory(prefix="flash-bench-") as folder:
        store = TransferStore(Path(folder))
        async with open_car() as car:
            running = RunningJob(JobStart("here", "s", order), store, car, lambda _report: None)
            kept = store.image(order)
            kept.append(image)
            running.take_image(kept)
            await running.run()
            kept.close()
            report = running.report()
            if report.state != "done":
                raise RuntimeError(f"the job {report.state}: {report.detail}")
            return car.busy()


class TimedDevice(Device):
    """A device that notes when its control unit was first asked, and when it answered last."""

    first: float | None = None
    last = 0.0

    @override
    async def exchange(self, number: int, target: Target, request: bytes) -> ExchangeResult:
        if self.first is None:
            self.first = trio.current_time()
        result = await super().exchange(number, target, request)
        self.last = trio.current_time()
        return result

    def busy(self) -> float:
        """Return the seconds between the two, and begin anew."""
        began, self.first = self.first, None
        return self.last - (began or 0.0)


@asynccontextmanager
async def open_car(*, isotp: bool = True) -> AsyncIterator[TimedDevice]:
    """Let the control unit run on its bus, with a device plugged in."""
    spec = load_vehicle(str(VEHICLE))
    async with (
        open_paced_bus() as ends,
        open_vehicle(spec, addresses={"can0": ends.vehicle}) as vehicle,
        open_bus(ends.device) as bus,
    ):
        buses = (BusInfo("can0", "can", 500_000),)
        ecus = (EcuInfo("engine", "can0", 0x7E0, 0x7E8),)
        yield TimedDevice(
            Wiring(buses=buses, ecus=ecus, can={"can0": bus}, plug=vehicle, isotp=isotp)
        )


# --- through a gateway ---------------------------------------------------------------------------


async def _at(lines: tuple[Line, Line], delay: int, image: bytes, blocks: int) -> Found:
    """Measure the three ways over a network of this round trip in milliseconds."""
    whole, frames_only = lines
    for line in lines:
        await line.move_to(delay)
    rounds = [(await _at_the_vehicle(image), *await whole.flash(image)) for _ in range(ROUNDS)]
    here, job, ordered = (min(column) for column in zip(*rounds, strict=True))
    way = await whole.by_blocks(image, blocks)
    frames = await frames_only.by_blocks(image, blocks)
    return Found(delay, here, job, ordered, way, frames)


@dataclass(frozen=True, slots=True)
class Line:
    """An operator at a gateway, with a vehicle at the other end of the network."""

    gateway: Gateway
    client: httpx2.AsyncClient
    network: Stretch
    connector: UUID
    session: str
    car: TimedDevice

    async def move_to(self, delay: int) -> None:
        """Put the vehicle so far away, and wait until the gateway knows."""
        self.network.delay = delay / 2000
        self.network.cut()  # each connection measures its round trip anew
        with trio.fail_after(60):
            while not self._is_at(delay):  # noqa: ASYNC110 - the gateway finds out by itself
                await trio.sleep(LOOK_AGAIN)

    def _is_at(self, delay: int) -> bool:
        live = self.gateway.registry.find(self.connector)
        measured = None if live is None else live.status.round_trip_ms
        if live is None or not live.connected or measured is None:
            return False
        return abs(measured - delay) < max(15, delay / 3)

    async def call(self, method: str, path: str, body: Json = None) -> Json:
        """Return what the gateway answers; anything but success ends the run."""
        answer = await self.client.request(method, f"/operator/v1{path}", json=body)
        if not answer.is_success:
            raise RuntimeError(answer.text)
        return answer.json()

    async def flash(self, image: bytes) -> tuple[float, float]:
        """Flash by a job; return seconds at the control unit, and from the order to its end."""
        self.car.busy()
        answer = await self.client.post("/operator/v1/images", content=image)
        answer.raise_for_status()
        began = trio.current_time()
        path = f"/sessions/{self.session}/jobs"
        job = (await self.call("POST", path, _order(image)))["id"]
        state: Json = {"state": "waiting"}
        while state["state"] not in {"done", "failed", "aborted"}:
            await trio.sleep(LOOK_AGAIN)
            state = await self.call("GET", f"/jobs/{job}")
        if state["state"] != "done":
            raise RuntimeError(f"the job {state['state']}: {state['detail']}")
        return self.car.busy(), trio.current_time() - began

    async def by_blocks(self, image: bytes, blocks: int) -> float:
        """Flash some blocks by exchanges; return the seconds that the whole would take."""
        await self.ask("1002")
        await self.ask(f"3101FF0044{START:08X}{len(image):08X}")
        await self.ask(f"34004400{START:06X}{len(image):08X}")
        began = trio.current_time()
        for number in range(blocks):
            data = image[number * BLOCK :][:BLOCK]
            await self.ask(f"36{number + 1:02X}{data.hex()}")
        elapsed = trio.current_time() - began
        await self.ask("1001")
        return elapsed / blocks * -(-len(image) // BLOCK)

    async def ask(self, request: str) -> None:
        """Make one exchange, which must be answered positively."""
        path = f"/sessions/{self.session}/exchanges"
        answer = await self.call("POST", path, {"ecu": ENGINE, "request": request})
        (response,) = answer["responses"]
        if response["negative"] is not None:
            raise RuntimeError(f"{request[:8]}: {response['negative']['name']}")


@asynccontextmanager
async def open_lines() -> AsyncIterator[tuple[Line, Line]]:
    """Open a gateway with two vehicles, the second one's connector without ISO-TP."""
    with TemporaryDirectory(prefix="flash-bench-") as name:
        folder = Path(name)
        settings = Settings(
            data=DataSettings(directory=folder / "data"),
            http=HttpSettings(port=0),
            link=LinkSettings(port=0),
            security=SecuritySettings(hash_time_cost=1, hash_memory_kib=8),
            log=LogSettings(level="error"),
        )
        people = await _people(settings)
        log = structlog.wrap_logger(
            structlog.ReturnLogger(), wrapper_class=structlog.make_filtering_bound_logger(40)
        )
        async with open_gateway(settings, log) as gateway, AsyncExitStack() as stack:
            client = await stack.enter_async_context(_signed_in(gateway, people))
            lines = [
                await stack.enter_async_context(
                    _open_line(gateway, client, known, folder, isotp=isotp)
                )
                for known, isotp in zip(people.connectors, (True, False), strict=False)
            ]
            yield lines[0], lines[1]


@asynccontextmanager
async def _open_line(
    gateway: Gateway,
    client: httpx2.AsyncClient,
    known: DemoConnector,
    folder: Path,
    *,
    isotp: bool,
) -> AsyncIterator[Line]:
    port = urlsplit(gateway.link_url).port or 0
    async with (
        open_stretch(port) as network,
        open_car(isotp=isotp) as car,
        trio.open_nursery() as nursery,
    ):
        identity = Identity(known.uuid, base64.b64decode(known.private_key))
        url = f"ws://127.0.0.1:{network.port}/link/v1"
        dial = Dial(url, identity, backoff=Backoff(0.01, 0.05))
        data = folder / known.kind
        nursery.start_soon(partial(run_connector, car, dial, Random(0), isotp=isotp, data=data))
        session = await _session(client, known)
        yield Line(gateway, client, network, UUID(known.uuid), session, car)
        nursery.cancel_scope.cancel()


async def _people(settings: Settings) -> Seeded:
    folder = settings.data.directory
    folder.mkdir()
    async with open_database(settings.database_url) as database:
        await upgrade(database)
        identity = await open_identity(database, settings, utc_now)
        return await seed(identity, database, 2, folder)


@asynccontextmanager
async def _signed_in(gateway: Gateway, people: Seeded) -> AsyncIterator[httpx2.AsyncClient]:
    async with httpx2.AsyncClient(
        base_url=gateway.http_url, trust_env=False, timeout=60
    ) as client:
        form = {"grant_type": "client_credentials", **msgspec.to_builtins(people.operator)}
        token = (await client.post("/partner/oauth2/token", data=form)).json()["access_token"]
        client.headers["Authorization"] = f"Bearer {token}"
        yield client


async def _session(client: httpx2.AsyncClient, known: DemoConnector) -> str:
    with trio.fail_after(30):
        while True:
            body = {"connector_uuid": known.uuid}
            answer = await client.post("/operator/v1/sessions", json=body)
            if answer.is_success:
                return str(answer.json()["id"])
            await trio.sleep(LOOK_AGAIN)
