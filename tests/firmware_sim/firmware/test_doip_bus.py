from __future__ import annotations

import dataclasses
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from functools import partial
from random import Random

import pytest
import trio

from firmware_sim.firmware.doip_bus import DoipBus, DoipBusSettings
from firmware_sim.firmware.link import Backoff
from firmware_sim.vehicle.dialogue import TimedResponse
from firmware_sim.vehicle.doip_entity import ALL_ECUS, DoipAddress, DoipEntity
from protocols.doip.settings import DoipTesterSettings, EntitySettings, expect_key
from protocols.errors import LocalProtocolError
from protocols.link.vehicle import DoipTarget
from protocols.uds.outcome import FailureReason, Finished
from protocols.uds.policy import ExchangePolicy

ENGINE, BODY = 0x1630, 0x1A01
AT_ENGINE, AT_BODY = DoipTarget(ENGINE), DoipTarget(BODY)
AT_ALL = DoipTarget(ALL_ECUS, functional=True)
VIN = "YV1LFA2A9J1338204"
SETTINGS = EntitySettings(logical_address=0x1001, vin=VIN, eid=bytes.fromhex("024C4F474F01"))
POLICY = ExchangePolicy(p2=0.05, margin=0.6)
QUICK = ExchangePolicy(p2=0.01, margin=0.01)

READ_VIN = b"\x22\xf1\x90"
HAVE_VIN = b"\x62\xf1\x90" + VIN.encode()


class ScriptedEcu:
    """Answers by table and notes what it was asked, in order."""

    def __init__(self, answers: dict[bytes, list[tuple[float, bytes]]]) -> None:
        self.answers = answers
        self.asked: list[bytes] = []

    def handle(
        self, request: bytes, now: float, *, functional: bool = False
    ) -> Sequence[TimedResponse]:
        del now, functional
        self.asked.append(request)
        return [TimedResponse(delay, payload) for delay, payload in self.answers.get(request, [])]

    def next_deadline(self) -> float | None:
        return None

    def handle_deadline(self, now: float) -> None:
        assert now >= 0


class Bench:
    """A served vehicle and a bus that is connected to it."""

    def __init__(self, settings: EntitySettings = SETTINGS) -> None:
        self.engine = ScriptedEcu(
            {
                READ_VIN: [(0.0, HAVE_VIN)],
                b"\x14\xff\xff\xff": [(0.0, b"\x7f\x14\x78"), (0.02, b"\x54")],
                b"\x19\x02\xff": [(0.03, b"\x59\x02\xff")],
                b"\x19\x0a": [(0.5, b"\x59\x0a\xff")],
                b"\x10\x01": [(0.04, b"\x50\x01\x00\x32\x01\xf4")],
                b"\x3e\x00": [(0.0, b"\x7e\x00")],
                b"\x27\x01": [(0.0, b"\x7f\x27\x37")],
            }
        )
        self.body = ScriptedEcu({READ_VIN: [(0.0, HAVE_VIN)], b"\x3e\x00": [(0.001, b"\x7e\x00")]})
        self.entity = DoipEntity(settings, {ENGINE: self.engine, BODY: self.body})
        self.address = DoipAddress("127.0.0.1", 0, 0)
        self._serving = trio.CancelScope()

    async def serve(self, *, task_status: trio.TaskStatus[None]) -> None:
        with trio.CancelScope() as self._serving:
            async with trio.open_nursery() as nursery:
                port = self.address.tcp_port
                self.address = await nursery.start(partial(self.entity.serve, tcp_port=port))
                task_status.started()

    def stop(self) -> None:
        self._serving.cancel()

    def bus(self, **tester: int) -> DoipBus:
        return DoipBus(
            DoipBusSettings(
                host=self.address.host,
                port=self.address.tcp_port,
                tester=DoipTesterSettings(**tester),
                backoff=Backoff(first=0.005, longest=0.01),
                ready_limit=0.5,
            ),
            Random(7),
        )


@asynccontextmanager
async def running(
    settings: EntitySettings = SETTINGS, **tester: int
) -> AsyncIterator[tuple[Bench, DoipBus, trio.Nursery]]:
    bench = Bench(settings)
    async with trio.open_nursery() as nursery:
        await nursery.start(bench.serve)
        bus = bench.bus(**tester)
        nursery.start_soon(bus.run)
        with trio.fail_after(20):
            yield bench, bus, nursery
        nursery.cancel_scope.cancel()


async def until(reached: Callable[[], bool]) -> None:
    while not reached():  # noqa: ASYNC110 - real sockets, which tell nobody
        await trio.sleep(0.001)


def payloads(finished: Finished) -> list[tuple[int, bytes]]:
    assert finished.failure is None
    return [(each.source, each.payload) for each in finished.responses]


def reason(finished: Finished) -> tuple[FailureReason, str]:
    assert finished.failure is not None
    return finished.failure.reason, finished.failure.detail


