from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import msgspec
import pytest
import trio
from trio.testing import MockClock

from gateway.domain.errors import (
    Conflict,
    GatewayError,
    Invalid,
    NotFound,
    TooLarge,
    Unavailable,
    VehicleFault,
)
from gateway.domain.events import Event
from gateway.domain.principal import OperatorPrincipal
from gateway.sessions.leasing import SAFE_STATE_LIMIT
from gateway.sessions.limits import SessionLimits
from gateway.sessions.service import SessionService
from gateway.sessions.session import EndReason, Session, SessionNews, SessionState
from protocols.can.batch import encode_batch
from protocols.can.frame import CanFrame
from protocols.link.delivery import DeliveryLimits
from protocols.link.events import FramesReceived
from protocols.link.messages import (
    MAX_ENVELOPE,
    ExchangeRequest,
    ExchangeResponse,
    ExchangeResult,
    SessionClose,
    SessionClosed,
    SessionOpen,
)
from protocols.link.vehicle import CanTarget
from tests.support.link_world import (
    UUID_ONE,
    DialledConnector,
    LinkWorld,
    known_as,
    open_world,
    settle,
)

ALICE, BOB = OperatorPrincipal("alice", 3), OperatorPrincipal("bob", 3)
TARGET = CanTarget(0x7E0, 0x7E8)
READ_VIN = bytes.fromhex("22F190")


class _Desk:
    """The service over a gateway's links, and one connector that is online."""

    def __init__(self, world: LinkWorld, limits: SessionLimits, device: DialledConnector) -> None:
        self.world = world
        self.device = device
        self.told: list[Event] = []
        self.service = SessionService(world.registry, limits, world.clock, self.told.append)

    def open(self, operator: OperatorPrincipal = ALICE, ticket: int | None = None) -> Session:
        return self.service.open(operator, UUID_ONE, ticket_id=ticket)

    async def exchange(self, session: Session) -> str:
        [answer] = await self.service.exchange(session, TARGET, READ_VIN)
        return answer.data.hex()

    def endings(self) -> list[tuple[object, object]]:
        """Return (reason, safe) of every session that has ended."""
        ended = [event for event in self.told if event.type == "sessions.session.ended"]
        return [(event.payload["reason"], event.payload["safe"]) for event in ended]

    async def back(self) -> None:
        await self.world.nursery.start(self.device.connect)
        await settle()


@asynccontextmanager
async def _desk(
    limits: SessionLimits | None = None, *, window: float = 60.0
) -> AsyncIterator[_Desk]:
    async with open_world(window=window) as world:
        device = DialledConnector(world)
        await world.nursery.start(device.connect)
        await settle()
        desk = _Desk(world, limits or SessionLimits(), device)
        await world.nursery.start(desk.service.serve)
        yield desk


def _refusal(error: pytest.ExceptionInfo[GatewayError]) -> str:
    assert error.value.detail
    return error.value.code


# --- opening -------------------------------------------------------------------------------


async def test_the_first_session_gets_the_lease_and_the_second_reads(
    autojump_clock: MockClock,
) -> None:
    async with _desk() as desk:
        first, second = desk.open(ticket=42), desk.open(BOB)
        assert (first.writer, second.writer) == (True, False)
        assert len(first.id) == 32
        assert (first.connector_id, first.ticket_id) == (100_000_001, 42)
        assert (first.expires_at - first.opened_at).total_seconds() == 14_400
        await settle()
        assert desk.device.got == [
            SessionOpen(first.id, True, 30_000),
            SessionOpen(second.id, False, 30_000),
        ]
        [opened, _] = desk.told
        assert (opened.type, opened.subject) == (
            "sessions.session.opened",
            f"session:{first.id}",
        )
        assert opened.payload == {
            "session_id": first.id,
            "client_id": "alice",
            "connector_id": 100_000_001,
            "ticket_id": 42,
        }
        assert len(desk.service) == 2


