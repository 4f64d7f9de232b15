"""The connection breaks again and again while exchanges go on: none is lost, none doubled."""

from __future__ import annotations

from collections import Counter
from random import Random

import pytest
import trio
from trio.testing import MockClock

from protocols.link.messages import ExchangeRequest, ExchangeResult
from protocols.link.vehicle import CanTarget
from tests.support.link_world import DialledConnector, LinkWorld, echo, open_world

EXCHANGES = 1000
CUTS = 200
CALLERS = 20


class _Storm:
    """A connector whose connection breaks again and again, and callers that do not care.

    Attributes:
        executed: how often the vehicle saw each request.
        answered: what each caller got.
        cuts: how often the connection has been broken.
    """

    def __init__(self, world: LinkWorld) -> None:
        self.world = world
        self.random = Random(5)
        self.executed: Counter[bytes] = Counter()
        self.answered: dict[bytes, bytes] = {}
        self.cuts = 0
        self.device = DialledConnector(world, answer=self._execute)

    def _execute(self, request: ExchangeRequest) -> ExchangeResult:
        self.executed[request.request] += 1
        return echo(request)

    async def rage(self) -> None:
        while self.cuts < CUTS:
            # Anywhere in the traffic: before, between and after a request and its result.
            await trio.sleep(self.random.uniform(0.0, 0.012))
            self.device.cut()
            self.cuts += 1
            await trio.sleep(self.random.uniform(0.0, 0.002))
            await self.world.nursery.start(self.device.connect)

    async def ask(self, caller: int) -> None:
        for number in range(EXCHANGES // CALLERS):
            request = b"\x22" + bytes((caller, number))
            result = await self.world.live.exchange("s", CanTarget(0x7E0, 0x7E8), request)
            self.answered[request] = result.responses[0].data
            await trio.sleep(self.random.uniform(0.0, 0.05))


@pytest.mark.slow
async def test_200_cuts_during_1000_exchanges_lose_none_and_double_none(
    autojump_clock: MockClock,
) -> None:
    async with open_world() as world:
        world.conditions.delay = 0.001
        storm = _Storm(world)
        await world.nursery.start(storm.device.connect)
        with trio.fail_after(600):
            async with trio.open_nursery() as nursery:
                nursery.start_soon(storm.rage)
                for caller in range(CALLERS):
                    nursery.start_soon(storm.ask, caller)
        assert storm.cuts == CUTS
        assert len(storm.answered) == len(storm.executed) == EXCHANGES
        assert set(storm.executed.values()) == {1}
        assert all(data == b"\x62" + asked[1:] for asked, data in storm.answered.items())
        assert world.live.generation == 1, "the first link was resumed every time"