async def test_a_vin_through_the_whole_stack() -> None:
    async with running() as (_, bus, _):
        finished = await bus.exchange(AT_ENGINE, READ_VIN, POLICY)
    assert payloads(finished) == [(ENGINE, HAVE_VIN)]
    (response,) = finished.responses
    assert response.sent_at <= response.received_at


async def test_pending_is_waited_out_and_counted() -> None:
    async with running() as (_, bus, _):
        policy = dataclasses.replace(QUICK, p2_star=1.0)
        finished = await bus.exchange(AT_ENGINE, b"\x14\xff\xff\xff", policy)
    assert payloads(finished) == [(ENGINE, b"\x54")]
    assert finished.responses[0].pending == 1


async def test_a_negative_answer_is_an_answer_and_is_not_repeated() -> None:
    async with running() as (bench, bus, _):
        finished = await bus.exchange(AT_ENGINE, b"\x27\x01", POLICY)
        assert payloads(finished) == [(ENGINE, b"\x7f\x27\x37")]
        assert bench.engine.asked == [b"\x27\x01"]


async def test_silence_is_no_response() -> None:
    async with running() as (_, bus, _):
        finished = await bus.exchange(AT_BODY, b"\x11\x01", QUICK)
    assert reason(finished)[0] is FailureReason.NO_RESPONSE


async def test_suppressed_silence_is_success() -> None:
    async with running() as (bench, bus, _):
        finished = await bus.exchange(AT_BODY, b"\x3e\x80", QUICK)
        assert bench.body.asked == [b"\x3e\x80"]
    assert payloads(finished) == []


async def test_a_functional_request_gathers_all_answers() -> None:
    async with running() as (_, bus, _):
        finished = await bus.exchange(AT_ALL, b"\x3e\x00", QUICK)
    assert sorted(payloads(finished)) == [(ENGINE, b"\x7e\x00"), (BODY, b"\x7e\x00")]


@pytest.mark.slow
async def test_different_ecus_side_by_side_and_one_ecu_in_turn() -> None:
    order: list[str] = []

    async def ask(bus: DoipBus, name: str, target: DoipTarget, request: bytes) -> None:
        finished = await bus.exchange(target, request, POLICY)
        assert finished.failure is None
        order.append(name)

    async with running() as (bench, bus, _):
        await bus.wait_connected()
        async with trio.open_nursery() as asking:
            asking.start_soon(ask, bus, "slow", AT_ENGINE, b"\x19\x0a")
            await trio.testing.wait_all_tasks_blocked()
            asking.start_soon(ask, bus, "behind", AT_ENGINE, READ_VIN)
            asking.start_soon(ask, bus, "beside", AT_BODY, READ_VIN)
        assert order == ["beside", "slow", "behind"]
        assert bench.entity.statistics().accepted == 1  # all of it over one socket


@pytest.mark.slow
async def test_a_late_answer_belongs_to_nobody() -> None:
    async with running() as (_, bus, _):
        finished = await bus.exchange(AT_ENGINE, b"\x10\x01", QUICK)  # answers after 40 ms
        assert reason(finished)[0] is FailureReason.NO_RESPONSE
        await until(lambda: bus.unclaimed == 1)
        assert payloads(await bus.exchange(AT_ENGINE, READ_VIN, POLICY)) == [(ENGINE, HAVE_VIN)]


@pytest.mark.slow
async def test_a_late_answer_is_not_taken_for_a_newer_request() -> None:
    async with running() as (_, bus, _):
        await bus.exchange(AT_ENGINE, b"\x10\x01", QUICK)
        finished = await bus.exchange(AT_ENGINE, b"\x19\x02\xff", POLICY)  # both are under way
    assert payloads(finished) == [(ENGINE, b"\x59\x02\xff")]
    assert finished.ignored == 1


async def test_an_unknown_ecu_is_a_transport_failure_with_its_code() -> None:
    async with running() as (_, bus, _):
        finished = await bus.exchange(DoipTarget(0x4444), READ_VIN, POLICY)
    assert reason(finished)[0] is FailureReason.TRANSPORT
    assert "4444: refused with code 03" in reason(finished)[1]


async def test_a_cancelled_exchange_frees_its_ecu() -> None:
    async with running() as (_, bus, _):
        await bus.wait_connected()
        with trio.move_on_after(0.005) as impatient:
            await bus.exchange(AT_ENGINE, b"\x19\x02\xff", POLICY)
        assert impatient.cancelled_caught
        assert payloads(await bus.exchange(AT_ENGINE, READ_VIN, POLICY)) == [(ENGINE, HAVE_VIN)]


async def test_an_empty_request_is_our_own_fault() -> None:
    async with running() as (_, bus, _):
        with pytest.raises(LocalProtocolError):
            await bus.exchange(AT_ENGINE, b"", POLICY)