async def test_a_session_needs_a_connector(autojump_clock: MockClock) -> None:
    async with _desk() as desk:
        other, _ = known_as(9)
        with pytest.raises(Unavailable) as refused:
            desk.service.open(ALICE, other.uuid, ticket_id=None)
        assert _refusal(refused) == "connector.offline"
        assert desk.told == []


async def test_an_operator_holds_so_many_sessions(autojump_clock: MockClock) -> None:
    async with _desk(SessionLimits(max_per_operator=2)) as desk:
        mine = [desk.open(), desk.open()]
        with pytest.raises(Conflict) as refused:
            desk.open()
        assert _refusal(refused) == "session.too_many"
        desk.open(BOB)
        assert desk.service.of(ALICE) == mine


async def test_a_refused_opening_leaves_no_lease_behind(autojump_clock: MockClock) -> None:
    async with _desk() as desk:
        desk.device.cut()
        await settle()
        desk.world.live.memory.delivery.limits = DeliveryLimits(queued=0)
        with pytest.raises(Unavailable) as refused:
            desk.open()
        assert _refusal(refused) == "connector.busy"
        desk.world.live.memory.delivery.limits = DeliveryLimits()
        assert desk.service.of(ALICE) == []
        assert desk.open(BOB).writer


async def test_a_foreign_session_looks_like_none(autojump_clock: MockClock) -> None:
    async with _desk() as desk:
        session = desk.open()
        assert desk.service.find(ALICE, session.id) is session
        codes = []
        for operator, name in ((BOB, session.id), (ALICE, "0" * 32), (ALICE, "")):
            with pytest.raises(NotFound) as refused:
                desk.service.find(operator, name)
            codes.append((refused.value.code, refused.value.detail))
        assert len(set(codes)) == 1


# --- exchanges -----------------------------------------------------------------------------


async def test_an_exchange_is_answered_and_watched(autojump_clock: MockClock) -> None:
    async with _desk() as desk:
        session = desk.open()
        with session.watch() as feed:
            assert await desk.exchange(session) == "62f190"
            news = await feed.receive()
        assert (news.kind, news.session) == ("exchange", session.id)
        assert news.body["request"] == "22F190"
        assert news.body["error"] is None
        responses = news.body["responses"]
        assert isinstance(responses, list)
        assert responses[0]["data"] == "62F190"
        assert msgspec.json.encode(news.body)
        assert session.exchanges == 1


async def test_stamps_of_a_connector_stand_on_our_time_line(autojump_clock: MockClock) -> None:
    async with _desk() as desk:
        await trio.sleep(20)  # pings have been answered

        def answer(request: ExchangeRequest) -> ExchangeResult:
            now = round(trio.current_time() * 1e6)
            response = ExchangeResponse(0x7E8, b"\x62", 0, now - 250_000, now - 50_000)
            return ExchangeResult(request.id, (response,))

        desk.device.answer = answer
        [reply] = await desk.service.exchange(desk.open(), TARGET, READ_VIN)
        now = desk.world.clock.now
        assert (now - reply.sent_at).total_seconds() == pytest.approx(0.25, abs=1e-3)
        assert (now - reply.received_at).total_seconds() == pytest.approx(0.05, abs=1e-3)


async def test_without_the_lease_nothing_is_sent(autojump_clock: MockClock) -> None:
    async with _desk() as desk:
        desk.open()
        reader = desk.open(BOB)
        for work in (
            desk.service.exchange(reader, TARGET, READ_VIN),
            desk.service.write_frames(reader, encode_batch(0, [])),
        ):
            with pytest.raises(Conflict) as refused:
                await work
            assert _refusal(refused) == "session.no_lease"
        await settle()
        assert desk.device.of(ExchangeRequest) == []
        assert reader.exchanges == 0


async def test_a_failure_of_the_vehicle_is_told_to_watchers_too(
    autojump_clock: MockClock,
) -> None:
    async with _desk() as desk:
        session = desk.open()
        desk.device.answer = lambda request: ExchangeResult(request.id, failure="no_response")
        with session.watch() as feed:
            with pytest.raises(VehicleFault):
                await desk.service.exchange(session, TARGET, READ_VIN)
            desk.device.answer = lambda request: ExchangeResult(request.id, failure="unknown_ecu")
            with pytest.raises(Invalid):
                await desk.service.exchange(session, TARGET, READ_VIN)
            errors = [(await feed.receive()).body["error"] for _ in range(2)]
        assert errors == ["vehicle.no_response", "vehicle.unknown_ecu"]


