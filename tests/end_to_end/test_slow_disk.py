"""The disk takes seconds for what should take nothing: who is stopped, when, and what is kept."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from unittest.mock import patch

import pytest
import trio

from gateway.sessions.recording import backlog
from gateway.sessions.recording.track import Entry
from gateway.sessions.recording.writer import Writer
from tests.end_to_end.houses import House, Json

pytestmark = [pytest.mark.long, pytest.mark.timeout(180)]

#: Seconds each write takes, and bytes that may wait meanwhile.
SLOWNESS, ROOM = 4.0, 3_000


@contextmanager
def slow_disk() -> Iterator[None]:
    """Let every write of recordings take its time, in the writer's own thread."""
    write = Writer.write

    def slowly(writer: Writer, batch: Sequence[Entry]) -> None:
        threading.Event().wait(SLOWNESS)
        write(writer, batch)

    with patch.object(Writer, "write", slowly):
        yield


async def exchange(house: House, token: str, session: Json, ecu: Json) -> Json:
    path = f"/operator/v1/sessions/{session['id']}/exchanges"
    return await house.call("POST", path, {"ecu": ecu, "request": "22F190"}, token=token)


async def test_exchanges_stop_before_memory_does_and_nothing_done_is_missing(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backlog, "EXCHANGE_ROOM", ROOM)
    await house.plug_in("can")
    operator = await house.operator()
    session = await house.session("can", operator)
    ecu = (await house.ecus("can", operator))[0]
    done, slowest = 0, 0.0
    with slow_disk(), trio.fail_after(60):
        while True:
            since = trio.current_time()
            answer = await exchange(house, operator, session, ecu)
            slowest = max(slowest, trio.current_time() - since)
            if answer.status_code != 200:
                break
            done += 1
        # Refused before it was sent, with what to do about it; whoever asks for other things
        # does not notice.
        assert (answer.status_code, answer.json()["code"]) == (503, "recording.behind")
        assert int(answer.headers["Retry-After"]) > 0
        assert (await house.call("GET", "/readyz")).status_code == 200
        assert (await house.call("GET", "/operator/v1/tickets", token=operator)).is_success
    assert done > 3
    # Nobody has waited for the disk.
    assert slowest < SLOWNESS
    with trio.fail_after(30):
        while (await exchange(house, operator, session, ecu)).status_code != 200:  # noqa: ASYNC110 - over HTTP
            await trio.sleep(0.2)
    await house.call("DELETE", f"/operator/v1/sessions/{session['id']}", token=operator)
    path = f"/operator/v1/recordings/{session['id']}"
    with trio.fail_after(30):
        while (found := await house.done("GET", path, token=operator))["state"] != "whole":  # noqa: ASYNC110 - over HTTP
            await trio.sleep(0.2)
    assert found["exchanges"] == done + 1
