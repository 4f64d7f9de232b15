from __future__ import annotations

import pytest
import trio

from benchmarks.harness import Options
from benchmarks.peers.threaded_stack import their_client
from benchmarks.suites import uds
from benchmarks.suites.uds import BLOCK

pytestmark = pytest.mark.slow


async def test_both_stacks_are_measured_in_the_same_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uds, "ROUNDS", 1)
    monkeypatch.setattr(uds, "SEPARATIONS", {0xF9: 0.0009})
    monkeypatch.setattr(uds, "FRAMES", 20)
    report = await uds.run(Options(seconds=0.1))
    rows = {row.name: row.figures for row in report.rows}
    for kind in ("tester present", "TransferData"):
        assert rows[f"{kind}, ours"]["per second"] > 0
        assert rows[f"{kind}, theirs"]["per second"] > 0
        ratio = rows[f"{kind}, ours to theirs"]["per CPU s"]
        expected = rows[f"{kind}, ours"]["per CPU s"] / rows[f"{kind}, theirs"]["per CPU s"]
        assert ratio == pytest.approx(expected)
    assert rows["STmin 0.9 ms, kernel's timer"]["least ms"] >= 0.89


def test_their_stack_transfers_a_whole_block() -> None:
    with their_client("uds-suite-block") as client:
        answer = client.transfer_data(1, bytes(BLOCK))
        assert answer is not None
        assert answer.service_data.sequence_number_echo == 1
        assert client.tester_present() is not None


async def test_an_exchange_that_fails_ends_the_measurement() -> None:
    async with uds._our_device() as device:
        with trio.fail_after(20), pytest.raises(RuntimeError, match="our exchange failed"):
            await uds._ours(device, b"\x7f", 0.1)
