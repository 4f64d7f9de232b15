"""A control unit is flashed through every layer, while everything between breaks."""

from __future__ import annotations

import base64
import hashlib
import zlib
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial
from pathlib import Path
from random import Random
from urllib.parse import urlsplit

import pytest
import trio
from structlog.typing import FilteringBoundLogger

from benchmarks.delay import open_stretch
from firmware_sim.assembly import VehicleSettings, open_device
from firmware_sim.firmware.connector import Dial, run_connector
from firmware_sim.firmware.link import Identity
from tests.end_to_end.houses import AT_ONCE, MARGIN, House, Json, ask, open_house, tell
from tests.end_to_end.transfer_bench import Bench, memory

pytestmark = pytest.mark.slow

#: Where the golf's engine keeps its calibration, and how it is opened: (mask, rotation, addend).
START, LOCK = 0x0020_0000, (0x91F3A447, 11, 0x5A5A0001)

#: Long enough to be interrupted: 24 blocks of 4 KiB.
IMAGE = Random(7).randbytes(24 * 4093)

ENGINE = {"request_id": 0x7E0, "response_id": 0x7E8}


def procedure(image: bytes = IMAGE) -> Json:
    whole = memory(START, len(image))
    return {
        "before": [
            {"request": "1003", "functional": False},
            {"request": "8502", "name": "trouble codes off"},
            {"request": "280301", "name": "silence"},
            {"request": "1002", "name": "programming session"},
            {"security": "0x11"},
            {"request": "2EF15A000102030405060708", "name": "fingerprint"},
            {"request": f"3101FF00{whole}", "expect": "7101FF000200", "name": "erase"},
        ],
        "segments": [{"address": START, "length": len(image)}],
        "after": [
            {
                "request": f"31010202{whole}{zlib.crc32(image):08X}",
                "expect": "710102020200",
                "name": "check",
            },
            {"request": "1101", "name": "reset"},
            {"wait": 0.5},
        ],
    }


def key_for(seed: bytes) -> bytes:
    mask, rotation, addend = LOCK
    word = int.from_bytes(seed) ^ mask
    word = (word << rotation | word >> (32 - rotation)) & 0xFFFFFFFF
    return ((word + addend) & 0xFFFFFFFF).to_bytes(4)


def engine_bench(house: House, token: str, session: Json) -> Bench:
    return Bench(house, token, session, ENGINE, key_for)


@asynccontextmanager
async def open_bench(house: House) -> AsyncIterator[Bench]:
    await house.plug_in("can")
    token = await house.operator()
    yield engine_bench(house, token, await house.session("can", token))


async def crc_is_right(bench: Bench, image: bytes = IMAGE) -> bool:
    """Ask the engine, in another session, what it has in its memory."""
    tail = f"{memory(START, len(image))}{zlib.crc32(image):08X}"
    house, token, session = bench.house, bench.token, bench.session
    await tell(house, token, session, ENGINE, "1003")
    await tell(house, token, session, ENGINE, "1002")
    seed = (await tell(house, token, session, ENGINE, "2711"))[2:]
    await tell(house, token, session, ENGINE, f"2712{key_for(seed).hex()}")
    answer = await tell(house, token, session, ENGINE, f"31010202{tail}")
    await tell(house, token, session, ENGINE, "1001")
    return answer.hex() == "710102020200"


async def test_nobody_else_asks_the_control_unit_meanwhile(house: House) -> None:
    async with open_bench(house) as bench:
        await bench.start(await bench.upload(IMAGE), procedure())
        await bench.until("awaiting_key")
        path = f"/operator/v1/sessions/{bench.session['id']}/exchanges"
        for ecu in (ENGINE, {"functional": True}):
            answer = await house.call(
                "POST", path, {"ecu": ecu, "request": "22F190"}, token=bench.token
            )
            assert (answer.status_code, answer.json()["code"]) == (409, "job.occupied")
        body = {"request_id": 0x70E, "response_id": 0x778}
        assert (await tell(house, bench.token, bench.session, body, "22F190"))[0] == 0x62
        await bench.do("abort")
        await bench.until("aborted")
        assert (await tell(house, bench.token, bench.session, ENGINE, "22F190"))[0] == 0x62


