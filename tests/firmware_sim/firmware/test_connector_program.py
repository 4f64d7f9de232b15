from __future__ import annotations

import msgspec
import trio
from trio.testing import MockClock

from firmware_sim.firmware.connector import STATUS_INTERVAL
from protocols.can.batch import encode_batch
from protocols.can.frame import CanFrame
from protocols.link.buses import BusConfigure, BusConfigured, BusState
from protocols.link.messages import MonitorStart, MonitorStop, SessionClose, StatusReport
from protocols.link.vehicle import FrameFilter
from tests.firmware_sim.firmware.wired_gateway import (
    BODY,
    DEFAULT,
    ENGINE,
    EXTENDED,
    PRESENT,
    WrittenVehicle,
    open_program,
    opened,
)

READ = bytes.fromhex("22F190")


async def test_a_request_of_the_writer_is_done_at_the_vehicle(autojump_clock: MockClock) -> None:
    async with open_program() as (gateway, vehicle):
        gateway.order(opened())
        gateway.ask(7, READ)
        await trio.sleep(0.1)
        (result,) = gateway.results()
        assert (result.id, result.failure) == (7, "")
        assert result.responses[0].data == bytes.fromhex("62F190")
        assert [(who, what) for _, who, what in vehicle.asked] == [(0x7E0, READ)]


async def test_without_the_lease_nothing_reaches_the_vehicle(autojump_clock: MockClock) -> None:
    async with open_program() as (gateway, vehicle):
        gateway.order(opened("reader", writer=False))
        gateway.ask(1, READ, session="reader")
        gateway.ask(2, READ, session="nobody's")
        await trio.sleep(0.1)
        assert [result.failure for result in gateway.results()] == ["refused", "refused"]
        assert vehicle.asked == []
        gateway.order(opened("reader"))  # it has got the lease
        gateway.ask(3, READ, session="reader")
        await trio.sleep(0.1)
        assert gateway.results()[-1].failure == ""


async def test_tester_present_keeps_what_was_opened_alive(autojump_clock: MockClock) -> None:
    async with open_program() as (gateway, vehicle):
        gateway.order(opened())
        gateway.ask(1, EXTENDED)
        await trio.sleep(9)
        assert vehicle.requests(PRESENT) == [2, 4, 6, 8]
        gateway.ask(2, DEFAULT)  # given back by the operator: nothing is kept any more
        await trio.sleep(9)
        assert vehicle.requests(PRESENT) == [2, 4, 6, 8]


async def test_one_tester_present_for_each_control_unit(autojump_clock: MockClock) -> None:
    async with open_program() as (gateway, vehicle):
        gateway.order(opened())
        gateway.ask(1, EXTENDED)
        gateway.ask(2, EXTENDED)  # again: not twice as often
        gateway.ask(3, EXTENDED, target=BODY)
        await trio.sleep(5)
        kept = sorted((who, at) for at, who, what in vehicle.asked if what == PRESENT)
        assert kept == [(0x7E0, 2), (0x7E0, 4), (0x7E1, 2), (0x7E1, 4)]


async def test_a_refused_session_change_is_not_kept_alive(autojump_clock: MockClock) -> None:
    vehicle = WrittenVehicle()
    vehicle.answer = lambda request: bytes((0x7F, request[0], 0x22))
    async with open_program(vehicle) as (gateway, _):
        gateway.order(opened())
        gateway.ask(1, EXTENDED)
        gateway.ask(2, bytes.fromhex("1083"))  # suppressed, and answered with a refusal
        await trio.sleep(5)
        assert vehicle.requests(PRESENT) == []


async def test_a_silent_session_change_counts_as_made(autojump_clock: MockClock) -> None:
    async with open_program() as (gateway, vehicle):
        gateway.order(opened())
        gateway.ask(1, bytes.fromhex("1083"))
        await trio.sleep(3)
        assert vehicle.requests(PRESENT) == [2]


