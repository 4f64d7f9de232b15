"""Recordings of real sessions, through every layer: made, fetched, and what a kill leaves."""

from __future__ import annotations

import shutil
from pathlib import Path
from uuid import UUID

import can
import msgspec
import pytest
import trio
from structlog.typing import FilteringBoundLogger

from firmware_sim.assembly import VehicleSettings
from gateway.config import RecordingSettings
from protocols.can.batch import encode_batch
from protocols.can.frame import CanFrame
from protocols.recording.codec import Reader
from protocols.recording.records import Began, Exchange, Frames, Happened, Record
from tests.end_to_end.houses import MARGIN, House, Json, ask, open_house, tell
from tests.support.link_world import until

pytestmark = pytest.mark.slow


async def fetch(house: House, token: str, session: Json, wanted: str) -> bytes:
    path = f"/operator/v1/sessions/{session['id']}/recording?format={wanted}"
    response = await house.call("GET", path, token=token)
    assert response.status_code == 200, response.text
    assert int(response.headers["content-length"]) == len(response.content)
    return response.content


def records_of(data: bytes) -> list[Record]:
    reader = Reader()
    found = list(reader.feed(data))
    assert reader.finish() is None
    return found


async def work(house: House, kind: str, token: str, session: Json) -> int:
    """Read from every control unit, and watch the bus while frames go out; return exchanges."""
    ecus = await house.ecus(kind, token)
    for ecu in ecus:
        await tell(house, token, session, ecu, "22F190")
    await ask(house, token, session, {"functional": True}, "3E00")
    if kind == "doip":
        return len(ecus) + 1
    async with house.socket(token) as socket:
        message = {"action": "subscribe", "session": session["id"], "stream": "frames"}
        await socket.send_message(msgspec.json.encode(message | {"bus": "can0"}).decode())
        await socket.get_message()
        # What is watched needs no frames that were made up.
        await tell(house, token, session, ecus[0], "22F190")
        batch = encode_batch(0, [CanFrame(0x6F0 + n, bytes([n])) for n in range(8)])
        await socket.send_message(bytes.fromhex(session["id"]) + batch)
        with trio.fail_after(20):
            for _ in range(20):
                data = await socket.get_message()
                if isinstance(data, bytes) and b"\x06\xf7" in data:
                    break
    return len(ecus) + 2


@pytest.mark.parametrize("kind", ["can", "can-fd", "doip"])
async def test_everything_that_was_done_is_in_the_recording(
    house: House, kind: str, tmp_path: Path
) -> None:
    await house.plug_in(kind)
    token = await house.operator()
    session = await house.session(kind, token)
    exchanges = await work(house, kind, token, session)

    records = records_of(await fetch(house, token, session, "recording"))
    began = records[0]
    assert isinstance(began, Began)
    assert began.session == session["id"]
    assert began.vin is not None
    made = [record for record in records if isinstance(record, Exchange)]
    assert len(made) == exchanges
    assert made[0].answers[0].data == b"\x62\xf1\x90" + began.vin.encode()
    assert (
        began.at
        <= made[0].answers[0].sent_at
        < made[0].answers[0].received_at
        <= made[0].at + 5000
    )
    assert any(isinstance(record, Happened) for record in records)
    if kind != "doip":
        sent = [record for record in records if isinstance(record, Frames) and record.sent]
        assert len(sent) == 1
        assert made[-1].seen

    counts = {
        name: await count(house, token, session, name, tmp_path)
        for name in ("candump", "asc", "blf", "mf4", "pcapng")
    }
    assert len(set(counts.values())) == 1, counts
    assert (counts["blf"] > 0) is (kind != "doip")

    await house.call("DELETE", f"/operator/v1/sessions/{session['id']}", token=token)
    await until_state(house, token, session, "whole")
    ended = records_of(await fetch(house, token, session, "recording"))
    assert ended[: len(records)] == records
    last = ended[-1]
    assert isinstance(last, Happened)
    assert (last.what, last.detail["reason"]) == ("session.ended", "operator")
    (listed,) = (await house.done("GET", "/operator/v1/recordings", token=token))["result"]
    assert (listed["session"], listed["exchanges"]) == (session["id"], exchanges)


