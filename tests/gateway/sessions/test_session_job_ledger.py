"""Jobs of several nodes: whoever has the connector has its jobs."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import cast
from uuid import UUID

import msgspec
import pytest
from typing_extensions import override

from gateway.links.elsewhere import Nowhere
from gateway.sessions import job_ledger
from gateway.sessions.job_record import Going
from gateway.storage.queries import jobs as queries
from protocols.link.jobs import JobControl, JobReport
from tests.gateway.operators import ENGINE, Floor, open_floor
from tests.gateway.workshops import Workshop
from tests.settable_clock import SettableClock
from tests.support.link_world import DialledConnector, until

#: A whole workshop behind a door, and a link that is made anew.
pytestmark = pytest.mark.slow

READ = {
    "kind": "transfer",
    "direction": "upload",
    "ecu": ENGINE,
    "procedure": {"segments": [{"address": 0, "length": 40_000}]},
}


class OtherNode(Nowhere):
    """Has every connector that is not here."""

    @override
    def node_of(self, uuid: UUID) -> str | None:
        return f"node of {uuid}"


@pytest.fixture
async def floor(
    workshop: Workshop, clock: SettableClock, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Floor]:
    monkeypatch.setattr(job_ledger, "LOOK_GAP", 0.01)
    async with open_floor(workshop, clock) as opened:
        yield opened


async def begun(floor: Floor) -> tuple[DialledConnector, str, str]:
    """Return a connector, the path of its jobs, and one of them."""
    device = await floor.plug_in()
    await until(lambda: floor.jobs._ledger.looks > 0)
    session = await floor.open_session()
    path = f"/sessions/{session['id']}/jobs"
    job = await floor.done("POST", path, READ, status=201)
    return device, path, str(job["id"])


async def dial_anew(floor: Floor, device: DialledConnector) -> None:
    device.cut()
    device.restart()
    await floor.links.nursery.start(device.connect)


def forget(floor: Floor, job: str) -> None:
    """Let it be as at a node that has never heard of a job."""
    ledger = floor.jobs._ledger
    ledger._let_go(cast("Going", ledger.get(job)))


async def end_elsewhere(floor: Floor, job: str) -> None:
    await floor.workshop.database.write(
        queries.note,
        job,
        state="done",
        report=msgspec.msgpack.encode(JobReport(job, "done", safe=True)),
        now=floor.clock(),
        finished=True,
        result=None,
    )


async def test_a_job_of_another_node_is_gone_on_with_when_it_is_reported(floor: Floor) -> None:
    device, path, job = await begun(floor)
    forget(floor, job)
    device.send(JobReport(job, "running", "transfer data", 1, 1, 7, 19, 28_000, 76_800))
    await until(lambda: len(floor.jobs) == 1)
    await until(lambda: floor.jobs._ledger.get(job).report.block == 7)  # type: ignore[union-attr]
    assert (await floor.done("GET", f"/jobs/{job}"))["block"] == 7
    assert JobControl(job, "abort") not in device.of(JobControl)
    await floor.refused("POST", path, READ, status=409, code="job.occupied")


async def test_a_job_of_another_node_is_asked_for_when_its_connector_comes(floor: Floor) -> None:
    device, _, job = await begun(floor)
    forget(floor, job)
    await dial_anew(floor, device)
    await until(lambda: JobControl(job, "report") in device.of(JobControl))
    assert len(floor.jobs) == 1


async def test_a_job_that_has_ended_at_another_node_is_dropped_when_its_connector_is_back(
    floor: Floor,
) -> None:
    device, path, job = await begun(floor)
    await end_elsewhere(floor, job)
    await dial_anew(floor, device)
    await until(lambda: len(floor.jobs) == 0)
    assert (await floor.done("GET", f"/jobs/{job}"))["state"] == "done"
    await floor.done("POST", path, READ, status=201)


async def test_how_a_job_stands_is_on_record_while_another_node_has_its_connector(
    floor: Floor,
) -> None:
    _, _, job = await begun(floor)
    await end_elsewhere(floor, job)
    assert (await floor.done("GET", f"/jobs/{job}"))["state"] == "waiting"
    registry = floor.links.registry
    registry._elsewhere = OtherNode()
    here, registry._live = registry._live, {}
    assert (await floor.done("GET", f"/jobs/{job}"))["state"] == "done"
    assert (await floor.done("GET", "/jobs"))["result"][0]["state"] == "done"
    registry._live = here


async def test_a_job_that_is_just_ordered_is_not_taken_for_one_that_has_ended(
    floor: Floor,
) -> None:
    device, _, job = await begun(floor)
    going = floor.jobs._ledger.get(job)
    assert going is not None
    assert going.on_record
    going.on_record = False  # as it is while it is being written
    await end_elsewhere(floor, job)
    await dial_anew(floor, device)
    await until(lambda: JobControl(job, "report") in device.of(JobControl))
    assert len(floor.jobs) == 1