async def test_an_exchange_has_a_limit(autojump_clock: MockClock) -> None:
    async with _desk(SessionLimits(exchange_limit=5.0)) as desk:
        session = desk.open()
        desk.device.answer = lambda _request: None
        start = trio.current_time()
        with session.watch() as feed:
            with pytest.raises(VehicleFault) as refused:
                await desk.service.exchange(session, TARGET, READ_VIN)
            assert (await feed.receive()).body["error"] == "exchange.too_slow"
        assert _refusal(refused) == "exchange.too_slow"
        assert "read back" in refused.value.detail
        assert trio.current_time() - start == pytest.approx(5.0)
        # A late result bothers nobody.
        [late] = desk.device.asked()
        desk.device.send(ExchangeResult(late.id))
        desk.device.answer = lambda request: ExchangeResult(request.id)
        assert await desk.service.exchange(session, TARGET, READ_VIN) == ()


async def test_an_exchange_on_an_offline_connector(autojump_clock: MockClock) -> None:
    async with _desk(window=5.0) as desk:
        session = desk.open()
        desk.device.cut()
        await trio.sleep(5.5)
        with pytest.raises(Unavailable) as refused:
            await desk.service.exchange(session, TARGET, READ_VIN)
        assert _refusal(refused) == "connector.offline"


async def test_frames_go_to_the_vehicle(autojump_clock: MockClock) -> None:
    async with _desk() as desk:
        session = desk.open()
        batch = encode_batch(0, [CanFrame(0x123, b"\x01")])
        await desk.service.write_frames(session, batch)
        await settle()
        assert FramesReceived(batch) in desk.device.told
        with pytest.raises(TooLarge):
            await desk.service.write_frames(session, bytes(MAX_ENVELOPE))


# --- the lease -----------------------------------------------------------------------------


async def test_the_lease_is_taken_when_it_is_free(autojump_clock: MockClock) -> None:
    async with _desk() as desk:
        writer, reader = desk.open(), desk.open(BOB)
        with pytest.raises(Conflict) as refused:
            desk.service.acquire_lease(reader)
        assert _refusal(refused) == "session.no_lease"
        await desk.service.end(writer, EndReason.OPERATOR)
        with reader.watch() as feed:
            desk.service.acquire_lease(reader)
            assert (await feed.receive()).body == {"lease": "writer"}
        desk.service.acquire_lease(reader)  # again is fine, and says nothing
        assert reader.writer
        assert await desk.exchange(reader) == "62f190"
        assert desk.device.of(SessionOpen)[2:] == [SessionOpen(reader.id, True, 30_000)]


async def test_a_refused_lease_can_be_asked_for_again(autojump_clock: MockClock) -> None:
    async with _desk() as desk:
        writer, reader = desk.open(), desk.open(BOB)
        await desk.service.end(writer, EndReason.OPERATOR)
        desk.device.cut()
        await settle()
        desk.world.live.memory.delivery.limits = DeliveryLimits(queued=0)
        with pytest.raises(Unavailable):
            desk.service.acquire_lease(reader)
        assert not reader.writer
        desk.world.live.memory.delivery.limits = DeliveryLimits()
        desk.service.acquire_lease(reader)
        await desk.back()
        assert desk.device.got[-1] == SessionOpen(reader.id, True, 30_000)


async def test_an_ended_session_takes_no_lease_and_sends_nothing(
    autojump_clock: MockClock,
) -> None:
    async with _desk() as desk:
        session = desk.open()
        desk.device.closes = False
        desk.world.nursery.start_soon(desk.service.end, session, EndReason.OPERATOR)
        await settle()
        assert session.state is SessionState.ENDED
        with pytest.raises(Conflict) as refused:
            await desk.service.exchange(session, TARGET, READ_VIN)
        assert _refusal(refused) == "session.over"
        with pytest.raises(Conflict):
            desk.service.acquire_lease(session)
        await trio.sleep(SAFE_STATE_LIMIT + 1)
        with pytest.raises(Conflict):
            desk.service.acquire_lease(session)
        assert desk.open(BOB).writer


