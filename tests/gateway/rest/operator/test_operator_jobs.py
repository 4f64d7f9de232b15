"""Transfer jobs at the operators' door; the connector is a test that says what it likes."""

from __future__ import annotations

import hashlib

import msgspec
import pytest
from quart import Response

from gateway.sessions import job_ledger
from gateway.sessions.job_ledger import JobLedger
from gateway.sessions.jobs import MAX_GOING
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
)
from protocols.link.messages import Message
from tests.gateway.operators import ENGINE, MINE, Floor, uuid_of
from tests.support.link_world import DialledConnector, until

IMAGE = bytes(range(256)) * 300
NAME = hashlib.sha256(IMAGE).hexdigest()

HOW = {
    "before": [{"request": "1002"}, {"security": "0x11"}, {"wait": 0.25, "name": "settle"}],
    "segments": [{"address": "0x80000", "length": len(IMAGE)}],
    "after": [
        {"poll": "3103FF01", "running": "7103FF0101", "expect": "7103FF0102", "every": 0.25},
        {"request": "1101", "optional": True},
    ],
}
FLASH = {"kind": "transfer", "ecu": ENGINE, "image": NAME, "procedure": HOW}
READ = {
    "kind": "transfer",
    "direction": "upload",
    "ecu": ENGINE,
    "procedure": {"segments": [{"address": 0, "length": 40_000}]},
}


async def send(floor: Floor, data: bytes, query: str = "", *, token: str = "op") -> Response:
    answer: Response = await floor.app.test_client().post(
        f"/operator/v1/images{query}", data=data, headers={"Authorization": f"Bearer {token}"}
    )
    return answer


async def ready(floor: Floor) -> tuple[DialledConnector, str]:
    """Plug in, upload, open a session; return the connector and the path of its jobs."""
    device = await floor.plug_in()
    assert (await send(floor, IMAGE)).status_code == 201
    session = await floor.open_session()
    return device, f"/sessions/{session['id']}/jobs"


def last(device: DialledConnector, kind: type[Message]) -> Message:
    return device.of(kind)[-1]


async def test_images_are_kept_by_their_hash_for_one_provider(floor: Floor) -> None:
    answer = await send(floor, IMAGE, f"?sha256={NAME.upper()}")
    assert answer.status_code == 201
    shown = await answer.get_json()
    assert (shown["sha256"], shown["size"], shown["uploaded_by"]) == (NAME, len(IMAGE), "op-1")
    assert (await send(floor, IMAGE, token="mate")).status_code == 201
    listed = await floor.done("GET", "/images", token="mate")
    assert (listed["total"], listed["result"][0]["uploaded_by"]) == (1, "op-1")
    assert (await floor.done("GET", f"/images/{NAME}"))["size"] == len(IMAGE)
    for token, name in (("far", NAME), ("op", "0" * 64), ("op", "..")):
        await floor.refused(
            "GET", f"/images/{name}", status=404, code="image.unknown", token=token
        )


@pytest.mark.parametrize(
    ("data", "query", "status", "code"),
    [
        (b"", "", 400, "image.empty"),
        (b"abc", "?sha256=00", 400, "image.hash"),
        (bytes(100_001), "", 413, "image.too_large"),
    ],
)
async def test_what_is_no_image_is_not_kept(
    floor: Floor, data: bytes, query: str, status: int, code: str
) -> None:
    answer = await send(floor, data, query)
    problem = await answer.get_json()
    assert (answer.status_code, problem["code"]) == (status, code)
    assert "field" in problem or status != 400
    assert (await floor.done("GET", "/images"))["total"] == 0
    assert not [path for path in floor.jobs.store._folder.rglob("*") if path.is_file()]


