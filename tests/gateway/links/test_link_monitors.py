from __future__ import annotations

import pytest
import trio

from gateway.links.counters import LinkCounters
from gateway.links.monitors import MAX_LAG, FrameFeed, Monitors
from protocols.can.batch import add_losses, encode_batch, peek_batch
from protocols.can.frame import CanFrame
from protocols.errors import RemoteProtocolError
from protocols.link.messages import MonitorStart, MonitorStop
from protocols.link.vehicle import FrameFilter
from tests.support.link_world import settle

ENGINE, BODY = FrameFilter(0x7E0, 0x7F0), FrameFilter(0x600, 0x700)


def _batch(bus: int, frames: int = 1) -> bytes:
    return encode_batch(bus, [CanFrame(0x100, bytes([n % 256])) for n in range(frames)])


class _Orders:
    """Monitors, and what they told a connector that can be away."""

    def __init__(self) -> None:
        self.said: list[MonitorStart | MonitorStop] = []
        self.reachable = True
        self.monitors = Monitors(self._send, 0.01, LinkCounters())
        self.monitors.offer(("can0", "can1"))

    def _send(self, order: MonitorStart | MonitorStop) -> bool:
        if self.reachable:
            self.said.append(order)
        return self.reachable


async def test_a_bus_is_monitored_from_its_first_listener_to_its_last() -> None:
    orders = _Orders()
    with orders.monitors.listen("can1", (ENGINE,)):
        with orders.monitors.listen("can1", (BODY, ENGINE)):
            pass
        with orders.monitors.listen("can1"):
            pass
    assert orders.said == [
        MonitorStart("can1", 1, (ENGINE,)),
        MonitorStart("can1", 1, (ENGINE, BODY)),
        MonitorStart("can1", 1, (ENGINE,)),
        MonitorStart("can1", 1, ()),
        MonitorStart("can1", 1, (ENGINE,)),
        MonitorStop("can1"),
    ]


async def test_buses_do_not_mix() -> None:
    orders = _Orders()
    with orders.monitors.listen("can0") as zero, orders.monitors.listen("can1") as one:
        orders.monitors.deliver(_batch(1))
        orders.monitors.deliver(_batch(0))
        orders.monitors.deliver(_batch(7))  # nobody's
        assert await zero.next() == _batch(0)
        assert await one.next() == _batch(1)


async def test_a_slow_listener_loses_its_own_oldest_and_is_told_how_many_frames() -> None:
    orders = _Orders()
    with orders.monitors.listen("can0") as slow, orders.monitors.listen("can0") as quick:
        for number in range(MAX_LAG + 3):
            orders.monitors.deliver(_batch(0, frames=number + 1))
            assert await quick.next() == _batch(0, frames=number + 1)
        assert (slow.dropped, quick.dropped) == (1 + 2 + 3, 0)
        assert await slow.next() == add_losses(_batch(0, frames=4), 1 + 2 + 3)
        assert await slow.next() == _batch(0, frames=5)


async def test_what_comes_while_a_listener_pauses_is_counted() -> None:
    orders = _Orders()
    with orders.monitors.listen("can0") as pausing, orders.monitors.listen("can0") as other:
        orders.monitors.deliver(_batch(0))
        pausing.pause()
        orders.monitors.deliver(add_losses(_batch(0, frames=3), 2))
        assert (pausing.lag, other.lag) == (1, 2)
        pausing.resume()
        orders.monitors.deliver(_batch(0, frames=4))
        assert pausing.dropped == 3
        assert peek_batch(await pausing.next()).dropped == 5, "what the connector lost as well"
        assert await pausing.next() == _batch(0, frames=4)


@pytest.mark.parametrize(("flush", "milliseconds"), [(0.004, 4), (0.02, 20), (0.0001, 1)])
async def test_the_connector_is_told_how_long_frames_may_wait(
    flush: float, milliseconds: int
) -> None:
    said: list[MonitorStart | MonitorStop] = []

    def send(message: MonitorStart | MonitorStop) -> bool:
        said.append(message)
        return True

    monitors = Monitors(send, flush, LinkCounters())
    monitors.offer(("can0",))
    with monitors.listen("can0"):
        assert said == [MonitorStart("can0", 0, (), milliseconds)]