# --- ending --------------------------------------------------------------------------------


async def _ended(feed: AsyncIterator[SessionNews]) -> dict[str, object]:
    news = [item async for item in feed]
    assert [item.kind for item in news] == ["ended"]
    return news[0].body


async def test_an_ended_session_is_safe_and_gone(autojump_clock: MockClock) -> None:
    async with _desk() as desk:
        session = desk.open()
        with session.watch() as feed:
            await desk.service.end(session, EndReason.OPERATOR)
            assert await _ended(feed) == {"reason": "operator", "safe": True, "detail": ""}
        with pytest.raises(NotFound):
            desk.service.find(ALICE, session.id)
        assert desk.device.of(SessionClose) == [SessionClose(session.id)]
        assert desk.endings() == [("operator", True)]
        await desk.service.end(session, EndReason.OPERATOR)  # again is fine
        assert len(desk.endings()) == 1


async def test_the_lease_is_given_on_only_when_the_vehicle_is_safe(
    autojump_clock: MockClock,
) -> None:
    async with _desk() as desk:
        session = desk.open()
        desk.device.closes = False
        with trio.move_on_after(0.5) as impatient:
            # Whoever asked for the end goes away; the vehicle takes its time all the same.
            desk.world.nursery.start_soon(_confirm_after, desk, session, 4.0)
            await desk.service.end(session, EndReason.OPERATOR)
        assert impatient.cancelled_caught is False
        assert trio.current_time() == pytest.approx(4.0, abs=0.1)
        assert desk.endings() == [("operator", True)]
        assert desk.open(BOB).writer


async def _confirm_after(desk: _Desk, session: Session, seconds: float) -> None:
    await trio.sleep(seconds)
    assert not desk.open(BOB).writer
    desk.device.send(SessionClosed(session.id, safe=True))


async def test_waiting_for_the_safe_state_is_bounded(autojump_clock: MockClock) -> None:
    async with _desk() as desk:
        session = desk.open()
        desk.device.closes = False
        start = trio.current_time()
        with session.watch() as feed:
            await desk.service.end(session, EndReason.OPERATOR)
            body = await _ended(feed)
        assert trio.current_time() - start == pytest.approx(SAFE_STATE_LIMIT)
        assert (body["safe"], "did not answer" in str(body["detail"])) == (False, True)
        assert desk.open(BOB).writer


async def test_a_vehicle_that_is_not_safe_is_told_so(autojump_clock: MockClock) -> None:
    async with _desk() as desk:
        session = desk.open()
        desk.device.closes = False
        with session.watch() as feed:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(desk.service.end, session, EndReason.OPERATOR)
                await settle()
                desk.device.send(SessionClosed(session.id, safe=False, detail="7E0 is silent"))
            assert await _ended(feed) == {
                "reason": "operator",
                "safe": False,
                "detail": "7E0 is silent",
            }


async def test_a_session_ends_after_its_lifetime_whatever_happens(
    autojump_clock: MockClock,
) -> None:
    async with _desk(SessionLimits(lifetime=100.0, idle=30.0)) as desk:
        session = desk.open()
        for _ in range(9):
            await trio.sleep(11)
            await desk.exchange(session)
        assert desk.endings() == []
        await trio.sleep(2)
        assert desk.endings() == [("lifetime", True)]


async def test_an_idle_session_ends(autojump_clock: MockClock) -> None:
    async with _desk(SessionLimits(idle=30.0)) as desk:
        session = desk.open()
        await trio.sleep(20)
        await desk.exchange(session)
        await trio.sleep(29)
        assert desk.endings() == []
        await trio.sleep(2.5)
        assert desk.endings() == [("idle", True)]
        assert desk.service.of(ALICE) == []