async def test_an_order_reaches_the_connector_and_its_reports_are_shown(floor: Floor) -> None:
    device, path = await ready(floor)
    job = await floor.done("POST", path, FLASH, status=201)
    await until(lambda: device.of(JobStart) != [])
    start = last(device, JobStart)
    assert isinstance(start, JobStart)
    assert start.job == job["id"]
    assert start.order.image.hex() == NAME
    assert len(start.order.pieces) == 2
    assert [step.kind for step in start.order.before] == ["request", "security", "wait"]
    poll = start.order.after[0]
    assert (poll.kind, poll.request.hex(), poll.running.hex()) == (
        "poll",
        "3103ff01",
        "7103ff0101",
    )
    assert (poll.expect.hex(), poll.wait_ms, poll.limit_ms) == ("7103ff0102", 250, 60_000)
    device.send(JobReport(job["id"], "running", "transfer data", 1, 1, 7, 19, 28_000, 76_800))
    await until(lambda: floor.jobs._ledger.get(job["id"]).report.block == 7)  # type: ignore[union-attr]
    for where in (f"{path}/{job['id']}", f"/jobs/{job['id']}"):
        shown = await floor.done("GET", where)
        assert (shown["state"], shown["block"], shown["blocks"]) == ("running", 7, 19)
        assert (shown["segment"], shown["transferred"]) == (1, 28_000)
    for where in (path, "/jobs"):
        listed = await floor.done("GET", where)
        assert (listed["total"], listed["result"][0]["block"]) == (1, 7)
    device.send(JobReport(job["id"], "done", transferred=76_800, total=76_800, safe=True))
    await until(lambda: device.of(JobForget) == [JobForget(job["id"])])
    shown = await floor.done("GET", f"/jobs/{job['id']}")
    assert (shown["state"], shown["safe"]) == ("done", True)
    await floor.refused("GET", f"/jobs/{job['id']}/result", status=409, code="job.no_result")


async def test_an_image_goes_down_by_ranges(floor: Floor) -> None:
    device, path = await ready(floor)
    await floor.done("POST", path, FLASH, status=201)
    device.send(FileRequest(bytes.fromhex(NAME), 100, 50_000))
    device.send(FileRequest(bytes.fromhex(NAME), len(IMAGE), 1))
    device.send(FileRequest(b"x" * 32, 0, 1))
    await until(lambda: len(device.of(FileRefused)) == 2)
    got = b"".join(it.data for it in device.of(FileChunk) if isinstance(it, FileChunk))
    assert got == IMAGE[100:50_100]


async def test_seed_up_and_key_down(floor: Floor) -> None:
    device, path = await ready(floor)
    job = (await floor.done("POST", path, FLASH, status=201))["id"]
    key = {"key": "A1B2"}
    await floor.refused("POST", f"{path}/{job}/key", key, status=409, code="job.no_seed")
    device.send(JobReport(job, "awaiting_key", level=0x11, seed=b"\x01\x02"))
    await until(lambda: floor.jobs._ledger.get(job).report.seed != b"")  # type: ignore[union-attr]
    shown = await floor.done("GET", f"/jobs/{job}")
    assert (shown["seed"], shown["security_level"]) == ("0102", 0x11)
    problem = await floor.refused(
        "POST", f"{path}/{job}/key", {"key": "A1B"}, status=400, code="job.key"
    )
    assert "A1B" not in problem["detail"]
    await floor.done("POST", f"{path}/{job}/key", key, status=202)
    await until(lambda: device.of(JobKey) == [JobKey(job, b"\xa1\xb2")])


async def test_pause_resume_abort_go_down_where_they_have_a_meaning(floor: Floor) -> None:
    device, path = await ready(floor)
    job = (await floor.done("POST", path, FLASH, status=201))["id"]
    await floor.refused("POST", f"{path}/{job}/resume", status=409, code="job.wrong_state")
    for action in ("pause", "abort"):
        await floor.done("POST", f"{path}/{job}/{action}", status=202)
    await until(lambda: len(device.of(JobControl)) == 2)
    assert device.of(JobControl) == [JobControl(job, "pause"), JobControl(job, "abort")]
    assert (await floor.call("POST", f"{path}/{job}/dance")).status_code == 404


async def test_the_control_unit_is_occupied_until_the_job_is_over(floor: Floor) -> None:
    device, path = await ready(floor)
    job = (await floor.done("POST", path, FLASH, status=201))["id"]
    await floor.refused("POST", path, FLASH, status=409, code="job.occupied")
    exchange = path.replace("/jobs", "/exchanges")
    body = {"ecu": ENGINE, "request": "3E00"}
    await floor.refused("POST", exchange, body, status=409, code="job.occupied")
    other = {"ecu": {"request_id": 0x7E1, "response_id": 0x7E9}, "request": "3E00"}
    await floor.done("POST", exchange, other)
    device.send(JobReport(job, "failed", failure="no_key", safe=True))
    await until(lambda: device.of(JobForget) != [])
    await floor.done("POST", exchange, body)
    await floor.done("POST", path, FLASH, status=201)


