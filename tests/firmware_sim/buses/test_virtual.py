from __future__ import annotations

import threading

import can
import pytest
import trio
from can.interfaces.virtual import VirtualBus, channels

from firmware_sim.buses.virtual import Doorway, VirtualPort
from protocols.can.frame import CanFrame

REQUEST = CanFrame(0x7E0, bytes.fromhex("0322F190CCCCCCCC"))


class Seen(list[CanFrame]):
    """Collects what a port delivers."""


def port(channel: str, seen: Seen, stamp: int = 0) -> VirtualPort:
    return VirtualPort(channel, seen.append, lambda: stamp, fd=True)


async def test_ports_of_one_thread_hand_over_the_very_same_frame() -> None:
    left, right = Seen(), Seen()
    sender, receiver = port("hand-over", left, stamp=7), port("hand-over", right)
    stamped = sender.send(REQUEST)
    assert stamped.timestamp_us == 7
    assert right[0] is stamped
    assert left == []  # as on python-can's bus, nobody hears himself
    sender.close()
    receiver.close()
    assert "hand-over" not in channels


async def test_a_frame_for_another_channel_is_not_seen() -> None:
    seen = Seen()
    sender, other = port("one", Seen()), port("two", seen)
    sender.send(REQUEST)
    assert seen == []
    sender.close()
    other.close()


async def test_a_blocking_user_in_a_thread_takes_part() -> None:
    seen = Seen()
    ours = port("shared", seen)
    theirs = VirtualBus(channel="shared", protocol=can.CanProtocol.CAN_FD)
    ours.send(CanFrame(0x7E8, bytes(12), fd=True, brs=True))

    def script() -> can.Message | None:
        theirs.send(can.Message(arbitration_id=0x7E0, is_extended_id=False, data=b"\x02\x3e\x00"))
        return theirs.recv(1.0)

    received = await trio.to_thread.run_sync(script)
    assert received is not None
    assert received.arbitration_id == 0x7E8
    assert received.is_fd
    assert received.bitrate_switch
    assert [frame.data for frame in seen] == [b"\x02\x3e\x00"]
    theirs.shutdown()
    ours.close()


async def test_a_foreign_bus_in_the_trio_thread_is_heard_within_its_send() -> None:
    seen = Seen()
    ours = port("same-thread", seen)
    theirs = VirtualBus(channel="same-thread")
    theirs.send(can.Message(arbitration_id=1, data=b"\x01"))
    assert [frame.id for frame in seen] == [1]
    theirs.shutdown()
    ours.close()


async def test_a_frame_that_cannot_exist_is_left_out() -> None:
    seen = Seen()
    ours = port("impossible", seen)
    theirs = VirtualBus(channel="impossible")
    theirs.send(can.Message(arbitration_id=1, data=bytes(9)))
    theirs.send(can.Message(arbitration_id=2, data=bytes(8)))
    assert [frame.id for frame in seen] == [2]
    theirs.shutdown()
    ours.close()


async def test_a_foreign_bounded_queue_that_nobody_reads_loses_its_oldest() -> None:
    ours = port("bounded", Seen())
    theirs = VirtualBus(channel="bounded", rx_queue_size=2)
    for number in range(4):
        ours.send(CanFrame(number))
    kept = [theirs.recv(0), theirs.recv(0), theirs.recv(0)]
    assert [message.arbitration_id if message else None for message in kept] == [2, 3, None]
    theirs.shutdown()
    ours.close()


async def test_messages_of_a_thread_come_before_later_ones_of_our_own() -> None:
    order: list[int] = []
    doorway = Doorway(lambda message: order.append(message.arbitration_id))
    # Joined at once, so that the Trio thread had no chance yet to fetch the message.
    thread = threading.Thread(target=doorway.put, args=[can.Message(arbitration_id=1)])
    thread.start()
    thread.join()
    assert order == []
    doorway.put(can.Message(arbitration_id=2))
    assert order == [1, 2]


async def test_a_thread_faster_than_we_read_loses_its_oldest_and_that_is_counted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("firmware_sim.buses.virtual.FOREIGN_BACKLOG", 3)
    order: list[int] = []
    doorway = Doorway(lambda message: order.append(message.arbitration_id))

    # The Trio thread stays busy (it joins the thread), so nothing is read meanwhile.
    def send_five() -> None:
        for number in range(5):
            doorway.put(can.Message(arbitration_id=number))

    thread = threading.Thread(target=send_five)
    thread.start()
    thread.join()
    doorway.flush()
    assert order == [2, 3, 4]
    assert doorway.dropped == 2


def test_a_sender_that_outlives_the_trio_run_is_not_disturbed() -> None:
    async def leave_a_port() -> VirtualPort:
        return port("outlived", Seen())

    ours = trio.run(leave_a_port)
    errors: list[Exception] = []

    def late() -> None:
        bus = VirtualBus(channel="outlived")
        try:
            bus.send(can.Message(arbitration_id=1))
        except Exception as error:  # noqa: BLE001 - whatever it is, it is wrong
            errors.append(error)
        bus.shutdown()

    thread = threading.Thread(target=late)
    thread.start()
    thread.join()
    ours.close()
    assert errors == []
