"""The process that reads descriptions: ended when it takes too long, and begun again."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import trio

from gateway.decoding.questions import (
    Answer,
    Content,
    Examine,
    Explained,
    ExplainFrames,
    File,
    Refused,
)
from gateway.decoding.worker import MOST_WAITING, Worker, WorkerLimits
from gateway.domain.errors import Unavailable
from gateway.ws.operator.exchanges import MAX_EXCHANGES
from tests.support.link_world import until
from tests.support.odx import archive, pdx

pytestmark = [pytest.mark.slow, pytest.mark.process]

DBC = File(str(Path("firmware_sim/vehicle/models/jazz.dbc").absolute()), "dbc")


@pytest.fixture
async def worker(nursery: trio.Nursery) -> AsyncIterator[Worker]:
    made = Worker(WorkerLimits())
    await nursery.start(made.run)
    yield made
    made.end()


async def test_it_answers_and_refuses_and_goes_on(worker: Worker, tmp_path: Path) -> None:
    car, none = tmp_path / "car", tmp_path / "none"
    car.write_bytes(pdx())
    none.write_bytes(archive({"car.odx-d": "<ODX>"}))
    assert isinstance(await worker.ask(Examine(DBC), 20), Content)
    first = worker._process
    refused = await worker.ask(Examine(File(str(none), "pdx")), 20)
    assert isinstance(refused, Refused)
    assert "cannot be read" in refused.reason
    assert isinstance(await worker.ask(Examine(File(str(car), "pdx")), 20), Content)
    assert worker._process is first


async def test_one_that_takes_too_long_is_ended_and_begun_again(worker: Worker) -> None:
    with pytest.raises(Unavailable):
        await worker.ask(Examine(DBC), 0.0001)
    assert worker._process is None
    assert isinstance(await worker.ask(Examine(DBC), 20), Content)


async def test_one_that_dies_is_begun_again(worker: Worker) -> None:
    await worker.ask(Examine(DBC), 20)
    assert worker._process is not None
    worker._process.kill()
    await worker._process.wait()
    with pytest.raises(Unavailable):
        await worker.ask(Examine(DBC), 20)
    assert isinstance(await worker.ask(Examine(DBC), 20), Content)


async def test_whoever_has_no_patience_leaves_and_the_process_reads_on(worker: Worker) -> None:
    with pytest.raises(Unavailable):
        await worker.ask(Examine(DBC), 20, patience=0.0)
    # While it is behind, nobody waits for it at all.
    with trio.fail_after(5), pytest.raises(Unavailable):
        await worker.ask(Examine(DBC), 20)
    await until(lambda: not worker._waiting, within=20)
    assert isinstance(await worker.ask(Examine(DBC), 20), Content)


async def test_as_many_as_a_websocket_has_in_flight_are_answered(worker: Worker) -> None:
    question = ExplainFrames((DBC,), ((0x158, False, bytes(8)),))
    answers: list[Answer] = []

    async def ask() -> None:
        answers.append(await worker.ask(question, 20))

    async with trio.open_nursery() as nursery:
        for _ in range(MAX_EXCHANGES):
            nursery.start_soon(ask)
    assert len(answers) == MAX_EXCHANGES <= MOST_WAITING
    assert all(isinstance(answer, Explained) for answer in answers)


async def test_without_a_place_to_run_there_is_no_answer() -> None:
    with pytest.raises(Unavailable, match="cannot be read now"):
        await Worker(WorkerLimits()).ask(Examine(DBC), 1)


async def test_what_takes_more_memory_than_it_may_is_refused(
    nursery: trio.Nursery, tmp_path: Path
) -> None:
    large = tmp_path / "large"
    large.write_bytes(b'VERSION "' + b"x" * (300 << 20) + b'"\n')
    worker = Worker(WorkerLimits(memory=512 << 20))
    await nursery.start(worker.run)
    answer = await worker.ask(Examine(File(str(large), "dbc")), 30)
    assert isinstance(answer, Refused)
    assert "too much" in answer.reason
