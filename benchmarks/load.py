"""Sessions side by side: as fast as they are answered, or at a given rate."""

from __future__ import annotations

from dataclasses import dataclass, field

import trio

from benchmarks.client import Client


@dataclass(slots=True)
class Load:
    """What was asked.

    Attributes:
        samples: seconds each exchange took.
        elapsed: seconds they took together.
    """

    samples: list[float] = field(default_factory=list)
    elapsed: float = 0.0

    @property
    def per_second(self) -> float:
        """Exchanges a second."""
        return len(self.samples) / self.elapsed


async def ask(client: Client, sessions: int, request: bytes, seconds: float) -> Load:
    """Let each session ask anew as soon as it is answered."""
    load, began = Load(), trio.current_time()

    async def session(number: int) -> None:
        while (at := trio.current_time()) < began + seconds:
            await client.exchange(number, request)
            load.samples.append(trio.current_time() - at)

    async with trio.open_nursery() as nursery:
        for number in range(sessions):
            nursery.start_soon(session, number)
    load.elapsed = trio.current_time() - began
    return load


async def ask_at(
    client: Client, sessions: int, request: bytes, rate: float, seconds: float
) -> Load:
    """Let the sessions ask ``rate`` times a second together, evenly.

    Times count from when a request was due, so that a stall is not measured once but by
    everybody who had to wait for it.
    """
    load, began = Load(), trio.current_time()

    async def session(number: int) -> None:
        for turn in range(number, round(rate * seconds), sessions):
            due = began + turn / rate
            await trio.sleep_until(due)
            await client.exchange(number, request)
            load.samples.append(trio.current_time() - due)

    async with trio.open_nursery() as nursery:
        for number in range(sessions):
            nursery.start_soon(session, number)
    load.elapsed = trio.current_time() - began
    return load
