from __future__ import annotations

from firmware_sim.buses.router import FrameRouter
from protocols.can.frame import CanFrame

ENGINE = CanFrame(0x7E8, b"\x01")


def test_frames_go_by_identifier_and_format() -> None:
    router = FrameRouter()
    with (
        router.subscribe_ids({(0x7E8, False)}, 8) as short,
        router.subscribe_ids({(0x7E8, True)}, 8) as long,
    ):
        router.received_frame(ENGINE)
        router.received_frame(CanFrame(0x7E8, b"\x02", extended=True))
        router.received_frame(CanFrame(0x123))
        assert [frame.data for frame in short.take_nowait()] == [b"\x01"]
        assert [frame.data for frame in long.take_nowait()] == [b"\x02"]
    assert router.received == 3


def test_two_subscribers_of_one_identifier_both_get_it_until_one_leaves() -> None:
    router = FrameRouter()
    with router.subscribe_ids([(0x7E8, False), (0x7E8, False)], 8) as first:
        with router.subscribe_ids([(0x7E8, False)], 8) as second:
            router.received_frame(ENGINE)
        router.received_frame(ENGINE)
        assert len(first.take_nowait()) == 2
        assert len(second.take_nowait()) == 1
    assert router._by_key == {}


def test_connections_see_neither_error_nor_remote_frames_but_monitors_do() -> None:
    router = FrameRouter()
    with router.subscribe_ids([(0x7E8, False)], 8) as feed, router.monitor(None, 8) as monitor:
        router.received_frame(CanFrame(0x7E8, error=True))
        router.received_frame(CanFrame(0x7E8, remote=True))
        assert feed.take_nowait() == []
        assert len(monitor.take_nowait()) == 2


def test_monitors_see_both_directions_through_their_own_filter() -> None:
    router = FrameRouter()
    with router.monitor(lambda frame: frame.id >= 0x700, 8) as monitor:
        router.sent_frame(CanFrame(0x7E0))
        router.received_frame(ENGINE)
        router.received_frame(CanFrame(0x100))
        assert [frame.id for frame in monitor.take_nowait()] == [0x7E0, 0x7E8]
    router.received_frame(ENGINE)
    assert monitor.take_nowait() == []