async def test_a_closed_session_leaves_a_safe_vehicle(autojump_clock: MockClock) -> None:
    async with open_program() as (gateway, vehicle):
        gateway.order(opened())
        gateway.ask(1, EXTENDED)
        gateway.ask(2, EXTENDED, target=BODY)
        await trio.sleep(1)
        gateway.order(SessionClose("s"))
        await trio.sleep(10)
        (closed,) = gateway.closed()
        assert (closed.session, closed.safe, closed.detail) == ("s", True, "")
        back = sorted(who for _, who, what in vehicle.asked if what == DEFAULT)
        assert back == [0x7E0, 0x7E1]
        assert vehicle.requests(PRESENT) == []
        gateway.ask(3, READ)
        await trio.sleep(0.1)
        assert gateway.results()[-1].failure == "refused"


async def test_what_will_not_go_back_is_named(autojump_clock: MockClock) -> None:
    vehicle = WrittenVehicle()
    async with open_program(vehicle) as (gateway, _):
        gateway.order(opened())
        gateway.ask(1, EXTENDED)
        await trio.sleep(0.1)
        vehicle.answer = lambda request: bytes((0x7F, request[0], 0x22))
        gateway.order(SessionClose("s"))
        await trio.sleep(0.1)
        (closed,) = gateway.closed()
        assert not closed.safe
        assert closed.detail == "control unit 7E0: refused"


async def test_a_request_at_work_when_its_session_ends_is_put_back_too(
    autojump_clock: MockClock,
) -> None:
    async with open_program() as (gateway, vehicle):
        vehicle.takes = 3.0
        gateway.order(opened())
        gateway.ask(1, EXTENDED)
        await trio.sleep(1)
        gateway.order(SessionClose("s"))
        await trio.sleep(1.5)
        assert gateway.closed() == []  # the control unit is at it still
        vehicle.takes = 0.0
        await trio.sleep(10)
        assert [(at, what) for at, _, what in vehicle.asked] == [(0, EXTENDED), (3, DEFAULT)]
        assert gateway.closed()[0].safe


async def test_a_session_nobody_knows_is_closed_all_the_same(autojump_clock: MockClock) -> None:
    async with open_program() as (gateway, vehicle):
        gateway.order(SessionClose("unheard of"))
        await trio.sleep(0.1)
        assert gateway.closed()[0].safe
        assert vehicle.asked == []


async def test_the_grace_after_a_lost_link(autojump_clock: MockClock) -> None:
    async with open_program() as (gateway, vehicle):
        gateway.order(opened(grace=10))
        gateway.ask(1, EXTENDED)
        await trio.sleep(1)
        gateway.cut()
        await trio.sleep(60)
        assert vehicle.requests(PRESENT) == [2, 4, 6, 8, 10]  # the grace ends at 11
        assert vehicle.requests(DEFAULT) == [11]
        assert gateway.closed() == []  # nobody there to be told
        gateway.connect()
        await trio.sleep(0.1)
        (closed,) = gateway.closed()
        assert (closed.session, closed.safe) == ("s", True)
        assert "grace" in closed.detail


async def test_a_link_back_within_the_grace_goes_on(autojump_clock: MockClock) -> None:
    async with open_program() as (gateway, vehicle):
        gateway.order(opened(grace=10))
        gateway.ask(1, EXTENDED)
        await trio.sleep(1)
        gateway.cut()
        await trio.sleep(8)
        gateway.connect()
        await trio.sleep(30)
        assert vehicle.requests(DEFAULT) == []
        assert len(vehicle.requests(PRESENT)) == 19
        gateway.cut()  # the grace begins anew
        await trio.sleep(9)
        assert vehicle.requests(DEFAULT) == []
        await trio.sleep(2)
        assert len(vehicle.requests(DEFAULT)) == 1


