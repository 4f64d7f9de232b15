from __future__ import annotations

import itertools
import statistics
import threading
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
import trio
from trio.testing import MockClock

from firmware_sim.buses.can_bus import BusGoneError, CanBus, open_bus
from firmware_sim.buses.settings import BusSettings
from firmware_sim.firmware.can_exchange import CanExchanger
from firmware_sim.vehicle.can_ecu import CanEcu, ecu_address
from firmware_sim.vehicle.dialogue import TimedResponse
from firmware_sim.vehicle.ecu_spec import EcuSpec
from protocols.can.frame import CanFrame
from protocols.diagnosis.route import CanRoute
from protocols.errors import LocalProtocolError
from protocols.isotp.addressing import IsoTpAddress
from protocols.isotp.params import IsoTpParams
from protocols.uds.outcome import FailureReason, Finished
from protocols.uds.policy import ExchangePolicy

PARAMS = IsoTpParams()
ENGINE = CanRoute("can0", (IsoTpAddress.obd_11(0),), functional=False, params=PARAMS)
BODY = CanRoute("can0", (IsoTpAddress.obd_11(1),), functional=False, params=PARAMS)
POLICY = ExchangePolicy(p2=0.05, p2_star=1.0, margin=0.05)

Line = tuple[CanBus, CanBus]


def to_all(*addresses: IsoTpAddress) -> CanRoute:
    return CanRoute("can0", addresses, functional=True, params=PARAMS)


class Script:
    """An ECU that answers by a function of request number and request."""

    def __init__(self, answer: Callable[[int, bytes], list[tuple[float, str]]]) -> None:
        self._answer = answer
        self.requests: list[tuple[bytes, bool]] = []

    def handle(
        self, request: bytes, _now: float, *, functional: bool = False
    ) -> list[TimedResponse]:
        self.requests.append((request, functional))
        answers = self._answer(len(self.requests), request)
        return [TimedResponse(delay, bytes.fromhex(payload)) for delay, payload in answers]

    def next_deadline(self) -> float | None:
        return None

    def handle_deadline(self, _now: float) -> None:
        return


@pytest.fixture
async def line(request: pytest.FixtureRequest) -> AsyncIterator[Line]:
    address = f"virtual:exchange-{request.node.name}"
    async with open_bus(address) as ours, open_bus(address) as theirs:
        yield ours, theirs


async def run_ecu(nursery: trio.Nursery, bus: CanBus, number: int, script: Script) -> None:
    spec = EcuSpec(name="x", request_id=0x7E0 + number, response_id=0x7E8 + number)
    await nursery.start(CanEcu(bus, ecu_address(spec), script, PARAMS).run)


async def ask(
    line: Line, script: Script, *requests: str, policy: ExchangePolicy = POLICY
) -> list[Finished]:
    """Ask one scripted ECU one request after the other."""
    ours, theirs = line
    exchanger = CanExchanger(ours)
    async with trio.open_nursery() as nursery:
        await run_ecu(nursery, theirs, 0, script)
        outcomes = [await exchanger.exchange(ENGINE, bytes.fromhex(r), policy) for r in requests]
        nursery.cancel_scope.cancel()
    assert not len(exchanger._machine)
    return outcomes


def said(outcome: Finished) -> list[tuple[int, str]]:
    return [(response.source, response.payload.hex()) for response in outcome.responses]


async def test_a_long_answer_over_the_bus_in_exact_time(
    line: Line, autojump_clock: MockClock
) -> None:
    vin = "62f190" + b"WVWZZZAUZHP341562".hex()
    (outcome,) = await ask(line, Script(lambda _n, _r: [(0.004, vin)]), "22f190")
    (response,) = outcome.responses
    assert said(outcome) == [(0x7E8, vin)]
    assert response.received_at - response.sent_at == pytest.approx(0.004)
    assert outcome.failure is None


async def test_a_long_request_and_a_long_answer(line: Line, autojump_clock: MockClock) -> None:
    script = Script(lambda _n, request: [(0.001, "6e" + request[1:].hex())])
    request = "2e0600" + "5a" * 4092
    (outcome,) = await ask(line, script, request)
    assert said(outcome) == [(0x7E8, "6e" + request[2:])]


async def test_silence_ends_after_p2(line: Line, autojump_clock: MockClock) -> None:
    started = trio.current_time()
    (outcome,) = await ask(line, Script(lambda _n, _r: []), "22f190")
    assert trio.current_time() - started == pytest.approx(0.1)
    assert outcome.failure is not None
    assert outcome.failure.reason is FailureReason.NO_RESPONSE


