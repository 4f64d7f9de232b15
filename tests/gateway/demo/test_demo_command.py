"""Pieces of the command; the whole runs in tests/end_to_end as a process."""

from __future__ import annotations

import io
from pathlib import Path
from uuid import UUID

import pytest
import trio
from structlog.typing import FilteringBoundLogger
from trio.testing import MockClock

from gateway.bus.memory import MemoryBus
from gateway.config import Settings
from gateway.demo import command
from gateway.demo.command import DemoOptions, run_demo
from gateway.demo.http import StoryError
from gateway.demo.world import DemoConnector
from gateway.domain.clock import utc_now
from gateway.domain.connector import ConnectorStatus
from gateway.domain.events import Event
from gateway.links.registry import STATUS_EVENT

CONNECTORS = tuple(
    DemoConnector(number, str(UUID(int=number)), "0", "", "", "can", "golf", 0)
    for number in (1, 2)
)


class Presence:
    """Who has been heard of."""

    def __init__(self) -> None:
        self.vins: dict[UUID, str] = {}

    def status(self, uuid: UUID) -> ConnectorStatus:
        return ConnectorStatus(online=True, vin=self.vins.get(uuid))


class RunningGateway:
    """What the world is made from."""

    def __init__(self) -> None:
        self.bus = MemoryBus()
        self.registry = Presence()

    async def hear(self, number: int, vin: str) -> None:
        self.registry.vins[UUID(int=number)] = vin
        event = Event(STATUS_EVENT, f"connector:{number}", None, {}, utc_now())
        await self.bus.publish(event)


async def test_the_world_is_complete_when_every_vin_is_known(
    autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    gateway = RunningGateway()

    async def come_online() -> None:
        for number, vin in ((2, "B"), (1, "A")):
            await trio.sleep(1)
            await gateway.hear(number, vin)

    nursery.start_soon(come_online)
    known = await command._identified(gateway, CONNECTORS)  # type: ignore[arg-type]
    assert [one.vin for one in known] == ["A", "B"]
    assert trio.current_time() == pytest.approx(2, abs=0.1)


async def test_vehicles_that_stay_away_are_counted(autojump_clock: MockClock) -> None:
    gateway = RunningGateway()
    await gateway.hear(1, "A")
    with pytest.raises(StoryError, match="1 vehicles did not come online"):
        await command._identified(gateway, CONNECTORS)  # type: ignore[arg-type]


def test_reasons_are_told_once_however_deep_they_stand() -> None:
    out = io.StringIO()
    group = ExceptionGroup("a", [ExceptionGroup("b", [StoryError("the reason")])])
    with pytest.raises(ExceptionGroup), command.reasons_told(out):
        raise group
    assert out.getvalue() == "the story could not be told: the reason\n"


def test_other_troubles_are_not_reasons() -> None:
    out = io.StringIO()
    with pytest.raises(ZeroDivisionError), command.reasons_told(out):
        raise ZeroDivisionError
    assert out.getvalue() == ""


def test_a_folder_of_our_own_goes_with_the_run_and_another_stays(tmp_path: Path) -> None:
    with command._folder(DemoOptions()) as folder:
        (folder / "demo.json").write_text("{}")
        assert folder.stat().st_mode & 0o077 == 0
    assert not folder.exists()
    with command._folder(DemoOptions(data=tmp_path)) as given:
        assert given == tmp_path
    assert tmp_path.exists()


def test_settings_are_the_defaults_on_the_ports_asked_for(tmp_path: Path) -> None:
    settings = command._settings(DemoOptions(http=1, link=2), tmp_path)
    assert (settings.data.directory, settings.http.port, settings.link.port) == (tmp_path, 1, 2)
    assert settings.sessions == Settings().sessions
    assert not list(settings.problems())


@pytest.mark.slow
async def test_a_port_in_use_passes_through(tmp_path: Path, log: FilteringBoundLogger) -> None:
    (taken,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
    port = taken.socket.getsockname()[1]
    with pytest.raises(ExceptionGroup) as caught:
        await run_demo(DemoOptions(once=True, data=tmp_path, http=port), log)
    assert caught.group_contains(OSError)
    await taken.aclose()