async def test_what_was_read_is_fetched_and_can_be_downloaded(floor: Floor) -> None:
    device, path = await ready(floor)
    job = (await floor.done("POST", path, READ, status=201))["id"]
    data = IMAGE[:40_000]
    name = hashlib.sha256(data).digest()
    device.send(JobReport(job, "done", safe=True, result=name, result_size=40_000))
    await until(lambda: device.of(FileRequest) != [])
    wanted = last(device, FileRequest)
    assert isinstance(wanted, FileRequest)
    for offset, length in chunks(wanted, len(data)):
        device.send(FileChunk(name, offset, data[offset : offset + length]))
    await until(lambda: device.of(JobForget) != [])
    answer = await floor.call("GET", f"/jobs/{job}/result")
    assert await answer.get_data() == data
    assert (await floor.done("GET", f"/jobs/{job}"))["result"] == name.hex()
    await floor.refused("GET", f"/jobs/{job}/result", status=404, code="job.unknown", token="mate")


async def test_a_result_that_is_not_to_be_had_is_a_failure(floor: Floor) -> None:
    device, path = await ready(floor)
    job = (await floor.done("POST", path, READ, status=201))["id"]
    device.send(JobReport(job, "done", safe=True, result=b"r" * 32, result_size=10))
    await until(lambda: device.of(FileRequest) != [])
    device.send(FileRefused(b"r" * 32))
    await until(lambda: device.of(JobForget) != [])
    shown = await floor.done("GET", f"/jobs/{job}")
    assert (shown["state"], shown["failure"]) == ("failed", "no_result")