async def test_a_lost_vehicle_fails_what_is_under_way_and_comes_back() -> None:
    async with running() as (bench, bus, nursery):
        await bus.wait_connected()
        outcome: list[Finished] = []

        async def ask() -> None:
            outcome.append(await bus.exchange(AT_ENGINE, b"\x11\x01", ExchangePolicy(p2=60)))

        async with trio.open_nursery() as asking:
            asking.start_soon(ask)
            while not bench.engine.asked:  # noqa: ASYNC110 - bytes on a socket, no event of ours
                await trio.sleep(0.001)
            bench.stop()
        assert reason(outcome[0])[0] is FailureReason.TRANSPORT
        assert not bus.connected
        await nursery.start(bench.serve)
        assert payloads(await bus.exchange(AT_ENGINE, READ_VIN, POLICY)) == [(ENGINE, HAVE_VIN)]


async def test_a_vehicle_that_is_not_there_is_a_failure_that_says_so(
    autojump_clock: trio.testing.MockClock,
) -> None:
    bench = Bench()
    bench.address = DoipAddress("127.0.0.1", 1, 0)  # nobody listens on port 1
    bus = bench.bus()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(bus.run)
        finished = await bus.exchange(AT_ENGINE, READ_VIN, POLICY)
        nursery.cancel_scope.cancel()
    assert reason(finished)[0] is FailureReason.TRANSPORT
    assert "no connection to the vehicle" in reason(finished)[1]
    assert "not connected yet" not in reason(finished)[1]


@pytest.mark.slow
async def test_a_denied_activation_is_told_by_its_code() -> None:
    settings = dataclasses.replace(SETTINGS, authentication=expect_key(7))
    async with running(settings, oem=8) as (_, bus, _):
        with trio.move_on_after(0.1):
            await bus.wait_connected()
        assert not bus.connected
        assert "04 (DeniedMissingAuthentication)" in bus.fault
    async with running(settings, oem=7) as (_, bus, _):
        assert payloads(await bus.exchange(AT_ENGINE, READ_VIN, POLICY)) == [(ENGINE, HAVE_VIN)]


async def test_a_vehicle_that_speaks_nonsense_is_left_and_tried_again() -> None:
    dialled = 0

    async def speak_http(stream: trio.SocketStream) -> None:
        nonlocal dialled
        dialled += 1
        await stream.send_all(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        await trio.sleep_forever()

    async with trio.open_nursery() as nursery:
        listeners = await nursery.start(partial(trio.serve_tcp, speak_http, 0, host="127.0.0.1"))
        bench = Bench()
        bench.address = DoipAddress("127.0.0.1", listeners[0].socket.getsockname()[1], 0)
        bus = bench.bus()
        nursery.start_soon(bus.run)
        with trio.fail_after(20):
            while dialled < 2:  # noqa: ASYNC110 - the peer is a socket
                await trio.sleep(0.002)
        assert "no DoIP header" in bus.fault
        nursery.cancel_scope.cancel()


async def test_tester_present_reaches_a_control_unit_at_work() -> None:
    async with running() as (bench, bus, nursery):
        bench.engine.answers[READ_VIN] = [(0.0, b"\x7f\x22\x78"), (0.2, HAVE_VIN)]
        outcomes: list[Finished] = []

        async def read() -> None:
            policy = dataclasses.replace(POLICY, p2_star=1.0)
            outcomes.append(await bus.exchange(AT_ENGINE, READ_VIN, policy))

        nursery.start_soon(read)
        await until(lambda: ENGINE in bus._physical and bus._physical[ENGINE].exchange.pending)
        assert await bus.exchange(AT_ENGINE, b"\x3e\x80", POLICY) == Finished((), None)
        assert not outcomes, "it did not wait for its turn"
        await until(lambda: bool(outcomes))
        assert payloads(outcomes[0]) == [(ENGINE, HAVE_VIN)]
        assert bench.engine.asked == [READ_VIN, b"\x3e\x80"]


async def test_an_alive_check_in_the_midst_of_exchanges_disturbs_none() -> None:
    async with running() as (bench, bus, nursery):
        bench.engine.answers[READ_VIN] = [(0.05, HAVE_VIN)]
        results: dict[DoipTarget, Finished] = {}

        async def read(target: DoipTarget) -> None:
            results[target] = await bus.exchange(target, READ_VIN, POLICY)

        await bus.wait_connected()
        async with trio.open_nursery() as exchanges:
            exchanges.start_soon(read, AT_ENGINE)
            exchanges.start_soon(read, AT_BODY)
            # The same tester on a second connection makes the entity ask the first: alive?
            second = bench.bus()
            nursery.start_soon(second.run)
        assert payloads(results[AT_ENGINE]) == [(ENGINE, HAVE_VIN)]
        assert payloads(results[AT_BODY]) == [(BODY, HAVE_VIN)]
        await until(lambda: second.fault != "not connected yet")
        assert bus.connected
        assert not second.connected