async def test_a_listener_waits_for_the_next_batch(nursery: trio.Nursery) -> None:
    feed = FrameFeed("can0", ())
    got: list[bytes] = []

    async def listen() -> None:
        async for batch in feed:
            got.append(batch)  # noqa: PERF401 - each as it comes

    nursery.start_soon(listen)
    for count in (1, 2):
        await settle()
        feed.put(_batch(0, frames=count))
    await settle()
    assert got == [_batch(0, frames=1), _batch(0, frames=2)]
    nursery.cancel_scope.cancel()


async def test_a_listener_may_be_called_when_something_waits_anew() -> None:
    feed = FrameFeed("can0", ())
    calls: list[int] = []
    feed.call_when_ready(lambda: calls.append(feed.lag))
    feed.put(_batch(0, frames=1))
    feed.put(_batch(0, frames=2))
    assert calls == [1], "it knows already"
    assert [feed.take(), feed.take(), feed.take()] == [_batch(0, 1), _batch(0, 2), None]
    feed.put(_batch(0, frames=3))
    assert calls == [1, 1]
    feed.call_when_ready(None)
    feed.take()
    feed.put(_batch(0, frames=4))
    assert calls == [1, 1]
    assert await feed.next() == _batch(0, frames=4)


async def test_what_is_no_batch_is_the_connectors_fault() -> None:
    orders = _Orders()
    with orders.monitors.listen("can0"), pytest.raises(RemoteProtocolError):
        orders.monitors.deliver(b"nonsense")


async def test_an_unknown_bus_is_not_listened_to() -> None:
    orders = _Orders()
    with pytest.raises(KeyError), orders.monitors.listen("can9"):
        pass
    assert orders.said == []


async def test_a_connector_that_forgot_everything_is_told_again() -> None:
    orders = _Orders()
    with orders.monitors.listen("can0"):
        with orders.monitors.listen("can1"):
            pass
        orders.said.clear()
        orders.monitors.restore()
        assert orders.said == [MonitorStart("can0", 0)]


async def test_what_changed_while_the_connector_was_away_is_said_when_it_is_back() -> None:
    orders = _Orders()
    with orders.monitors.listen("can0"):
        orders.reachable = False
        with orders.monitors.listen("can1"):
            for _ in range(1000):
                with orders.monitors.listen("can0", (ENGINE,)):
                    pass
        orders.reachable = True
        orders.said.clear()
        orders.monitors.catch_up()
        assert sorted(orders.said, key=repr) == [MonitorStart("can0", 0), MonitorStop("can1")]
        orders.said.clear()
        orders.monitors.catch_up()
        assert orders.said == []


async def test_a_bus_that_is_gone_lets_its_listeners_go() -> None:
    orders = _Orders()
    left = []
    with orders.monitors.listen("can1") as feed:
        orders.monitors.offer(("can0",))
        orders.monitors.restore()
        await feed.next()
        left.append("never")
    assert left == []
    assert feed.scope.cancelled_caught
    assert orders.said == [MonitorStart("can1", 1), MonitorStop("can1")]


async def test_the_end_lets_every_listener_go() -> None:
    orders = _Orders()
    with orders.monitors.listen("can0") as feed:
        orders.monitors.end()
        await feed.next()
    assert feed.scope.cancelled_caught


async def test_each_listener_gets_what_its_own_filters_choose() -> None:
    orders = _Orders()
    frames = [CanFrame(0x7E8, b"\x01"), CanFrame(0x77E, b"\x02"), CanFrame(0x100, b"\x03")]
    batch = encode_batch(0, frames, dropped=4)
    engine, body = FrameFilter(0x7E8, 0x7FF), FrameFilter(0x77E, 0x7FF)
    monitors = orders.monitors
    with monitors.listen("can0", (engine,)) as one, monitors.listen("can0", (body, engine)) as two:
        monitors.deliver(batch)
        monitors.deliver(encode_batch(0, frames[1:2]))
        with monitors.listen("can0") as every:
            monitors.deliver(batch)
            assert every.take() == batch
        assert one.take() == encode_batch(0, frames[:1], dropped=4)
        assert one.take() == encode_batch(0, frames[:1], dropped=4), "nothing for it in between"
        assert two.take() == batch, "as it came: nobody wanted more at first"
        assert two.take() == encode_batch(0, frames[1:2])
        assert two.take() == encode_batch(0, frames[:2], dropped=4)
        assert (one.take(), two.take()) == (None, None)