async def test_a_gateway_that_has_forgotten_us_means_safe_at_once(
    autojump_clock: MockClock,
) -> None:
    async with open_program() as (gateway, vehicle):
        gateway.order(opened(grace=3600), MonitorStart("can0", 0))
        gateway.ask(1, EXTENDED)
        await trio.sleep(1)
        gateway.cut()
        gateway.forget()
        await trio.sleep(5)
        gateway.connect()
        await trio.sleep(20)
        assert vehicle.requests(DEFAULT) == [6]
        assert vehicle.requests(PRESENT) == [2, 4, 6][: len(vehicle.requests(PRESENT))]
        assert max(vehicle.requests(PRESENT)) <= 6
        assert vehicle.watches == []
        gateway.ask(2, READ)
        await trio.sleep(0.1)
        assert gateway.results()[-1].failure == "refused"


async def test_results_made_while_the_link_was_gone_arrive_after_it(
    autojump_clock: MockClock,
) -> None:
    async with open_program() as (gateway, vehicle):
        vehicle.takes = 5.0
        gateway.order(opened())
        gateway.ask(1, READ)
        gateway.cut()
        await trio.sleep(10)
        gateway.connect()
        await trio.sleep(0.1)
        assert [result.id for result in gateway.results()] == [1]


async def test_status_is_told_when_it_changes(autojump_clock: MockClock) -> None:
    async with open_program() as (gateway, vehicle):
        await trio.sleep(4 * STATUS_INTERVAL)
        assert gateway.reports() == [vehicle.report]
        vehicle.report = msgspec.structs.replace(vehicle.report, voltage_mv=13_900)
        await trio.sleep(2 * STATUS_INTERVAL)
        assert [report.voltage_mv for report in gateway.reports()] == [12_400, 13_900]


async def test_what_changed_while_the_link_was_gone_is_told_after_it(
    autojump_clock: MockClock,
) -> None:
    async with open_program() as (gateway, vehicle):
        await trio.sleep(1)
        gateway.cut()
        vehicle.report = StatusReport(vin="1C6SRFFT4MN528417", voltage_mv=11_000)
        await trio.sleep(2 * STATUS_INTERVAL)
        gateway.connect()
        await trio.sleep(0.1)
        assert gateway.reports()[-1] == vehicle.report


async def test_frames_reach_the_bus_in_their_order(autojump_clock: MockClock) -> None:
    async with open_program() as (gateway, vehicle):
        batches = [encode_batch(0, [CanFrame(number, b"\x01")]) for number in range(20)]
        for number, batch in enumerate(batches):
            # Every other one is slow, and must not be overtaken.
            vehicle.frames_take = 0.05 if number % 2 else 0.0
            assert gateway.order_frames(batch)
            await trio.sleep(0.001)
        await trio.sleep(2)
        assert vehicle.frames == batches


async def test_a_broken_batch_ends_the_connection_and_not_the_program(
    autojump_clock: MockClock,
) -> None:
    async with open_program() as (gateway, vehicle):
        gateway.order_frames(b"broken")
        gateway.order_frames(b"sound")
        await trio.sleep(0.1)
        assert gateway.goodbyes == ["no batch at all"]
        assert vehicle.frames == [b"sound"]


async def test_a_message_that_is_not_for_a_connector_ends_the_connection(
    autojump_clock: MockClock,
) -> None:
    async with open_program() as (gateway, _vehicle):
        gateway.order(StatusReport())
        assert gateway.goodbyes == ["StatusReport is not for a connector"]


async def test_a_watch_runs_until_it_is_stopped(autojump_clock: MockClock) -> None:
    async with open_program() as (gateway, vehicle):
        gateway.order(MonitorStart("can0", 3, flush_ms=100))
        await trio.sleep(1.05)
        assert len(gateway.batches) == 10
        assert vehicle.watches == [("can0", ())]
        gateway.order(MonitorStop("can0"))
        await trio.sleep(1)
        assert vehicle.watches == []
        assert len(gateway.batches) == 10