async def test_an_abort_leaves_the_control_unit_in_its_default_session(house: House) -> None:
    async with open_bench(house) as bench:
        await bench.start(await bench.upload(IMAGE), procedure())
        await bench.until("running", blocks=3)
        await bench.do("abort")
        job = await bench.until("aborted")
        assert job["safe"] is True
        (refused,) = await ask(house, bench.token, bench.session, ENGINE, "3101FF00")
        assert refused["negative"]["code"] == 0x31  # request out of range: not in this session


async def test_an_upload_brings_the_memory_with_its_hash(house: House) -> None:
    how = {
        "before": [{"request": "1003"}],
        "segments": [{"address": "0x40000000", "length": 10_000}],
        "after": [{"request": "1001"}],
    }
    async with open_bench(house) as bench:
        await bench.start(None, how, "upload")
        await bench.until("done")
        await bench.until("done", results=True)
        answer = await house.call(
            "GET", f"/operator/v1/jobs/{bench.job['id']}/result", token=bench.token
        )
        assert answer.content == bytes(10_000)
        assert bench.job["result"] == hashlib.sha256(bytes(10_000)).hexdigest()
        assert answer.headers["Repr-Digest"].startswith("sha-256=:")


@asynccontextmanager
async def plugged_in(house: House, port: int, data: Path) -> AsyncIterator[None]:
    """Let the golf's connector dial in by this port, with a folder that outlives it."""
    known = house.connector("can")
    identity = Identity(known.uuid, base64.b64decode(known.private_key))
    dial = Dial(f"ws://127.0.0.1:{port}/link/v1", identity, backoff=AT_ONCE)
    async with (
        trio.open_nursery() as nursery,
        open_device(VehicleSettings(vehicle="golf", margin=MARGIN)) as car,
    ):
        nursery.start_soon(partial(run_connector, car, dial, Random(0), data=data))
        yield
        nursery.cancel_scope.cancel()


def link_port(house: House) -> int:
    return urlsplit(house.gateway.link_url).port or 0


async def test_a_control_unit_is_flashed_while_the_link_is_cut(
    house: House, tmp_path: Path
) -> None:
    async with (
        open_stretch(link_port(house)) as network,
        plugged_in(house, network.port, tmp_path / "connector"),
    ):
        await house.wait_online("can")
        token = await house.operator()
        bench = engine_bench(house, token, await house.session("can", token))
        await bench.start(await bench.upload(IMAGE), procedure())
        await bench.until("running", blocks=3)
        network.cut()
        await bench.until("running", blocks=9)
        network.cut()
        job = await bench.until("done")
        assert (job["transferred"], job["total"]) == (len(IMAGE), len(IMAGE))
        assert job["safe"] is True
        assert job["failure"] is None
        assert job["restarts"] == 0
        assert await crc_is_right(bench)


async def test_a_job_outlives_its_gateway(
    folder: Path, log: FilteringBoundLogger, tmp_path: Path
) -> None:
    stretch = open_stretch(0)
    async with stretch as network, trio.open_nursery() as nursery:
        async with open_house(folder, log) as house:
            network.leads_to = link_port(house)
            car = plugged_in(house, network.port, tmp_path / "connector")
            await nursery.start(_keep, car)
            await house.wait_online("can")
            token = await house.operator()
            bench = engine_bench(house, token, await house.session("can", token))
            await bench.start(await bench.upload(IMAGE), procedure())
            await bench.until("running", blocks=2)
            job = bench.job["id"]
        async with open_house(folder, log) as house:
            network.leads_to = link_port(house)
            await house.wait_online("can")
            token = await house.operator()
            bench = engine_bench(house, token, await house.session("can", token))
            bench.job = {"id": job}
            done = await bench.until("done")
            assert done["safe"] is True
            assert done["session"] != bench.session["id"]
            assert await crc_is_right(bench)
            nursery.cancel_scope.cancel()


async def _keep(
    car: AbstractAsyncContextManager[None],
    *,
    task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
) -> None:
    async with car:
        task_status.started()
        await trio.sleep_forever()