async def test_a_connector_that_begins_anew_is_asked_and_its_unknown_jobs_end(
    floor: Floor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(job_ledger, "LOOK_GAP", 0.01)
    device, path = await ready(floor)
    job = (await floor.done("POST", path, FLASH, status=201))["id"]
    device.send(JobReport("stray", "running"))
    device.send(JobReport("gone", "done"))
    device.send(JobReport("odd", "dancing"))
    await until(lambda: device.of(JobForget) == [JobForget("gone")])
    assert device.of(JobControl) == [JobControl("stray", "abort")]
    device.cut()
    device.restart()
    await floor.links.nursery.start(device.connect)
    await until(lambda: JobControl(job, "report") in device.of(JobControl))


async def test_what_is_not_over_is_taken_up_by_the_next_gateway(floor: Floor) -> None:
    _, path = await ready(floor)
    job = (await floor.done("POST", path, FLASH, status=201))["id"]
    jobs = floor.jobs
    other = JobLedger(
        floor.workshop.database,
        floor.links.registry,
        floor.sessions.occupied,
        jobs.store,
        floor.clock,
        lambda _going: None,
    )
    await other.take_up()
    (going,) = other
    assert (going.record.id, going.state.value, going.order.image.hex()) == (job, "waiting", NAME)


async def test_a_session_that_ends_takes_its_jobs_along(floor: Floor) -> None:
    device, path = await ready(floor)
    job = (await floor.done("POST", path, FLASH, status=201))["id"]
    await floor.call("DELETE", path.removesuffix("/jobs"))
    await until(lambda: device.of(JobControl) == [JobControl(job, "abort")])


@pytest.mark.parametrize(
    ("changes", "status", "code"),
    [
        ({"image": "0" * 64}, 404, "image.unknown"),
        ({"image": None}, 400, "job.order"),
        ({"kind": "dance"}, 400, "body.field"),
        ({"ecu": {"functional": True}}, 400, "job.ecu"),
        ({"procedure": {"segments": []}}, 400, "body.field"),
        ({"procedure": {"segments": [{"address": "zz", "length": 1}]}}, 400, "job.number"),
        ({"procedure": {"segments": [{"address": 0, "length": 10**6}]}}, 400, "job.order"),
        ({"procedure": {**HOW, "before": [{}]}}, 400, "job.step"),
        ({"procedure": {**HOW, "before": [{"request": "3400"}]}}, 400, "job.order"),
        ({"procedure": {**HOW, "before": [{"poll": "3103FF00"}]}}, 400, "job.order"),
        ({"procedure": {**HOW, "before": [{"poll": "31", "request": "31"}]}}, 400, "job.step"),
        ({"procedure": {**HOW, "before": [{"poll": "31", "running": "x"}]}}, 400, "exchange.hex"),
        ({"procedure": {**HOW, "before": [{"request": "zz"}]}}, 400, "exchange.hex"),
        ({"procedure": {**HOW, "functional": ENGINE}}, 400, "job.functional"),
        ({"procedure": {**HOW, "repeats": 99}}, 400, "body.field"),
    ],
)
async def test_orders_without_sense_never_leave_the_gateway(
    floor: Floor, changes: dict[str, object], status: int, code: str
) -> None:
    device, path = await ready(floor)
    await floor.refused("POST", path, FLASH | changes, status=status, code=code)
    assert device.of(JobStart) == []
    assert (await floor.done("GET", path))["total"] == 0


async def test_foreign_and_unknown_jobs_look_alike(floor: Floor) -> None:
    _, path = await ready(floor)
    job = (await floor.done("POST", path, FLASH, status=201))["id"]
    await floor.refused("GET", f"/jobs/{job}", status=404, code="job.unknown", token="mate")
    for where in (f"{path}/nothing", "/jobs/nothing"):
        await floor.refused("GET", where, status=404, code="job.unknown")
    await floor.refused("POST", f"{path}/nothing/abort", status=404, code="job.unknown")
    await floor.refused("GET", f"/jobs/{job}", status=401, code="token.missing", token=None)
    assert (await floor.done("GET", "/jobs", token="mate"))["total"] == 0


async def test_without_the_lease_nothing_is_ordered(floor: Floor) -> None:
    _, path = await ready(floor)
    job = (await floor.done("POST", path, FLASH, status=201))["id"]
    reader = f"/sessions/{(await floor.open_session())['id']}/jobs"
    upload = {"kind": "transfer", "image": NAME, "procedure": HOW}
    other = upload | {"ecu": {"request_id": 0x7E1, "response_id": 0x7E9}}
    await floor.refused("POST", reader, other, status=409, code="session.no_lease")
    await floor.refused("POST", f"{reader}/{job}/abort", status=409, code="session.no_lease")


async def test_an_order_that_no_message_can_hold_is_over_at_once(
    floor: Floor, monkeypatch: pytest.MonkeyPatch
) -> None:
    device, path = await ready(floor)
    monkeypatch.setattr("protocols.link.connection.MAX_ENVELOPE", 150)
    await floor.refused("POST", path, FLASH, status=413, code="job.too_large")
    assert device.of(JobStart) == []
    (job,) = (await floor.done("GET", path))["result"]
    assert (job["state"], job["failure"]) == ("failed", "unsent")


async def test_a_connector_with_raw_frames_only_runs_no_jobs(floor: Floor) -> None:
    _, path = await ready(floor)
    live = floor.links.registry.require(uuid_of(MINE))
    live.capabilities = msgspec.structs.replace(live.capabilities, jobs=False)
    await floor.refused("POST", path, FLASH, status=400, code="job.unsupported")


async def test_an_operator_has_so_many_jobs_and_no_more(
    floor: Floor, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert MAX_GOING == 64
    monkeypatch.setattr("gateway.sessions.jobs.MAX_GOING", 1)
    _, path = await ready(floor)
    await floor.done("POST", path, FLASH, status=201)
    other = FLASH | {"ecu": {"request_id": 0x7E1, "response_id": 0x7E9}}
    await floor.refused("POST", path, other, status=409, code="job.too_many")


async def test_news_and_control_over_the_websocket(floor: Floor) -> None:
    device, path = await ready(floor)
    session = path.split("/")[2]
    async with floor.socket() as socket:
        await socket.say("subscribe", session=session, stream="news", id=1)
        await socket.hear_of("subscribed")
        job = (await floor.done("POST", path, FLASH, status=201))["id"]
        device.send(JobReport(job, "awaiting_key", level=0x11, seed=b"\x01\x02"))
        news = await socket.hear_of("news")
        assert (news["kind"], news["job"]["seed"]) == ("job", "0102")
        await socket.say("job", session=session, job=job, do="key", key="0A0B", id=2)
        assert (await socket.hear_of("job"))["id"] == 2
        await socket.say("job", session=session, job=job, do="resume", id=3)
        answer = await socket.hear_of("error")
        assert (answer["id"], answer["error"]["code"]) == (3, "job.wrong_state")
        await socket.say("job", session=session, job=job, do="abort", id=4)
        assert (await socket.hear_of("job"))["job"]["id"] == job
    assert device.of(JobKey) == [JobKey(job, b"\x0a\x0b")]
    await until(lambda: device.of(JobControl) == [JobControl(job, "abort")])
