"""Jobs that nobody comes back for, and images that nobody uses."""

from __future__ import annotations

import hashlib
import os
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest

from gateway.config.jobs import JobSettings
from gateway.sessions import job_ledger
from gateway.sessions.job_upkeep import GRACE, JobUpkeep
from gateway.storage.queries import jobs as queries
from protocols.link.jobs import JobControl, JobForget, JobReport
from protocols.link.messages import CloseCode
from tests.gateway.operators import ENGINE, MINE, Floor, open_floor, uuid_of
from tests.gateway.workshops import Workshop
from tests.settable_clock import SettableClock
from tests.support.link_world import until

IMAGE = b"image" * 1_000
NAME = hashlib.sha256(IMAGE).hexdigest()
FLASH = {
    "kind": "transfer",
    "ecu": ENGINE,
    "image": NAME,
    "procedure": {"segments": [{"address": 0, "length": len(IMAGE)}]},
}
#: A whole workshop behind a door, and files.
pytestmark = pytest.mark.slow

SETTINGS = JobSettings(return_days=7.0, image_days=90.0)


@pytest.fixture
async def floor(workshop: Workshop, clock: SettableClock) -> AsyncIterator[Floor]:
    async with open_floor(workshop, clock) as opened:
        yield opened


def upkeep(floor: Floor) -> JobUpkeep:
    return JobUpkeep(
        floor.workshop.database,
        floor.jobs._ledger,
        floor.links.registry,
        floor.jobs.store,
        floor.clock,
        SETTINGS,
    )


async def upload(floor: Floor) -> None:
    headers = {"Authorization": "Bearer op"}
    client = floor.app.test_client()
    answer = await client.post("/operator/v1/images", data=IMAGE, headers=headers)
    assert answer.status_code == 201


async def begun(floor: Floor) -> str:
    """Plug in, and return a job that goes on."""
    await floor.plug_in()
    await upload(floor)
    session = await floor.open_session()
    job = await floor.done("POST", f"/sessions/{session['id']}/jobs", FLASH, status=201)
    return str(job["id"])


def wait(floor: Floor, days: float) -> None:
    floor.clock.advance(timedelta(days=days).total_seconds())


def unplug(floor: Floor) -> None:
    """Let the connector be gone, with its resume window."""
    floor.links.registry.disconnect(uuid_of(MINE), CloseCode.RESTARTING, "gone")
    assert not floor.links.registry.status(uuid_of(MINE)).online


async def look(floor: Floor, job: str) -> Any:  # a document; what is in it is the test's business
    return await floor.done("GET", f"/jobs/{job}")


async def test_a_job_whose_connector_does_not_come_back_ends_with_the_reason(
    floor: Floor,
) -> None:
    job = await begun(floor)
    wait(floor, 8)
    assert await upkeep(floor).give_up_abandoned() == 0, "it is online"
    unplug(floor)
    assert await upkeep(floor).give_up_abandoned() == 1
    await until(lambda: len(floor.jobs) == 0)
    shown = await look(floor, job)
    assert (shown["state"], shown["failure"], shown["safe"]) == ("failed", "connector_gone", False)
    assert "not been back for 7 days" in shown["detail"]
    assert await upkeep(floor).give_up_abandoned() == 0


async def test_a_job_waits_for_its_connector_until_then(floor: Floor) -> None:
    job = await begun(floor)
    unplug(floor)
    wait(floor, 6.9)
    assert await upkeep(floor).give_up_abandoned() == 0
    assert (await look(floor, job))["state"] == "waiting"


async def test_a_connector_that_comes_back_later_ends_the_job_safely(
    floor: Floor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(job_ledger, "LOOK_GAP", 0.01)
    job = await begun(floor)
    wait(floor, 8)
    unplug(floor)
    await upkeep(floor).give_up_abandoned()
    await until(lambda: len(floor.jobs) == 0)
    back = await floor.plug_in()
    back.send(JobReport(job, "running"))
    await until(lambda: JobControl(job, "abort") in back.of(JobControl))
    back.send(JobReport(job, "aborted", safe=True))
    await until(lambda: JobForget(job) in back.of(JobForget))
    assert (await look(floor, job))["failure"] == "connector_gone"


async def test_a_connector_that_is_at_another_node_takes_its_jobs_along(
    floor: Floor, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = await begun(floor)
    floor.links.registry.leave_to_other(uuid_of(MINE))
    assert len(floor.jobs) == 0
    assert (await look(floor, job))["state"] == "waiting", "nothing is noted from here"
    # A node that starts takes up what is nowhere else.
    with monkeypatch.context() as elsewhere:
        elsewhere.setattr(floor.links.registry, "is_elsewhere", lambda _: True)
        await floor.jobs._ledger.take_up()
        assert len(floor.jobs) == 0
    # Back here, it is taken up where the record says it stands.
    back = await floor.plug_in()
    await until(lambda: JobControl(job, "report") in back.of(JobControl))
    assert len(floor.jobs) == 1


async def test_images_go_when_nobody_has_used_them_for_long(floor: Floor) -> None:
    await upload(floor)
    path = floor.jobs.store.path(NAME)
    put = (floor.clock() - GRACE).timestamp()
    wait(floor, 89)
    os.utime(path, (put, put))
    assert await upkeep(floor).clean() == 0
    wait(floor, 2)
    assert await upkeep(floor).clean() == 1
    assert not path.exists()
    await floor.refused("GET", f"/images/{NAME}", status=404, code="image.unknown")


async def test_the_image_of_a_job_that_goes_on_stays(floor: Floor) -> None:
    await begun(floor)
    path = floor.jobs.store.path(NAME)
    put = (floor.clock() - GRACE).timestamp()
    os.utime(path, (put, put))
    wait(floor, 100)
    assert await upkeep(floor).clean() == 0
    assert path.exists()
    assert await floor.workshop.database.read(queries.find_image, 1, NAME) is not None


async def test_a_file_that_nobody_refers_to_goes_after_a_day(floor: Floor) -> None:
    draft = await floor.jobs.store.draft()
    await draft.write(b"nobody knows")
    name = await draft.keep()
    path = floor.jobs.store.path(name)
    young = (floor.clock() - GRACE / 2).timestamp()
    os.utime(path, (young, young))
    assert await upkeep(floor).clean() == 0
    wait(floor, 1)
    assert await upkeep(floor).clean() == 1
