from __future__ import annotations

import base64
from pathlib import Path
from typing import IO
from uuid import uuid4

import pytest
import trio
from typing_extensions import override

from firmware_sim.roster import read_roster
from gateway.demo import vehicles
from gateway.demo.http import StoryError
from gateway.demo.vehicles import Vehicles
from gateway.demo.world import DemoConnector

CONNECTOR = DemoConnector(
    id=123_456_789,
    uuid=str(uuid4()),
    pincode="201985",
    private_key=base64.b64encode(bytes(range(32))).decode(),
    vin="",
    kind="can",
    vehicle="golf",
    seed=2,
)


def test_the_roster_is_one_the_simulator_reads(tmp_path: Path) -> None:
    path = tmp_path / "vehicles.json"
    Vehicles("ws://127.0.0.1:1/link/v1", (CONNECTOR,), tmp_path)._write_roster(path)
    (entry,) = read_roster(path)
    assert (entry.gateway, str(entry.uuid)) == ("ws://127.0.0.1:1/link/v1", CONNECTOR.uuid)
    assert (entry.key, entry.vehicle, entry.seed) == (CONNECTOR.private_key, "golf", 2)
    assert path.stat().st_mode & 0o077 == 0


def pretend(monkeypatch: pytest.MonkeyPatch, *lines: str, status: int = 0) -> None:
    """Let a program of a few lines stand where the simulator stands."""
    said = "; ".join(f"echo {line}" for line in lines) or ":"

    async def wait(_self: Vehicles, _command: list[str], log: IO[bytes]) -> int | None:
        command = ["/bin/sh", "-c", f"{said}; exit {status}"]
        return (await trio.run_process(command, stdout=log, stderr=log, check=False)).returncode

    monkeypatch.setattr(vehicles.Vehicles, "_wait", wait)


@pytest.mark.process
@pytest.mark.slow
async def test_a_simulator_that_ends_says_why(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    pretend(monkeypatch, *(f"line{number}" for number in range(9)), status=3)
    with pytest.raises(StoryError) as caught:
        await Vehicles("ws://x/link/v1", (CONNECTOR,), tmp_path).run()
    assert str(caught.value) == (
        "the vehicle simulator ended with status 3: line4 / line5 / line6 / line7 / line8"
    )


@pytest.mark.process
@pytest.mark.slow
async def test_a_simulator_that_ends_without_a_word_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    pretend(monkeypatch)
    with pytest.raises(StoryError, match=r"status 0 .*firmware_sim run"):
        await Vehicles("ws://x/link/v1", (CONNECTOR,), tmp_path).run()


@pytest.mark.process
@pytest.mark.slow
async def test_the_real_simulator_refuses_a_broken_key(tmp_path: Path) -> None:
    class Broken(Vehicles):
        @override
        def _roster(self) -> bytes:
            return super()._roster().replace(CONNECTOR.private_key.encode(), b"AAAA")

    with trio.fail_after(30), pytest.raises(StoryError, match="the key has 3 bytes"):
        await Broken("ws://127.0.0.1:1/link/v1", (CONNECTOR,), tmp_path).run()


@pytest.mark.process
@pytest.mark.slow
async def test_cancelled_the_simulator_is_gone(tmp_path: Path) -> None:
    with trio.fail_after(30):
        async with trio.open_nursery() as nursery:
            simulator = Vehicles("ws://127.0.0.1:1/link/v1", (CONNECTOR,), tmp_path)
            nursery.start_soon(simulator.run)
            await trio.sleep(0.3)
            nursery.cancel_scope.cancel()