async def test_pending_answers_are_counted_and_waited_for(
    line: Line, autojump_clock: MockClock
) -> None:
    script = Script(lambda _n, _r: [(0.01, "7f2278"), (0.9, "7f2278"), (1.8, "62f19000")])
    (outcome,) = await ask(line, script, "22f190")
    assert outcome.responses[0].pending == 2
    assert len(script.requests) == 1


async def test_a_busy_ecu_is_asked_again(line: Line, autojump_clock: MockClock) -> None:
    script = Script(lambda n, _r: [(0.01, "7f2221" if n < 3 else "62f19000")])
    (outcome,) = await ask(line, script, "22f190")
    assert said(outcome) == [(0x7E8, "62f19000")]
    assert len(script.requests) == 3


async def test_a_late_answer_never_reaches_a_newer_exchange(
    line: Line, autojump_clock: MockClock
) -> None:
    # The first request is answered when the second is already under way.
    script = Script(lambda n, _r: [(0.12, "62f190aa")] if n == 1 else [(0.05, "62f187bb")])
    first, second = await ask(line, script, "22f190", "22f187")
    assert first.failure is not None
    assert said(second) == [(0x7E8, "62f187bb")]
    assert second.ignored == 1


async def test_one_ecu_is_asked_by_one_at_a_time_and_others_meanwhile(
    line: Line, autojump_clock: MockClock
) -> None:
    ours, theirs = line
    exchanger = CanExchanger(ours)
    slow = Script(lambda _n, request: [(0.04, "62" + request[1:].hex())])
    done: list[tuple[str, float]] = []
    started = trio.current_time()

    async def one(address: CanRoute, request: str) -> None:
        outcome = await exchanger.exchange(address, bytes.fromhex(request), POLICY)
        assert outcome.failure is None
        done.append((request, round(trio.current_time() - started, 3)))

    async with trio.open_nursery() as nursery:
        await run_ecu(nursery, theirs, 0, slow)
        await run_ecu(nursery, theirs, 1, Script(lambda _n, _r: [(0.04, "62f18c")]))
        async with trio.open_nursery() as askers:
            for address, request in [(ENGINE, "22f190"), (ENGINE, "22f187"), (BODY, "22f18c")]:
                askers.start_soon(one, address, request)
        nursery.cancel_scope.cancel()
    assert sorted(moment for _, moment in done) == [0.04, 0.04, 0.08]
    assert [request for request, _ in slow.requests] in (
        [b"\x22\xf1\x90", b"\x22\xf1\x87"],
        [b"\x22\xf1\x87", b"\x22\xf1\x90"],
    )


async def test_a_functional_request_gathers_everybody(
    line: Line, autojump_clock: MockClock
) -> None:
    ours, theirs = line
    exchanger = CanExchanger(ours)
    vin = "62f190" + b"WVWZZZAUZHP341562".hex()
    engine = Script(lambda _n, _r: [(0.01, vin)])
    body = Script(lambda _n, _r: [(0.02, "7f2278"), (0.6, vin)])
    async with trio.open_nursery() as nursery:
        await run_ecu(nursery, theirs, 0, engine)
        await run_ecu(nursery, theirs, 1, body)
        everybody = to_all(*(IsoTpAddress.obd_11(number) for number in range(8)))
        outcome = await exchanger.exchange(everybody, b"\x22\xf1\x90", POLICY)
        nursery.cancel_scope.cancel()
    assert said(outcome) == [(0x7E8, vin), (0x7E9, vin)]
    assert engine.requests == [(b"\x22\xf1\x90", True)]
    assert not len(exchanger._machine)


async def test_two_functional_requests_never_wait_for_each_other_for_ever(
    line: Line, autojump_clock: MockClock
) -> None:
    exchanger = CanExchanger(line[0])
    engine, body = IsoTpAddress.obd_11(0), IsoTpAddress.obd_11(1)
    orders = [to_all(engine, body), to_all(body, engine)] * 4
    with trio.fail_after(10):
        async with trio.open_nursery() as nursery:
            for order in orders:
                nursery.start_soon(exchanger.exchange, order, b"\x3e\x00", POLICY)
    assert not len(exchanger._machine)


