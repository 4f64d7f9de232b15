"""A node that is told to end, as processes: its vehicles soon are at the other, and it ends."""

from __future__ import annotations

from pathlib import Path

import pytest
import trio

from gateway.demo import cluster
from gateway.demo.cluster import ClusterOptions
from gateway.demo.presenter import PlainPresenter
from gateway.demo.service import ecus_of
from tests.support import postgres, valkey

pytestmark = [pytest.mark.long, pytest.mark.process, pytest.mark.timeout(240)]


async def test_vehicles_move_and_the_node_ends_by_itself(tmp_path: Path) -> None:
    if postgres.binaries() is None:
        pytest.skip("PostgreSQL: not installed")
    if valkey.binary() is None:
        pytest.skip("Valkey: neither valkey-server nor redis-server is installed")
    with (tmp_path / "told.txt").open("w") as told, trio.fail_after(200):
        options = ClusterOptions(connectors=3)
        async with cluster._open_cluster(options, PlainPresenter(told)) as nodes:
            uuids = [one.uuid for one in nodes.world.connectors]
            async with cluster._signed_in(nodes.world) as workshop:
                nodes.b._killed = True  # its end is wanted
                process = nodes.b._process
                assert process is not None
                process.terminate()
                with trio.fail_after(60):
                    assert await process.wait() == 0
                for uuid in uuids:
                    session = await cluster._work_again(workshop, uuid)
                    ecu = ecus_of(await workshop.connector(uuid))[0]
                    assert len(await session.read_text(ecu, 0xF190)) == 17
                    await session.end()
