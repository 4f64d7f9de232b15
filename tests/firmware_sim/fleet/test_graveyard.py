from __future__ import annotations

import pytest
import trio
from trio.testing import MockClock, memory_stream_pair

from firmware_sim.fleet import graveyard
from firmware_sim.fleet.agenda import Agenda
from firmware_sim.fleet.graveyard import RESTS, Graveyard


async def _closed(far: trio.abc.Stream) -> bool:
    with trio.move_on_after(0.01):
        return await far.receive_some() == b""
    return False


async def test_a_socket_rests_and_then_closes(autojump_clock: MockClock) -> None:
    near, far = memory_stream_pair()
    agenda = Agenda()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(agenda.run)
        yard = Graveyard(agenda, nursery)
        yard.bury(near)
        await trio.sleep(RESTS - 1)
        assert not await _closed(far)
        await trio.sleep(2)
        assert await _closed(far)
        assert len(yard) == 0
        nursery.cancel_scope.cancel()


async def test_the_oldest_makes_room_and_the_end_closes_all(
    autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(graveyard, "LARGEST", 2)
    pairs = [memory_stream_pair() for _ in range(3)]
    async with trio.open_nursery() as nursery:
        yard = Graveyard(Agenda(), nursery)
        for near, _ in pairs:
            yard.bury(near)
        assert [await _closed(far) for _, far in pairs] == [True, False, False]
        await yard.close_all()
        assert [await _closed(far) for _, far in pairs[1:]] == [True, True]
