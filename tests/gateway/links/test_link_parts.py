"""The doors as they are composed: found by connectors, closed with their service."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
import trio
from structlog.typing import FilteringBoundLogger

from gateway.config import Settings
from gateway.identity.identity import Identity
from gateway.links.local import LocalConnectors
from gateway.links.parts import start_links
from gateway.links.port import PortOptions
from gateway.links.registry import Registry
from gateway.runtime.metrics import Metrics
from gateway.runtime.shutdown import Shutdown
from gateway.runtime.supervise import open_supervisor
from tests.support.link_world import LinkWorld

pytestmark = pytest.mark.slow


@dataclass(frozen=True)
class Parts:
    settings: Settings
    log: FilteringBoundLogger
    metrics: Metrics
    identity: Identity
    registry: Registry
    local: LocalConnectors


async def test_the_door_is_open_while_its_service_runs(
    settings: Settings, log: FilteringBoundLogger, identity: Identity
) -> None:
    metrics = Metrics()
    async with trio.open_nursery() as nursery:
        world = LinkWorld(nursery, PortOptions(), 60.0)
        local = LocalConnectors(settings.local, log)
        parts = Parts(settings, log, metrics, identity, world.registry, local)
        async with open_supervisor(log, metrics, Shutdown()) as services:
            url = await start_links(services, parts)
            port = int(url.rsplit(":", 1)[1].split("/")[0])
            await (await trio.open_tcp_stream("127.0.0.1", port)).aclose()
        with pytest.raises(OSError, match=r"127\.0\.0\.1"):
            await trio.open_tcp_stream("127.0.0.1", port)
        assert b"gateway_link" in metrics.exposition(None)[0]
