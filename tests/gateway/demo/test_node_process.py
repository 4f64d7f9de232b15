from __future__ import annotations

from pathlib import Path

import pytest
import trio

from gateway.demo.http import StoryError
from gateway.demo.node_process import NodeProcess

pytestmark = [pytest.mark.slow, pytest.mark.process]


def settings(folder: Path, **more: str) -> dict[str, str]:
    return {"DATA_DIRECTORY": str(folder / "data"), "HTTP_PORT": "0", "LINK_PORT": "0", **more}


async def test_a_node_says_where_it_is_and_ends_when_it_is_killed(tmp_path: Path) -> None:
    node = NodeProcess("a", tmp_path, settings(tmp_path))
    with trio.fail_after(55):
        async with trio.open_nursery() as nursery:
            await nursery.start(node.run)
            assert node.http.startswith("http://127.0.0.1:")
            assert node.link.startswith("ws://127.0.0.1:")
            node.kill()
    assert b'"ready"' in (tmp_path / "a.log").read_bytes()


async def test_a_node_that_cannot_start_says_why(tmp_path: Path) -> None:
    node = NodeProcess("a", tmp_path, settings(tmp_path, HTTP_PORT="many"))
    with trio.fail_after(55), pytest.raises(StoryError, match="HTTP_PORT"):
        await node.run()
