from __future__ import annotations

import dataclasses

from structlog.typing import FilteringBoundLogger

from gateway.bus.line import NoLine
from gateway.bus.memory import MemoryBus
from gateway.bus.valkey import ValkeyLine
from gateway.config import BusSettings, NodeSettings, Secret, Settings
from gateway.identity.identity import Identity
from gateway.nodes.parts import build_node, line_of
from gateway.runtime.metrics import Metrics
from gateway.storage.database import Database
from tests.settable_clock import SettableClock


def test_one_node_alone_speaks_to_nobody(settings: Settings, log: FilteringBoundLogger) -> None:
    assert isinstance(line_of(settings, log), NoLine)
    bus = BusSettings(url=Secret("redis://127.0.0.1:6379/0"))
    assert isinstance(line_of(dataclasses.replace(settings, bus=bus), log), ValkeyLine)


async def test_a_node_is_named_and_counts_the_others(
    database: Database,
    settings: Settings,
    log: FilteringBoundLogger,
    clock: SettableClock,
    identity: Identity,
) -> None:
    chosen, metrics = dataclasses.replace(settings, node=NodeSettings(name="gw1")), Metrics()
    node = build_node(chosen, database, identity.seal, MemoryBus(), clock, metrics, log)
    assert node.name == f"gw1-{node.tag}"
    names = [name for name, _ in node.services()]
    assert names.index("notices") < names.index("other nodes")  # stopped in reverse: goodbye first
    page, _ = metrics.exposition(None)
    assert b"gateway_bus_up 0.0" in page
    assert b"gateway_nodes_others 0.0" in page
    assert b"gateway_connectors_elsewhere 0.0" in page
    assert not node.several
    assert node.secrets == (identity.seal.derive("requests between nodes"),)