async def test_the_latest_word_on_a_bus_counts(autojump_clock: MockClock) -> None:
    narrow = (FrameFilter(0x123, 0x7FF),)
    async with open_program() as (gateway, vehicle):
        # All in one go: none of these watches has had time to begin.
        gateway.order(MonitorStart("can0", 0), MonitorStart("can0", 0, narrow))
        await trio.sleep(0.1)
        assert vehicle.watches == [("can0", narrow)]
        gateway.order(MonitorStop("can0"), MonitorStart("can0", 0), MonitorStop("can0"))
        await trio.sleep(0.1)
        assert vehicle.watches == []


async def test_a_watch_that_is_changed_goes_on(autojump_clock: MockClock) -> None:
    narrow, impossible = (FrameFilter(0x123, 0x7FF),), (FrameFilter(0x800, 0x7FF),)
    async with open_program() as (gateway, vehicle):
        gateway.order(MonitorStart("can0", 0))
        await trio.sleep(0.1)
        gateway.order(MonitorStart("can0", 0, narrow))
        await trio.sleep(0.1)
        assert (vehicle.watches, vehicle.begun) == ([("can0", narrow)], 1)
        # What cannot be changed begins anew, so that the last word counts all the same.
        gateway.order(MonitorStart("can0", 0, impossible))
        await trio.sleep(0.1)
        assert (vehicle.watches, vehicle.begun) == ([("can0", impossible)], 2)
        gateway.order(MonitorStart("can0", 5, narrow))
        await trio.sleep(0.1)
        assert (vehicle.watches, vehicle.begun) == ([("can0", narrow)], 3)


async def test_a_result_takes_the_frames_up_to_it_along(autojump_clock: MockClock) -> None:
    async with open_program() as (gateway, vehicle):
        gateway.order(MonitorStart("can0", 0), opened())
        await trio.sleep(0.1)
        [watch] = vehicle.running
        gateway.ask(1, READ)
        await trio.sleep(0.1)
        assert [result.id for result in gateway.results()] == [1]
        assert watch.hurried == 1


async def test_slow_requests_hold_up_nobody(autojump_clock: MockClock) -> None:
    async with open_program() as (gateway, vehicle):
        vehicle.takes = 5.0
        gateway.order(opened())
        gateway.ask(1, READ, target=ENGINE)
        await trio.sleep(0.1)
        vehicle.takes = 0.0
        gateway.ask(2, READ, target=BODY)
        await trio.sleep(0.1)
        assert [result.id for result in gateway.results()] == [2]
        await trio.sleep(5)
        assert [result.id for result in gateway.results()] == [2, 1]


async def test_buses_are_run_for_the_writer_only_and_given_back(
    autojump_clock: MockClock,
) -> None:
    async with open_program() as (gateway, vehicle):
        gateway.order(opened())
        gateway.order(opened("reader", writer=False))
        gateway.order(BusConfigure(1, "reader", "can0", 250_000))
        gateway.order(BusConfigure(2, opened().session, "can0", 250_000))
        await trio.sleep(0.1)
        answers = {it.id: it.failure for it in gateway.told if isinstance(it, BusConfigured)}
        assert answers == {1: "refused", 2: ""}
        assert [it.id for it in vehicle.configured] == [2]
        gateway.order(SessionClose(opened().session))
        await trio.sleep(0.1)
        assert vehicle.released == [opened().session]


async def test_a_bus_that_goes_down_is_reported_at_once(autojump_clock: MockClock) -> None:
    async with open_program() as (gateway, vehicle):
        await trio.sleep(1)
        before = len(gateway.reports())
        down = BusState("can0", False, "pulled")
        vehicle.report = msgspec.structs.replace(vehicle.report, buses=(down,))
        vehicle.bus_news.set()
        vehicle.bus_news = trio.Event()
        await trio.sleep(0.1)
        reports = gateway.reports()[before:]
        assert [it.buses for it in reports] == [(down,)]
