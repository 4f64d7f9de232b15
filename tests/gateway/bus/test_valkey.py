from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import trio
from structlog.typing import FilteringBoundLogger
from typing_extensions import override

from gateway.bus import valkey
from gateway.bus.line import Ear
from gateway.bus.valkey import ValkeyLine
from tests.support.valkey import ValkeyServer, private_server

pytestmark = pytest.mark.slow

#: Seconds in which a slow machine has done anything.
SOON = 30.0


class Listener(Ear):
    """Hears, and lets a test wait for it."""

    def __init__(self) -> None:
        self.told: list[bytes] = []
        self.is_up = False
        self._changed = trio.Event()

    @override
    def heard(self, message: bytes) -> None:
        self.told.append(message)
        self._tell()

    @override
    def up(self) -> None:
        self.is_up = True
        self._tell()

    @override
    def down(self) -> None:
        self.is_up = False
        self._tell()

    def _tell(self) -> None:
        self._changed.set()
        self._changed = trio.Event()

    async def wait(self, *, up: bool | None = None, messages: int = 0) -> None:
        with trio.fail_after(SOON):
            while (up is not None and self.is_up is not up) or len(self.told) < messages:
                await self._changed.wait()


async def test_what_one_says_all_hear_in_order(
    valkey_url: str, log: FilteringBoundLogger, tmp_path: Path
) -> None:
    one, other = (ValkeyLine(valkey_url, f"test-{tmp_path.name}", log) for _ in range(2))
    at_one, at_other = Listener(), Listener()
    async with trio.open_nursery() as nursery:
        await nursery.start(one.run, at_one)
        await nursery.start(other.run, at_other)
        await at_one.wait(up=True)
        await at_other.wait(up=True)
        said = [f"news {number}".encode() for number in range(2000)]
        for message in said:
            assert one.say(message)
        for listener in (at_one, at_other):
            await listener.wait(messages=len(said))
            assert listener.told == said
        assert one.statistics().dropped == 0
        nursery.cancel_scope.cancel()
    assert not at_one.is_up


async def test_channels_keep_gateways_apart(
    valkey_url: str, log: FilteringBoundLogger, tmp_path: Path
) -> None:
    one = ValkeyLine(valkey_url, f"one-{tmp_path.name}", log)
    foreign = ValkeyLine(valkey_url, f"foreign-{tmp_path.name}", log)
    at_one, at_foreign = Listener(), Listener()
    async with trio.open_nursery() as nursery:
        await nursery.start(one.run, at_one)
        await nursery.start(foreign.run, at_foreign)
        await at_one.wait(up=True)
        await at_foreign.wait(up=True)
        one.say(b"ours")
        foreign.say(b"theirs")
        await at_one.wait(messages=1)
        await at_foreign.wait(messages=1)
        nursery.cancel_scope.cancel()
    assert (at_one.told, at_foreign.told) == ([b"ours"], [b"theirs"])


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ValkeyServer]:
    try:
        with private_server(tmp_path) as started:
            yield started
    except RuntimeError as problem:
        pytest.skip(f"Valkey: {problem}")


@pytest.mark.process
async def test_a_server_that_dies_and_comes_back(
    server: ValkeyServer, log: FilteringBoundLogger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(valkey, "LONGEST_PAUSE", 0.4)
    line, listener = ValkeyLine(server.url, "test", log), Listener()
    async with trio.open_nursery() as nursery:
        await nursery.start(line.run, listener)
        await listener.wait(up=True)
        server.stop()
        await listener.wait(up=False)
        assert not line.say(b"lost")
        await trio.to_thread.run_sync(server.start)
        await listener.wait(up=True)
        assert line.say(b"heard")
        await listener.wait(messages=1)
        nursery.cancel_scope.cancel()
    assert listener.told == [b"heard"]


async def test_a_server_that_is_not_there_ends_nothing(
    log: FilteringBoundLogger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(valkey, "FIRST_PAUSE", 0.01)
    line, listener = ValkeyLine("valkey://127.0.0.1:1/0", "test", log), Listener()
    with trio.move_on_after(0.3):
        await line.run(listener)
    assert not listener.is_up
    assert not line.say(b"lost")