async def test_an_answer_that_breaks_off_is_a_transport_failure(
    line: Line, autojump_clock: MockClock
) -> None:
    ours, theirs = line
    exchanger = CanExchanger(ours)

    async def break_off() -> None:
        with theirs.subscribe({(0x7E0, False)}) as feed:
            await feed.receive()
            await theirs.send(CanFrame(0x7E8, bytes.fromhex("101462f190575657")))
            await trio.sleep_forever()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(break_off)
        await trio.testing.wait_all_tasks_blocked()
        started = trio.current_time()
        outcome = await exchanger.exchange(ENGINE, b"\x22\xf1\x90", POLICY)
        nursery.cancel_scope.cancel()
    assert trio.current_time() - started == pytest.approx(1.0)  # N_Cr, not P2
    assert outcome.failure is not None
    assert outcome.failure.reason is FailureReason.TRANSPORT
    assert "N_TIMEOUT_Cr" in outcome.failure.detail


async def test_a_request_that_nobody_takes_fails_after_n_bs(
    line: Line, autojump_clock: MockClock
) -> None:
    exchanger = CanExchanger(line[0])
    started = trio.current_time()
    outcome = await exchanger.exchange(ENGINE, b"\x2e\x06\x00" + bytes(20), POLICY)
    assert trio.current_time() - started == pytest.approx(1.0)
    assert outcome.failure is not None
    assert "N_TIMEOUT_Bs" in outcome.failure.detail


