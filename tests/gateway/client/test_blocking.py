"""The client without Trio, and transfer jobs through it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest

from gateway.client import can
from gateway.client.blocking import Client
from gateway.client.errors import Misconfigured, Refused, SignInRefused, Unreadable
from gateway.client.jobs import JobFailed
from gateway.client.records import Job
from gateway.client.subject import open_subject
from protocols.can.filters import CanFilter
from protocols.can.frame import CanFrame
from tests.end_to_end.houses import House
from tests.end_to_end.test_transfer_jobs import IMAGE, key_for, procedure
from tests.gateway.client.test_bus import in_thread

pytestmark = pytest.mark.slow

PING = CanFrame(0x7E0, bytes.fromhex("023E005555555555"))
ANSWERS = [CanFilter(0x7E8, 0x7FF)]

Credentials = tuple[str, str, str]


@pytest.fixture
async def uuid(house: House) -> str:
    await house.plug_in("can")
    return house.connector("can").uuid


async def test_a_script_without_trio(uuid: str, credentials: Credentials, house: House) -> None:
    def script() -> None:
        with Client(*credentials) as client:
            assert [one.online for one in client.connectors()].count(True) == 1
            assert client.connector(uuid).vin == "WVWZZZAUZHP341562"
            with client.open(connector=uuid) as session, session.news() as news:
                assert session.ask("engine", "22F190")[3:] == b"WVWZZZAUZHP341562"
                assert len(session.exchange_all([("engine", "3E00")] * 3)) == 3
                assert session.functional("0902")
                assert (session.exchange("engine", "3E00")[0]).data == b"\x7e\x00"
                assert session.configure_bus("can0", listen_only=False).up
                session.give_up_lease()
                assert session.take_lease().lease == session.record.lease == "writer"
                first = news.receive(5)
                assert first is not None
                assert first["kind"] == "exchange"
                session.end()
                assert [it["kind"] for it in news][-1] == "ended"
        client.close()
        with pytest.raises(Misconfigured, match="closed"):
            client.connectors()

    await in_thread(script)


async def test_frames_without_trio(uuid: str, credentials: Credentials, house: House) -> None:
    def script() -> None:
        with (
            Client(*credentials) as client,
            client.open(connector=uuid) as session,
            session.frames("can0", ANSWERS) as frames,
        ):
            session.send_frames([PING, PING])
            session.flush()
            heard = frames.receive(5)
            assert heard is not None
            assert heard.frames[0].data[:3] == b"\x02\x7e\x00"
            while frames.receive(0.05) is not None:
                continue
            frames.pause()
            frames.resume()
            session.send_frames([PING])
            assert next(iter(frames)).frames[0].id == 0x7E8
            assert frames.interruptions == 0

    await in_thread(script)


async def test_two_threads_share_a_client(
    uuid: str, credentials: Credentials, house: House
) -> None:
    def script() -> None:
        with Client(*credentials) as client, client.open(connector=uuid) as session:
            found: list[bytes] = []

            def ask() -> None:
                found.extend(session.ask("engine", "22F190") for _ in range(10))

            threads = [threading.Thread(target=ask) for _ in range(3)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join(10)
            assert len(found) == 30
            assert len(set(found)) == 1

    await in_thread(script)


async def test_a_wrong_secret_leaves_no_thread(house: House, credentials: Credentials) -> None:
    def script() -> None:
        with pytest.raises(SignInRefused):
            Client(*credentials[:2], "wrong")

    await in_thread(script)


async def test_subjects(uuid: str, credentials: Credentials, house: House) -> None:
    ticket = await house.order("can")

    def script() -> None:
        with Client(*credentials) as client:
            session, ours = open_subject(client, f"ticket:{ticket['id']}")
            assert (ours, session.record.ticket_id) == (True, int(ticket["id"]))
            assert open_subject(client, session.id)[1] is False
            session.end()
            with pytest.raises(Misconfigured, match="no ticket:NUMBER"):
                open_subject(client, "golf")

    await in_thread(script)


# --- jobs --------------------------------------------------------------------------------------


async def test_a_control_unit_is_flashed(
    uuid: str, credentials: Credentials, house: House
) -> None:
    states: list[str] = []

    def progress(job: Job) -> None:
        states.append(job.state)

    def script() -> None:
        with Client(*credentials) as client, client.open(connector=uuid) as session:
            image = client.upload_image(IMAGE)
            job = session.start_transfer(can(0x7E0, 0x7E8), procedure(), image=image.sha256)
            done = job.wait(key=lambda seed, _: key_for(seed), progress=progress)
            assert (done.state, done.transferred, done.safe) == ("done", len(IMAGE), True)
            assert client.job(job.id).state == "done"
            job.abort()  # what is over is not aborted, and that is fine
            with pytest.raises(Unreadable, match="no result"):
                job.result()

    await in_thread(script)
    assert {"awaiting_key", "running", "done"} <= set(states)


async def test_a_job_is_held_and_aborted(
    uuid: str, credentials: Credentials, house: House
) -> None:
    def until(look: Callable[[], Job], state: str) -> None:
        while look().state != state:
            threading.Event().wait(0.02)

    def script() -> None:
        with Client(*credentials) as client, client.open(connector=uuid) as session:
            job = session.start_transfer(
                "engine", procedure(), image=client.upload_image(IMAGE).sha256
            )
            until(job.look, "awaiting_key")
            with pytest.raises(Refused):
                session.ask("engine", "22F190")  # the job's alone
            job.give_key(key_for(bytes(job.record.seed or b"")))
            until(job.look, "running")
            job.pause()
            until(job.look, "paused")
            job.resume()
            again = session.job(client.job(job.id))
            again.abort()
            with pytest.raises(JobFailed, match="aborted") as ended:
                again.wait()
            assert ended.value.job.safe

    await in_thread(script)


async def test_memory_is_read(uuid: str, credentials: Credentials, house: House) -> None:
    how: Any = {
        "before": [{"request": "1003"}],
        "segments": [{"address": "0x40000000", "length": 10_000}],
        "after": [{"request": "1001"}],
    }

    def script() -> None:
        with Client(*credentials) as client, client.open(connector=uuid) as session:
            job = session.start_transfer("engine", how)
            job.wait()
            assert job.result() == bytes(10_000)

    await in_thread(script)


async def test_a_recording_is_exported(uuid: str, credentials: Credentials, house: House) -> None:
    pieces: list[bytes] = []

    def script() -> None:
        with Client(*credentials) as client:
            with client.open(connector=uuid) as session:
                session.ask("engine", "22F190")
            size = client.export_recording(session.id, pieces.append, "candump")
            assert size == sum(map(len, pieces))
            with pytest.raises(Refused):
                client.export_recording("ab" * 16, pieces.append)

    await in_thread(script)
    assert b"7E8#" in b"".join(pieces)
