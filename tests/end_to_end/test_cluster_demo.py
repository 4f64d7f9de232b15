"""``gateway cluster-demo --once --json``: the story on two nodes, one of which is killed."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from gateway.demo.cluster import TOLD_WITHIN
from tests.support import postgres, valkey

pytestmark = [pytest.mark.long, pytest.mark.process, pytest.mark.timeout(240)]


def test_the_story_across_nodes_and_the_end_of_one(tmp_path: Path) -> None:
    if postgres.binaries() is None:
        pytest.skip("PostgreSQL: not installed")
    if valkey.binary() is None:
        pytest.skip("Valkey: neither valkey-server nor redis-server is installed")
    command = [sys.executable, "-m", "gateway", "cluster-demo", "--once", "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=220)
    assert done.returncode == 0, done.stderr
    ready, story = (json.loads(line) for line in done.stdout.splitlines())
    assert len(ready["connectors"]) == 3
    assert story["ticket"]["state"] == 7
    assert story["exchanges"] > 20
    assert story["frames"] > 0
    assert story["lost_node"]["reason"] == "node"
    assert 0 < story["lost_node"]["told"] < TOLD_WITHIN
    assert story["lost_node"]["back"] > 0
