from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from gateway.storage.database import Connection, Database
from gateway.storage.queries import connectors, jobs
from gateway.storage.queries import identity as people
from gateway.storage.queries.connectors import NewConnector
from gateway.storage.queries.identity import OperatorRecord, Provider, Tenant
from gateway.storage.queries.jobs import ImageRecord, JobRecord
from gateway.storage.tables.identity import connector
from gateway.storage.tables.jobs import job_image, transfer_job

pytestmark = pytest.mark.both_engines

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
LATER = NOW + timedelta(minutes=5)
CONNECTOR = 100_000_001

JOB = JobRecord(
    id="a" * 32,
    provider_id=1,
    client_id="op-1",
    session_id="s" * 32,
    connector_id=CONNECTOR,
    connector_uuid=UUID(int=CONNECTOR),
    ticket_id=None,
    direction="download",
    ecu={"request_id": 2016},
    order=b"order",
    image="0" * 64,
    state="waiting",
    report=b"first",
    finished=False,
    result=None,
    created_at=NOW,
    updated_at=NOW,
    finished_at=None,
)


def fill(connection: Connection) -> None:
    provider_id = people.add_provider(connection, Provider("P", "EUR"))
    people.add_tenant(connection, Tenant(provider_id, "Noord", "EUR"), NOW)
    new = NewConnector(CONNECTOR, UUID(int=CONNECTOR), 1, b"k" * 32, "hash", "classic", NOW)
    assert connectors.add(connection, new)
    for name in ("op-1", "op-2"):
        record = OperatorRecord(name, provider_id, name, NOW, None)
        people.add_operator(connection, record, bytes(32))
    jobs.add(connection, JOB)
    jobs.add(connection, replace(JOB, id="b" * 32, created_at=LATER, client_id="op-2"))


@pytest.fixture
async def filled(database: Database) -> Database:
    await database.write(fill)
    return database


async def test_a_job_is_its_operators_alone(filled: Database) -> None:
    assert await filled.read(jobs.find, JOB.id, "op-1") == JOB
    assert await filled.read(jobs.find, JOB.id, "op-2") is None
    page = await filled.read(jobs.of_operator, "op-1", offset=0, limit=10)
    assert (page.total, page.items) == (1, (JOB,))
    elsewhere = await filled.read(jobs.of_operator, "op-1", connector_id=7, offset=0, limit=10)
    assert elsewhere.total == 0


async def note(database: Database, state: str, *, finished: bool, result: str | None) -> None:
    await database.write(
        jobs.note,
        JOB.id,
        state=state,
        report=state.encode(),
        now=LATER,
        finished=finished,
        result=result,
    )


async def test_an_end_on_record_stays(filled: Database) -> None:
    await note(filled, "running", finished=False, result=None)
    assert len(await filled.read(jobs.unfinished)) == 2
    await note(filled, "done", finished=True, result="1" * 64)
    await note(filled, "running", finished=False, result=None)
    found = await filled.read(jobs.find, JOB.id, "op-1")
    assert found == replace(
        JOB,
        state="done",
        report=b"done",
        finished=True,
        result="1" * 64,
        updated_at=LATER,
        finished_at=LATER,
    )
    assert [job.id for job in await filled.read(jobs.unfinished)] == ["b" * 32]


async def test_an_image_belongs_to_a_provider(filled: Database) -> None:
    image = ImageRecord("0" * 64, 5, "op-1", NOW)
    assert await filled.write(jobs.add_image, 1, image) == image
    again = replace(image, uploaded_by="op-2", uploaded_at=LATER)
    image = replace(image, uploaded_at=LATER)  # it is kept from now on
    assert await filled.write(jobs.add_image, 1, again) == image
    assert await filled.read(jobs.find_image, 1, "0" * 64) == image
    assert await filled.read(jobs.find_image, 2, "0" * 64) is None
    page = await filled.read(jobs.images_of, 1, offset=0, limit=5)
    assert (page.total, page.items) == (1, (image,))


def test_foreign_jobs_are_found_by_an_index() -> None:
    indexed = {index.columns.keys()[0] for index in transfer_job.indexes}
    assert {"client_id", "connector_id", "finished"} <= indexed
    assert job_image.primary_key.columns.keys() == ["provider_id", "sha256"]


async def test_images_that_no_job_has_used_for_long_go(filled: Database) -> None:
    for name in ("0" * 64, "1" * 64, "2" * 64):
        await filled.write(jobs.add_image, 1, ImageRecord(name, 5, "op-1", NOW))
    used = replace(JOB, id="c" * 32, image="1" * 64, finished=True, updated_at=LATER)
    await filled.write(jobs.add, used)
    assert await filled.write(jobs.drop_images, NOW) == 0
    # One belongs to jobs that go on, and one was used later.
    assert await filled.write(jobs.drop_images, NOW + timedelta(minutes=1)) == 1
    assert await filled.read(jobs.find_image, 1, "2" * 64) is None
    assert await filled.write(jobs.drop_images, LATER + timedelta(minutes=1)) == 1
    page = await filled.read(jobs.images_of, 1, offset=0, limit=5)
    assert [image.sha256 for image in page.items] == ["0" * 64]


async def test_files_that_something_refers_to_are_needed(filled: Database) -> None:
    await filled.write(jobs.add_image, 1, ImageRecord("1" * 64, 5, "op-1", NOW))
    over = replace(JOB, id="c" * 32, image="2" * 64, result="3" * 64, finished=True)
    await filled.write(jobs.add, over)
    names = [str(digit) * 64 for digit in range(5)]
    # Of a job that goes on, on record, and a result; not the image of a job that is over.
    assert await filled.read(jobs.needed_files, names) == {"0" * 64, "1" * 64, "3" * 64}


async def test_a_job_is_abandoned_once_nothing_is_heard_of_it_or_its_connector(
    filled: Database,
) -> None:
    after = LATER + timedelta(minutes=1)

    async def seen(at: datetime | None) -> None:
        await filled.write(
            lambda connection: connection.execute(connector.update().values(last_seen_at=at))
        )

    async def found(before: datetime) -> set[str]:
        return {record.id[0] for record in await filled.read(jobs.abandoned, before)}

    assert await found(NOW) == set()
    assert await found(after) == {"a", "b"}
    await note(filled, "running", finished=False, result=None)
    assert await found(LATER) == {"b"}
    await seen(LATER)
    assert await found(LATER) == set()
    assert await found(after) == {"a", "b"}
    await note(filled, "done", finished=True, result=None)
    assert await found(after) == {"b"}