async def test_a_bus_that_is_gone_is_a_transport_failure(
    line: Line, autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(_frame: CanFrame) -> None:
        raise BusGoneError("bus can0 is gone: pulled")

    monkeypatch.setattr(line[0], "send_nowait", gone)
    exchanger = CanExchanger(line[0])
    for request in (b"\x22\xf1\x90", b"\x2e\x06\x00" + bytes(20)):
        outcome = await exchanger.exchange(ENGINE, request, POLICY)
        assert outcome.failure is not None
        assert outcome.failure.reason is FailureReason.TRANSPORT
        assert "pulled" in outcome.failure.detail


@pytest.mark.parametrize("request_", [b"", bytes(4096)])
async def test_a_request_that_cannot_be_sent_is_refused(
    line: Line, autojump_clock: MockClock, request_: bytes
) -> None:
    exchanger = CanExchanger(line[0])
    with pytest.raises(LocalProtocolError):
        await exchanger.exchange(ENGINE, request_, POLICY)
    assert not len(exchanger._machine)


async def test_a_cancelled_exchange_leaves_nothing_behind(
    line: Line, autojump_clock: MockClock
) -> None:
    exchanger = CanExchanger(line[0])

    async def cancelled(act: Callable[[], Awaitable[Finished]]) -> None:
        with trio.move_on_after(0.01):
            await act()

    async with trio.open_nursery() as nursery:
        for _ in range(3):
            nursery.start_soon(cancelled, lambda: exchanger.exchange(ENGINE, b"\x3e\x00", POLICY))
    assert not len(exchanger._machine)
    assert line[0]._router._monitors == ()


@pytest.mark.parametrize("another_serves", [False, True])
async def test_who_goes_away_lets_the_next_begin_at_once(
    line: Line, autojump_clock: MockClock, another_serves: bool
) -> None:
    ours, theirs = line
    exchanger = CanExchanger(ours)
    patient = ExchangePolicy(p2=30.0)
    began, ended = trio.current_time(), []

    async def ask_and_go_away() -> None:
        with trio.move_on_after(0.5):
            await exchanger.exchange(ENGINE, b"\x22\xf1\x90", patient)

    async def ask_next() -> None:
        await trio.sleep(0.2)
        outcome = await exchanger.exchange(ENGINE, b"\x22\xf1\x87", patient)
        assert said(outcome) == [(0x7E8, "62f187")]
        ended.append(trio.current_time() - began)

    async with trio.open_nursery() as nursery:
        # Another one serves the machine, or the one that goes away does.
        if another_serves:
            nursery.start_soon(exchanger.exchange, BODY, b"\x22\xf1\x90", patient)
        await trio.sleep(0.1)
        await run_ecu(nursery, theirs, 0, Script(lambda n, _r: [(0.0, "62f187")] if n > 1 else []))
        async with trio.open_nursery() as askers:
            askers.start_soon(ask_and_go_away)
            askers.start_soon(ask_next)
        nursery.cancel_scope.cancel()
    assert ended == [pytest.approx(0.6)]
    assert not len(exchanger._machine)


async def test_a_bus_that_goes_down_ends_what_waits_for_its_answer(
    line: Line, autojump_clock: MockClock
) -> None:
    ours, _ = line
    exchanger = CanExchanger(ours)
    outcomes: list[Finished] = []
    began = trio.current_time()

    async def ask_one(route: CanRoute) -> None:
        outcomes.append(await exchanger.exchange(route, b"\x22\xf1\x90", ExchangePolicy(p2=30.0)))

    async with trio.open_nursery() as nursery:
        for route in (ENGINE, ENGINE, BODY):
            nursery.start_soon(ask_one, route)
        await trio.sleep(1.0)
        ours._condemn("pulled out")
    assert trio.current_time() - began < 2.0
    for outcome in outcomes:
        assert outcome.failure is not None
        assert outcome.failure.reason is FailureReason.TRANSPORT
        assert "pulled out" in outcome.failure.detail
    assert len(outcomes) == 3
    assert not len(exchanger._machine)


async def test_a_bus_that_only_listens_refuses_exchanges(
    line: Line, autojump_clock: MockClock
) -> None:
    ours, _ = line
    await ours.configure(BusSettings(listen_only=True))
    outcome = await CanExchanger(ours).exchange(ENGINE, b"\x3e\x00", POLICY)
    assert outcome.failure is not None
    assert "listen only" in outcome.failure.detail


async def test_tester_present_reaches_a_control_unit_at_work(
    line: Line, autojump_clock: MockClock
) -> None:
    ours, theirs = line
    exchanger = CanExchanger(ours)
    script = Script(
        lambda _n, r: (
            [(0.01, "7f2278"), (0.9, "7f2278"), (1.5, "62f19000")] if r[0] == 0x22 else []
        )
    )
    async with trio.open_nursery() as nursery:
        await run_ecu(nursery, theirs, 0, script)
        outcomes: list[Finished] = []

        async def read() -> None:
            outcomes.append(await exchanger.exchange(ENGINE, b"\x22\xf1\x90", POLICY))

        async with trio.open_nursery() as askers:
            askers.start_soon(read)
            await trio.sleep(0.5)
            began = trio.current_time()
            present = await exchanger.exchange(ENGINE, b"\x3e\x80", POLICY)
            assert present == Finished((), None)
            assert trio.current_time() == began
        nursery.cancel_scope.cancel()
    assert [request for request, _ in script.requests] == [b"\x22\xf1\x90", b"\x3e\x80"]
    assert said(outcomes[0]) == [(0x7E8, "62f19000")]


@pytest.mark.slow
async def test_separation_times_are_kept_to_under_a_millisecond() -> None:
    """A control unit that asks for 300 us gets 300 us, not the next tick of a coarse clock."""
    async with open_bus("virtual:stmin") as ours, open_bus("virtual:stmin") as theirs:
        exchanger = CanExchanger(ours)
        stamps: list[float] = []

        async def take() -> None:
            with theirs.subscribe({(0x7E0, False)}) as feed:
                await feed.receive()
                await theirs.send(CanFrame(0x7E8, bytes.fromhex("3000f3")))
                async for frame in feed:
                    stamps.append(frame.timestamp_us / 1e6)
                    if len(stamps) == 40:
                        return

        async with trio.open_nursery() as nursery:
            nursery.start_soon(exchanger.exchange, ENGINE, b"\x2e\x06\x00" + bytes(290), POLICY)
            await take()
            nursery.cancel_scope.cancel()
    gaps = [later - earlier for earlier, later in itertools.pairwise(stamps)]
    assert min(gaps) >= 0.000_29
    assert statistics.median(gaps) < 0.001


@pytest.mark.slow
async def test_who_was_not_running_does_not_blame_the_control_unit() -> None:
    async with open_bus("virtual:starved") as ours, open_bus("virtual:starved") as theirs:
        script = Script(lambda _n, _r: [(0.0, "7e00")])
        async with trio.open_nursery() as nursery:
            await run_ecu(nursery, theirs, 0, script)
            outcomes: list[Finished] = []

            async def present() -> None:
                outcomes.append(await CanExchanger(ours).exchange(ENGINE, b"\x3e\x00", POLICY))

            nursery.start_soon(present)
            await trio.lowlevel.checkpoint()
            threading.Event().wait(POLICY.p2_client + 0.05)  # the machine is busy elsewhere
            while not outcomes:  # noqa: ASYNC110 - what is awaited is one exchange
                await trio.sleep(0.001)
            nursery.cancel_scope.cancel()
    assert said(outcomes[0]) == [(0x7E8, "7e00")]