async def test_a_session_at_work_is_not_idle(autojump_clock: MockClock) -> None:
    async with _desk(SessionLimits(idle=30.0)) as desk:
        session = desk.open()
        await trio.sleep(25)
        desk.device.answer = lambda _request: None
        with trio.move_on_after(20):
            await desk.service.exchange(session, TARGET, READ_VIN)
        assert desk.endings() == []


async def test_sessions_end_with_their_ticket_and_with_their_operator(
    autojump_clock: MockClock,
) -> None:
    async with _desk() as desk:
        mine, other = desk.open(ticket=1), desk.open(ticket=2)
        bobs = desk.open(BOB, ticket=2)
        await desk.service.end_ticket(1)
        assert desk.service.of(ALICE) == [other]
        assert mine.state is SessionState.ENDED
        await desk.service.end_operator("bob")
        assert bobs.state is SessionState.ENDED
        assert other.state is SessionState.ACTIVE
        assert desk.endings() == [("ticket", True), ("operator", True)]


async def test_a_connector_gone_for_good_ends_its_sessions(autojump_clock: MockClock) -> None:
    async with _desk(window=5.0) as desk:
        session = desk.open()
        with session.watch() as feed:
            desk.device.cut()
            await trio.sleep(4)
            assert desk.endings() == []
            await trio.sleep(3)
            body = await _ended(feed)
        assert (body["reason"], body["safe"]) == ("connector", False)
        await desk.back()
        assert desk.open(BOB).writer


async def test_a_connector_back_before_anybody_looked_does_not_keep_its_sessions(
    autojump_clock: MockClock,
) -> None:
    async with _desk(window=5.0) as desk:
        session = desk.open()
        desk.device.cut()
        await trio.sleep(5.001)
        await desk.back()
        with pytest.raises(Conflict) as refused:
            await desk.service.exchange(session, TARGET, READ_VIN)
        assert _refusal(refused) == "session.over"
        await trio.sleep(2)
        assert desk.endings() == [("connector", False)]


async def test_a_session_that_its_connector_ended_ends_here_with_what_it_said(
    autojump_clock: MockClock,
) -> None:
    """The link was gone for longer than the session's grace, and came back."""
    async with _desk() as desk:
        session = desk.open()
        with session.watch() as feed:
            await settle()
            desk.device.send(SessionClosed(session.id, safe=True, detail="grace is over"))
            await trio.sleep(2)
            assert await _ended(feed) == {
                "reason": "connector",
                "safe": True,
                "detail": "grace is over",
            }


async def test_a_session_survives_an_interruption_and_a_restart_of_its_connector(
    autojump_clock: MockClock,
) -> None:
    async with _desk() as desk:
        session = desk.open()
        desk.device.cut()
        await trio.sleep(30)
        await desk.back()
        assert await desk.exchange(session) == "62f190"
        desk.device.cut()
        desk.device.restart()
        await desk.back()
        assert await desk.exchange(session) == "62f190"
        assert desk.endings() == []


async def test_going_down_ends_everything_side_by_side(autojump_clock: MockClock) -> None:
    async with _desk() as desk:
        for _ in range(20):
            desk.open()
        desk.device.closes = False
        start = trio.current_time()
        await desk.service.end_all()
        assert trio.current_time() - start == pytest.approx(SAFE_STATE_LIMIT)
        assert desk.endings() == [("shutdown", False)] * 20
        assert len(desk.service) == 0


async def test_going_down_does_not_wait_for_a_connector_that_is_away(
    autojump_clock: MockClock,
) -> None:
    async with _desk() as desk:
        desk.open()
        desk.device.cut()
        await settle()
        start = trio.current_time()
        desk.service.stop()
        await settle()
        assert trio.current_time() == start
        assert desk.endings() == [("shutdown", False)]
        await desk.back()
        assert desk.device.of(SessionClose), "it hears of it when it comes back"


async def test_watching_an_ended_session_shows_nothing(autojump_clock: MockClock) -> None:
    async with _desk() as desk:
        session = desk.open()
        await desk.service.end(session, EndReason.OPERATOR)
        with session.watch() as feed:
            assert [news async for news in feed] == []
        assert not session.watched
