"""A simulated vehicle whose connector carries raw frames only, dialled in to a world in memory."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from random import Random

import pytest

from firmware_sim.assembly import VehicleSettings, open_device
from firmware_sim.firmware.connector import Dial, run_connector
from firmware_sim.firmware.device import Device
from firmware_sim.firmware.link import Backoff, Identity
from gateway.links.connector import LiveConnector
from tests.support.link_pair import PRIVATE, UUID_TEXT
from tests.support.link_world import UUID_ONE, LinkWorld, open_world, until

SESSION = "operator"


@asynccontextmanager
async def open_frames_only(
    monkeypatch: pytest.MonkeyPatch, vehicle: str = "golf", *, delay: float = 0.0
) -> AsyncIterator[tuple[LinkWorld, LiveConnector, Device]]:
    """Run gateway side, link and vehicle for the block, a session with the lease open.

    ``delay`` is the network's, seconds each way.
    """
    settings = VehicleSettings(vehicle=vehicle, frames_only=True)
    async with open_world() as world, open_device(settings) as device:
        world.conditions.delay = delay
        monkeypatch.setattr("trio.open_tcp_stream", world.open_tcp_stream)
        dial = Dial(
            "ws://gateway:80/link/v1", Identity(UUID_TEXT, PRIVATE), backoff=Backoff(0.1, 0.1)
        )

        async def be() -> None:
            await run_connector(device, dial, Random(1), isotp=device.isotp)

        world.nursery.start_soon(be)
        await until(lambda: world.registry.find(UUID_ONE) is not None, every=0.1)
        await until(lambda: world.live.status.round_trip_ms is not None, within=30, every=0.1)
        world.live.open_session(SESSION, writer=True, grace=30.0)
        yield world, world.live, device
