from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import pytest
import trio

from benchmarks.delay import open_stretch
from benchmarks.flash_plot import Found, draw
from benchmarks.paced_bus import FRAME_TIME, open_paced_bus
from benchmarks.suites import flash
from firmware_sim.buses.can_bus import open_bus
from protocols.can.frame import CanFrame


@pytest.mark.slow
async def test_a_stretch_of_network_takes_its_time_and_breaks() -> None:
    async def echo(stream: trio.SocketStream) -> None:
        async with stream:
            async for data in stream:
                await stream.send_all(data)

    async with trio.open_nursery() as nursery:
        listeners = await nursery.start(trio.serve_tcp, echo, 0)
        port = listeners[0].socket.getsockname()[1]
        async with open_stretch(port, 0.02) as stretch:
            stream = await trio.open_tcp_stream("127.0.0.1", stretch.port)
            async with stream:
                began = trio.current_time()
                await stream.send_all(b"hello")
                assert await stream.receive_some(10) == b"hello"
                assert 0.04 <= trio.current_time() - began < 4
                stretch.cut()
                left = b"nothing came"
                with trio.fail_after(20), suppress(trio.BrokenResourceError):
                    left = await stream.receive_some(10)
                assert left in {b"", b"nothing came"}, "it breaks or it ends"
        nursery.cancel_scope.cancel()


async def test_each_frame_of_a_paced_bus_takes_its_time() -> None:
    async with (
        open_paced_bus() as ends,
        open_bus(ends.device) as device,
        open_bus(ends.vehicle) as vehicle,
    ):
        with vehicle.subscribe({(0x7E0, False)}) as feed, trio.fail_after(20):
            began = trio.current_time()
            await device.send_all(CanFrame(0x7E0, bytes((number,))) for number in range(100))
            got = [(await feed.receive()).data[0] for _ in range(100)]
            lasted = trio.current_time() - began
        assert got == list(range(100))
        assert lasted >= 100 * FRAME_TIME


@pytest.mark.slow
def test_what_was_found_becomes_a_picture_and_a_table(tmp_path: Path) -> None:
    found = [Found(0, 1.0, 1.01, 1.1, 1.5, 2.0), Found(200, 1.0, 1.02, 1.4, 6.0, 9.0)]
    draw(tmp_path / "out", 1 << 16, 1024, found)
    assert (tmp_path / "out" / "flash.png").read_bytes()[:4] == b"\x89PNG"
    table = (tmp_path / "out" / "flash.md").read_text(encoding="utf-8")
    assert "| 200 | 1.00 | 1.02 | 1.40 | 6.00 | 9.00 |" in table


@pytest.mark.slow
async def test_a_small_flash_is_measured_in_all_ways(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(flash, "ROUNDS", 1)
    report = await flash.measure(4 << 10, 2, (40,), tmp_path)
    bus, row = report.rows
    assert row.figures["s"] >= bus.figures["s"]
    assert row.figures["s at the vehicle"] >= bus.figures["s"]
    # Four blocks, and the network for each of them.
    assert row.figures["s block by block"] >= bus.figures["s"] + 4 * 0.04
    assert row.figures["s flow control over the link"] >= bus.figures["s"] + 8 * 0.04
