"""Transfer jobs in a connector's program: link and machine are real, the gateway is a test."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

import msgspec
import pytest
import trio

from firmware_sim.firmware.connector import Connector
from firmware_sim.firmware.link import LinkClient
from firmware_sim.firmware.transfer_run import REPORT_INTERVAL
from firmware_sim.firmware.transfer_store import TransferStore
from protocols.link.files import chunks
from protocols.link.jobs import (
    FileChunk,
    FileRefused,
    FileRequest,
    JobControl,
    JobForget,
    JobKey,
    JobReport,
    JobStart,
    Segment,
    TransferOrder,
)
from protocols.link.messages import SessionClose
from protocols.link.vehicle import FunctionalTarget
from tests.firmware_sim.firmware.wired_gateway import (
    BODY,
    ENGINE,
    WiredGateway,
    WrittenVehicle,
    opened,
)
from tests.support.flash_ecu import FlashEcu, key_of
from tests.support.link_world import until
from tests.support.transfer_bench import CHECK, IMAGE, POLL, download, upload

NAME = hashlib.sha256(IMAGE).digest()


@dataclass(eq=False)
class Floor:
    """A connector's program in a vehicle that can be flashed, and the gateway's part of it."""

    gateway: WiredGateway
    ecu: FlashEcu
    vehicle: WrittenVehicle
    connector: Connector
    image: bytes = IMAGE
    serves: bool = True
    keys: bool = True
    seen: int = 0
    fetched: dict[int, bytes] = field(default_factory=dict)

    async def play(self) -> None:
        """Be the gateway: serve images, make keys; for ever."""
        while True:
            while self.seen < len(self.gateway.told):
                message = self.gateway.told[self.seen]
                self.seen += 1
                if isinstance(message, FileRequest) and self.serves:
                    self.serve(message)
                elif isinstance(message, JobReport) and message.seed and self.keys:
                    self.gateway.order(JobKey(message.job, key_of(message.seed)))
                elif isinstance(message, FileChunk):
                    self.fetched[message.offset] = message.data
            await trio.sleep(0.001)

    def serve(self, wanted: FileRequest) -> None:
        if wanted.sha256 != NAME:
            self.gateway.order(FileRefused(wanted.sha256, "no such image"))
            return
        for offset, length in chunks(wanted, len(self.image)):
            data = self.image[offset : offset + length]
            self.gateway.order(FileChunk(wanted.sha256, offset, data))

    def start(self, order: TransferOrder | None = None, *, job: str = "j1") -> None:
        order = msgspec.structs.replace(order or download(), target=ENGINE)
        self.gateway.order(JobStart(job, "s", order))

    def reports(self, job: str = "j1") -> list[JobReport]:
        told = self.gateway.told
        return [it for it in told if isinstance(it, JobReport) and it.job == job]

    async def reach(self, state: str, *, job: str = "j1") -> JobReport:
        """Wait until the last report tells this state."""
        await until(lambda: self.reports(job)[-1:] != [] and self.reports(job)[-1].state == state)
        return self.reports(job)[-1]


@asynccontextmanager
async def open_floor(
    folder: Path, ecu: FlashEcu | None = None, gateway: WiredGateway | None = None
) -> AsyncIterator[Floor]:
    ecu = ecu or FlashEcu(bytearray(0x600))
    vehicle = WrittenVehicle()
    vehicle.answer = lambda asked: ecu.ask(asked) or None
    gateway = gateway or WiredGateway()
    async with trio.open_nursery() as nursery:
        connector = Connector(vehicle, nursery, TransferStore(folder))
        connector.attach(cast("LinkClient", gateway))
        gateway.handle = connector.handle
        await nursery.start(connector.transfers.serve)
        gateway.connect()
        floor = Floor(gateway, ecu, vehicle, connector)
        nursery.start_soon(floor.play)
        gateway.order(opened())
        yield floor
        nursery.cancel_scope.cancel()


def flashed(ecu: FlashEcu) -> bool:
    return ecu.memory[0x40 : 0x40 + 300] == IMAGE[100:] and ecu.memory[0x400:0x464] == IMAGE[:100]


async def test_a_control_unit_is_flashed_from_an_image_that_comes_over_the_link(
    tmp_path: Path,
) -> None:
    async with open_floor(tmp_path) as floor:
        floor.start()
        done = await floor.reach("done")
        assert flashed(floor.ecu)
        assert done.safe
        assert (done.transferred, done.total, done.image) == (400, 400, 400)
        states = [report.state for report in floor.reports()]
        assert states.index("waiting") < states.index("running") < states.index("awaiting_key")
        assert (tmp_path / "jobs" / "j1").exists()
        floor.gateway.order(JobForget("j1"))
        await until(lambda: not (tmp_path / "jobs" / "j1").exists())


async def test_a_routine_is_polled_at_the_vehicle_until_it_is_done(tmp_path: Path) -> None:
    ecu = FlashEcu(bytearray(0x600), asks_until_checked=4)
    poll = msgspec.structs.replace(POLL, wait_ms=1)
    async with open_floor(tmp_path, ecu) as floor:
        floor.start(msgspec.structs.replace(download(), after=(CHECK, poll)))
        assert (await floor.reach("done")).safe
    assert ecu.log.count(POLL.request) == 4


async def test_a_wrong_image_never_reaches_the_control_unit(tmp_path: Path) -> None:
    async with open_floor(tmp_path) as floor:
        floor.image = bytes(len(IMAGE))
        floor.start()
        failed = await floor.reach("failed")
        assert failed.failure == "bad_image"
        assert floor.ecu.log == []


async def test_an_image_that_the_gateway_lacks(tmp_path: Path) -> None:
    async with open_floor(tmp_path) as floor:
        floor.start(msgspec.structs.replace(download(), image=b"x" * 32))
        assert (await floor.reach("failed")).detail == "no such image"


@pytest.mark.slow
async def test_it_goes_on_through_a_cut_link_and_says_so_when_the_link_is_back(
    tmp_path: Path,
) -> None:
    async with open_floor(tmp_path) as floor:
        floor.vehicle.takes = 0.002
        floor.start()
        await until(lambda: len(floor.ecu.written) > 2)
        floor.gateway.cut()
        await until(lambda: flashed(floor.ecu) and floor.ecu.log[-1][0] == 0x85)
        floor.gateway.forget()  # this gateway was restarted
        floor.gateway.connect()
        assert (await floor.reach("done")).safe


async def test_an_image_goes_on_where_a_cut_link_has_left_it(tmp_path: Path) -> None:
    async with open_floor(tmp_path) as floor:
        floor.serves = False
        floor.start()
        await floor.reach("waiting")
        await until(lambda: any(isinstance(it, FileRequest) for it in floor.gateway.told))
        floor.gateway.order(FileChunk(NAME, 0, IMAGE[:150]))
        floor.gateway.cut()
        floor.gateway.forget()
        floor.serves = True
        floor.gateway.connect()
        floor.gateway.order(opened())
        await floor.reach("done")
        asked = [it.offset for it in floor.gateway.told if isinstance(it, FileRequest)]
        assert asked == [0, 150]


@pytest.mark.slow
async def test_it_goes_on_after_the_connector_has_lost_its_power(tmp_path: Path) -> None:
    ecu = FlashEcu(bytearray(0x600))
    async with open_floor(tmp_path, ecu) as floor:
        floor.vehicle.takes = 0.002
        floor.start()
        await until(lambda: len(ecu.written) > 3)
    ecu.reset()  # its S3 has passed by then
    async with open_floor(tmp_path, ecu) as floor:
        done = await floor.reach("done")
        assert flashed(ecu)
        assert done.image == 400, "the image was on the disk"
        assert not any(isinstance(it, FileRequest) for it in floor.gateway.told)


async def test_an_end_that_was_not_told_is_told_after_a_loss_of_power(tmp_path: Path) -> None:
    async with open_floor(tmp_path) as floor:
        floor.start()
        await floor.reach("done")
    async with open_floor(tmp_path) as floor:
        assert (await floor.reach("done")).safe
        floor.gateway.order(JobForget("j1"))
        await until(lambda: not (tmp_path / "jobs" / "j1").exists())


@pytest.mark.slow
async def test_pause_resume_and_abort(tmp_path: Path) -> None:
    async with open_floor(tmp_path) as floor:
        floor.vehicle.takes = 0.002
        floor.start()
        await until(lambda: len(floor.ecu.written) > 2)
        floor.gateway.order(JobControl("j1", "pause"))
        await floor.reach("paused")
        await trio.sleep(0.02)
        written = len(floor.ecu.written)
        await trio.sleep(0.02)
        assert len(floor.ecu.written) == written
        floor.gateway.order(JobControl("j1", "resume"))
        await until(lambda: len(floor.ecu.written) > written + 1)
        floor.gateway.order(JobControl("j1", "abort"))
        aborted = await floor.reach("aborted")
        assert aborted.safe
        assert floor.ecu.session == 1
        assert not floor.ecu.dtc_off


async def test_what_has_no_meaning_changes_nothing(tmp_path: Path) -> None:
    async with open_floor(tmp_path) as floor:
        floor.keys = False
        floor.start()
        await floor.reach("awaiting_key")
        before = len(floor.reports())
        floor.gateway.order(
            JobControl("j1", "resume"),
            JobControl("j1", "dance"),
            JobKey("j1", b""),
            JobForget("j1"),
            JobControl("nobody", "abort"),
        )
        await until(lambda: len(floor.reports()) >= before + 2)
        assert (await floor.reach("awaiting_key")).level == 1
        assert (await floor.reach("failed", job="nobody")).failure == "refused"


async def test_one_job_at_a_time_for_a_control_unit_and_no_other_request(tmp_path: Path) -> None:
    async with open_floor(tmp_path) as floor:
        floor.keys = False
        floor.start()
        await floor.reach("awaiting_key")
        floor.start(job="j2")
        assert (await floor.reach("failed", job="j2")).failure == "busy"
        floor.start()  # sent twice, it is one job
        floor.gateway.ask(1, b"\x22\xf1\x90")
        floor.gateway.ask(2, b"\x3e\x80", target=FunctionalTarget())
        floor.gateway.ask(3, b"\x3e\x00", target=BODY)
        await until(lambda: len(floor.gateway.results()) == 3)
        outcomes = {it.id: it.failure for it in floor.gateway.results()}
        assert outcomes == {1: "refused", 2: "refused", 3: ""}


@pytest.mark.parametrize("job", ["../j", "", "x" * 80])
async def test_names_that_are_none(tmp_path: Path, job: str) -> None:
    async with open_floor(tmp_path) as floor:
        floor.start(job=job)
        assert (await floor.reach("failed", job=job)).failure == "bad_order"


async def test_without_the_lease_or_without_sense_nothing_begins(tmp_path: Path) -> None:
    async with open_floor(tmp_path) as floor:
        floor.start(download(repeats=99))
        assert (await floor.reach("failed")).failure == "bad_order"
        floor.gateway.order(SessionClose("s"))
        await until(lambda: len(floor.gateway.closed()) == 1)
        floor.start(job="j2")
        assert (await floor.reach("failed", job="j2")).failure == "refused"
        assert floor.ecu.log == []


async def test_a_job_takes_over_what_its_session_has_opened(tmp_path: Path) -> None:
    async with open_floor(tmp_path) as floor:
        floor.gateway.ask(1, b"\x10\x03")
        await until(lambda: len(floor.gateway.results()) == 1)
        floor.vehicle.takes = 0.002
        floor.start(download(after=()))
        await until(lambda: len(floor.ecu.written) > 2)
        floor.gateway.order(SessionClose("s"))
        await until(lambda: len(floor.gateway.closed()) == 1)
        assert floor.ecu.session == 2, "the session's end did not touch it"
        await floor.reach("done")
        assert flashed(floor.ecu)
        assert floor.ecu.session == 1


async def test_what_was_read_can_be_fetched(tmp_path: Path) -> None:
    ecu = FlashEcu(bytearray(index & 0xFF for index in range(30_000)), block=4095)
    async with open_floor(tmp_path, ecu) as floor:
        floor.start(upload(segments=(Segment(0, 25_000),)))
        done = await floor.reach("done")
        assert (done.result, done.result_size) == (
            hashlib.sha256(ecu.memory[:25_000]).digest(),
            25_000,
        )
        floor.gateway.order(FileRequest(done.result, 0, 25_000))
        await until(lambda: sum(map(len, floor.fetched.values())) == 25_000)
        assert floor.fetched[0] + floor.fetched[16_384] == ecu.memory[:25_000]
        floor.gateway.order(FileRequest(done.result, 25_000, 1))
        await until(lambda: any(isinstance(it, FileRefused) for it in floor.gateway.told))


@pytest.mark.slow
async def test_reports_of_mere_progress_are_few(tmp_path: Path) -> None:
    ecu = FlashEcu(bytearray(range(250)), block=3)
    async with open_floor(tmp_path, ecu) as floor:
        floor.vehicle.takes = 0.001
        began = trio.current_time()
        floor.start(upload(segments=(Segment(0, 250),)))
        await floor.reach("done")
        lasted = trio.current_time() - began
        blocks = [it for it in floor.reports() if it.step == "transfer data"]
        assert len(blocks) <= 2 + lasted / REPORT_INTERVAL


@pytest.mark.slow
async def test_tester_present_goes_on_while_a_key_is_waited_for(tmp_path: Path) -> None:
    async with open_floor(tmp_path) as floor:
        floor.keys = False
        floor.start(download(key_ms=2_500))
        failed = await floor.reach("failed")
        assert failed.failure == "no_key"
        assert failed.safe
        assert floor.vehicle.requests(b"\x3e\x80")