@pytest.mark.parametrize("kind", ["can", "doip"])
async def test_a_recording_is_a_vehicle(house: House, kind: str, tmp_path: Path) -> None:
    await house.plug_in(kind)
    token = await house.operator()
    session = await house.session(kind, token)
    ecus = await house.ecus(kind, token)
    asked = [(ecu, request) for ecu in ecus for request in ("22F190", "1902FF", "22FFFF")]
    answers = [await tell(house, token, session, ecu, request) for ecu, request in asked]
    path = tmp_path / "session.dgrec"
    path.write_bytes(await fetch(house, token, session, "recording"))
    await house.call("DELETE", f"/operator/v1/sessions/{session['id']}", token=token)
    await house.unplug(kind)

    unplugged = trio.CancelScope()
    house.nursery.start_soon(
        house.drive, kind, VehicleSettings(replay=path, margin=MARGIN), unplugged
    )
    await until(lambda: house.gateway.registry.require(UUID(house.connector(kind).uuid)).connected)
    again = await house.session(kind, token)
    for (ecu, request), answer in zip(asked, answers, strict=True):
        assert await tell(house, token, again, ecu, request) == answer
    assert await tell(house, token, again, ecus[0], "3101FF00") == b"\x7f\x31\x11"
    unplugged.cancel()


async def until_state(house: House, token: str, session: Json, state: str) -> Json:
    path = f"/operator/v1/recordings/{session['id']}"
    with trio.fail_after(20):
        while True:
            shown = await house.done("GET", path, token=token)
            if shown["state"] == state:
                return shown
            await trio.sleep(0.02)


async def count(house: House, token: str, session: Json, wanted: str, folder: Path) -> int:
    """Return how many frames a tool finds in a format."""
    path = folder / f"out.{'log' if wanted == 'candump' else wanted}"
    path.write_bytes(await fetch(house, token, session, wanted))
    if wanted != "pcapng":
        with can.LogReader(path) as reader:
            return len(list(reader))
    tshark = shutil.which("tshark")
    if tshark is None:
        pytest.skip("tshark is not installed (Debian: apt-get install tshark)")
    command = [tshark, "-r", str(path), "-Y", "can || canfd", "-T", "fields", "-e", "frame.number"]
    shown = await trio.run_process(command, capture_stdout=True, capture_stderr=True)
    return len(shown.stdout.split())


async def test_foreign_and_unknown_recordings_are_not_there(house: House) -> None:
    await house.plug_in("can")
    token, other = await house.operator(), await house.another_operator()
    session = await house.session("can", token)
    base = f"/operator/v1/sessions/{session['id']}/recording"
    assert (await house.call("GET", base, token=other)).status_code == 404
    assert (await house.call("GET", base)).status_code == 401
    wrong = await house.call("GET", f"{base}?format=avi", token=token)
    assert wrong.status_code == 400
    assert "candump" in wrong.json()["detail"]
    unknown = await house.call("GET", f"/operator/v1/recordings/{'0' * 32}", token=token)
    assert unknown.status_code == 404


async def test_a_full_disk_stops_the_recording_and_not_the_session(
    folder: Path, log: FilteringBoundLogger
) -> None:
    full = RecordingSettings(reserve_bytes=1 << 62)
    async with open_house(folder, log, recording=full) as house:
        await house.plug_in("can")
        token = await house.operator()
        session = await house.session("can", token)
        ecu = (await house.ecus("can", token))[0]
        assert await tell(house, token, session, ecu, "22F190")
        shown = await until_state(house, token, session, "failed")
        assert "free" in shown["detail"]
        gone = await house.call(
            "GET", f"/operator/v1/sessions/{session['id']}/recording", token=token
        )
        assert gone.status_code == 404
        metrics = (await house.call("GET", "/metrics")).text
        assert "gateway_recording_failures 1.0" in metrics


async def test_where_recordings_are_required_a_full_disk_lets_no_session_open(
    folder: Path, log: FilteringBoundLogger
) -> None:
    full = RecordingSettings(reserve_bytes=1 << 62, required=True)
    async with open_house(folder, log, recording=full) as house:
        await house.plug_in("can")
        token = await house.operator()
        body = {"connector_uuid": house.connector("can").uuid}
        refused = await house.call("POST", "/operator/v1/sessions", body, token=token)
        assert refused.status_code == 503
        assert "recorded" in refused.json()["detail"]
