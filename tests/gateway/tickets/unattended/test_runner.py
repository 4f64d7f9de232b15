from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from io import BytesIO
from pathlib import Path

import pytest
import trio
from pypdf import PdfReader
from structlog.typing import FilteringBoundLogger

from gateway.domain.ticket import TicketState
from gateway.storage.queries import events
from gateway.storage.queries.ticket_records import Ticket
from gateway.storage.queries.unattended import FINISHED, HANDED_OVER, RUNNING, STOPPED
from gateway.tickets.unattended import carrying, runs, vehicle
from gateway.tickets.unattended.carrying import CLAIM
from gateway.tickets.unattended.runner import PATIENCE
from protocols.link.messages import ExchangeRequest, ExchangeResult
from tests.gateway.tickets.unattended.bench import BODY, ENGINE, Bench, open_bench
from tests.gateway.workshops import GOLF, MINE, Workshop, uuid_of
from tests.support.link_world import until

pytestmark = pytest.mark.slow


@pytest.fixture
async def bench(
    workshop: Workshop, log: FilteringBoundLogger, tmp_path: Path
) -> AsyncIterator[Bench]:
    async with open_bench(workshop, log, tmp_path / "files") as opened:
        yield opened


async def report_of(bench: Bench, ticket: Ticket) -> str:
    [(_note, [file])] = await bench.notes(ticket)
    assert file.content_type == "application/pdf"
    assert file.store_key is not None
    data = await bench.store.read(file.store_key, 0, 1 << 20)
    assert len(data) == file.size
    return "\n".join(page.extract_text() for page in PdfReader(BytesIO(data)).pages)


async def happened(bench: Bench, ticket: Ticket) -> list[str]:
    found = await bench.workshop.database.read(events.after, 0, 1000)
    mine = [event for event in found if event.subject == f"ticket:{ticket.id}"]
    return [event.type.removeprefix("tickets.ticket.") for event in mine]


async def test_trouble_codes_are_read_reported_and_the_ticket_closed(bench: Bench) -> None:
    async with bench.services():
        ticket = await bench.order("100201")
        run = await bench.until(ticket, FINISHED)
        closed = await bench.ticket(ticket)
        assert (closed.state, closed.operator_id) == (TicketState.CLOSED, None)
        assert run.results[0]["rows"] == [
            ["engine", "P0301-11", "present, pending, confirmed"],
            ["body", "-", "no trouble codes"],
        ]
        assert (run.step, run.steps) == (1, 1)
        text = await report_of(bench, ticket)
        assert "P0301-11" in text
        assert GOLF in text
        kinds = await happened(bench, ticket)
        assert kinds == ["created", "started", "progressed", "progressed", "closed"]
        await until(lambda: len(bench.sessions) == 0)


async def test_codes_are_cleared_with_before_and_after(bench: Bench) -> None:
    async with bench.services():
        ticket = await bench.order("100202")
        run = await bench.until(ticket, FINISHED)
    assert run.results[0]["rows"] == [
        ["engine", "P0301-11", "none"],
        ["body", "none", "none"],
    ]
    assert bench.ecus.codes == {ENGINE: [], BODY: []}


async def test_a_coding_is_read_written_under_its_mask_and_read_back(bench: Bench) -> None:
    async with bench.services():
        ticket = await bench.order("100701")
        run = await bench.until(ticket, FINISHED)
    assert bench.ecus.writes() == ["2e060003a5"]
    assert run.results[1]["rows"] == [["body", "0600", "03 A1", "03 A5"]]
    heard = [request.hex() for request in bench.ecus.heard]
    assert heard[1:6] == ["1003", "220600", "2703", heard[4], "2e060003a5"]
    assert heard[6] == "220600"
    assert (await bench.ticket(ticket)).state is TicketState.CLOSED


async def test_two_products_are_done_one_after_the_other(bench: Bench) -> None:
    async with bench.services():
        ticket = await bench.order("100202", "100201")
        run = await bench.until(ticket, FINISHED)
    assert [one["title"] for one in run.results] == ["Clear trouble codes", "Read trouble codes"]


async def test_a_refusing_control_unit_hands_over_with_note_and_report(bench: Bench) -> None:
    bench.ecus.refuse[b"\x2e"] = 0x31
    async with bench.services() as services:
        ticket = await bench.order("100701")
        run = await bench.until(ticket, HANDED_OVER)
        text = await bench.ended_in(ticket, TicketState.PENDING)
        assert text == f"Code lights: handed over to an operator. {run.reason}"
        assert run.reason == "body refuses WriteDataByIdentifier: requestOutOfRange."
        assert "requestOutOfRange" in await report_of(bench, ticket)
        # An operator can take it now, and the service leaves it alone.
        await until(lambda: len(services) == 0)
        begun = await bench.workshop.service.begin(bench.workshop.operator, ticket.id)
        assert begun.state is TicketState.IN_PROGRESS
        await trio.sleep(0.3)
        assert (await bench.run(ticket)).state == HANDED_OVER


async def test_what_is_read_back_must_be_what_was_written(bench: Bench) -> None:
    bench.ecus.takes = False
    async with bench.services():
        ticket = await bench.order("100701")
        run = await bench.until(ticket, HANDED_OVER)
    assert run.reason == ("body took 03 A5 as coding and reads back 03 A1; before it was 03 A1.")
    assert len(bench.ecus.writes()) == 1


async def test_a_silent_control_unit_hands_over(bench: Bench) -> None:
    bench.ecus.mute.add(b"\x31")
    async with bench.services():
        ticket = await bench.order("100701")
        run = await bench.until(ticket, HANDED_OVER)
    assert run.reason is not None
    assert "did not answer" in run.reason
    assert run.step == 2


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        ({"ignition": False}, "The ignition is off."),
        ({"voltage_mv": 11_200}, "The supply voltage is 11.2 V, below 11.8 V."),
        (
            {"vin": "WBY73AW05NF104521"},
            f"The connector is plugged into vehicle WBY73AW05NF104521, ordered was {GOLF}.",
        ),
    ],
)
async def test_a_vehicle_that_is_not_ready_is_not_touched(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, status: dict[str, object], reason: str
) -> None:
    monkeypatch.setattr(vehicle, "READY_WITHIN", 0.05)
    await bench.report_status(**status)
    async with bench.services():
        ticket = await bench.order("100701")
        run = await bench.until(ticket, HANDED_OVER)
    assert run.reason == reason
    assert bench.ecus.heard == []


async def test_a_vehicle_that_gets_ready_is_waited_for(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(vehicle, "LOOK_AGAIN", 0.01)
    await bench.report_status(ignition=False)
    async with bench.services():
        ticket = await bench.order("100201")
        await bench.until(ticket, RUNNING)
        await trio.sleep(0.05)
        assert bench.ecus.heard == []
        await bench.report_status(ignition=True)
        await bench.until(ticket, FINISHED)


async def test_a_product_without_a_procedure_goes_to_an_operator(bench: Bench) -> None:
    async with bench.services():
        ticket = await bench.order("100905")
        await bench.until(ticket, HANDED_OVER)
        text = await bench.ended_in(ticket, TicketState.PENDING)
    assert text.startswith("Not carried out without an operator. No procedure is declared for")
    assert bench.ecus.heard == []


async def test_a_connector_that_stays_away_sends_the_ticket_to_an_operator(
    workshop: Workshop, log: FilteringBoundLogger, tmp_path: Path
) -> None:
    async with open_bench(workshop, log, tmp_path, window=0.05) as bench:
        bench.device.cut()
        await until(lambda: bench.world.registry.find(uuid_of(MINE)) is None)
        ticket = await bench.order("100201")
        async with bench.services():
            await trio.sleep(0.4)
            assert (await bench.ticket(ticket)).state is TicketState.PENDING
            assert await bench.notes(ticket) == []
            bench.world.clock.now = ticket.updated_at + timedelta(seconds=PATIENCE + 1)
            await bench.until(ticket, HANDED_OVER)
        assert "offline" in await bench.ended_in(ticket, TicketState.PENDING)


async def test_a_connector_at_another_node_is_left_to_that_node(
    workshop: Workshop, log: FilteringBoundLogger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_bench(workshop, log, tmp_path) as bench:
        registry = bench.world.registry
        registry.leave_to_other(uuid_of(MINE))
        monkeypatch.setattr(registry, "is_elsewhere", lambda _: True)
        ticket = await bench.order("100201")
        bench.world.clock.now = ticket.updated_at + timedelta(seconds=PATIENCE + 1)
        async with bench.services():
            await trio.sleep(0.4)
        assert (await bench.ticket(ticket)).state is TicketState.PENDING
        assert await bench.notes(ticket) == []


async def test_a_link_that_is_lost_in_the_middle_hands_over(
    workshop: Workshop, log: FilteringBoundLogger, tmp_path: Path
) -> None:
    async with open_bench(workshop, log, tmp_path, window=0.05) as bench:
        held = trio.Event()
        bench.device.answer = bench.ecus.never(held)
        async with bench.services():
            ticket = await bench.order("100201")
            await held.wait()
            bench.device.cut()
            run = await bench.until(ticket, HANDED_OVER)
        assert run.reason is not None
        assert "connector" in run.reason


async def test_an_operator_who_works_on_the_vehicle_is_left_alone(bench: Bench) -> None:
    bench.sessions.open(bench.workshop.operator, uuid_of(MINE), ticket_id=None)
    async with bench.services():
        ticket = await bench.order("100201")
        run = await bench.until(ticket, HANDED_OVER)
    assert run.reason == "Somebody else works on this vehicle."


async def test_a_ticket_that_is_cancelled_meanwhile_ends_the_service(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(carrying, "RENEW", 0.05)
    held = trio.Event()
    bench.device.answer = bench.ecus.never(held)
    async with bench.services() as services:
        ticket = await bench.order("100201")
        await held.wait()
        await bench.workshop.service.cancel(bench.workshop.operator, ticket.id, 1)
        await bench.until(ticket, STOPPED)
        await until(lambda: len(services) == 0)
    assert (await bench.ticket(ticket)).state is TicketState.CANCELLED
    assert await bench.notes(ticket) == []


# --- restarts ------------------------------------------------------------------------------


async def test_a_gateway_that_stops_in_mid_write_lets_the_next_one_read_first(
    bench: Bench,
) -> None:
    """The write went out, its answer never came: it is found written, and not written again."""
    ecus, written = bench.ecus, trio.Event()

    def lose(asked: ExchangeRequest) -> ExchangeResult | None:
        answer = ecus(asked)
        if asked.request[0] == 0x2E:
            written.set()
            return None
        return answer

    bench.device.answer = lose
    async with bench.services():
        ticket = await bench.order("100701")
        await written.wait()
    left = await bench.run(ticket)
    assert (left.state, left.step, left.memo) == (RUNNING, 1, {"before": "03a1"})
    assert left.claimed_until <= bench.world.clock()

    bench.device.answer = ecus
    async with bench.services():
        run = await bench.until(ticket, FINISHED)
    assert len(ecus.writes()) == 1
    assert run.results[1]["rows"] == [["body", "0600", "03 A1", "03 A5"]]
    assert (await bench.ticket(ticket)).state is TicketState.CLOSED


async def test_a_write_that_never_went_out_is_made_good(bench: Bench) -> None:
    ecus, asked_for = bench.ecus, trio.Event()

    def lose(asked: ExchangeRequest) -> ExchangeResult | None:
        if asked.request[0] == 0x2E:
            asked_for.set()
            return None
        return ecus(asked)

    bench.device.answer = lose
    async with bench.services():
        ticket = await bench.order("100701")
        await asked_for.wait()
    bench.device.answer = ecus
    async with bench.services():
        await bench.until(ticket, FINISHED)
    assert ecus.writes() == ["2e060003a5"]


async def test_a_routine_that_may_have_run_is_not_started_twice(bench: Bench) -> None:
    ecus, started = bench.ecus, trio.Event()

    def lose(asked: ExchangeRequest) -> ExchangeResult | None:
        if asked.request[0] == 0x31:
            started.set()
            return None
        return ecus(asked)

    bench.device.answer = lose
    async with bench.services():
        ticket = await bench.order("100701")
        await started.wait()
    bench.device.answer = ecus
    async with bench.services():
        run = await bench.until(ticket, HANDED_OVER)
    assert run.reason is not None
    assert "is not started twice" in run.reason
    assert not any(request[0] == 0x31 for request in ecus.heard)


async def test_a_killed_gateways_claim_is_waited_for(bench: Bench) -> None:
    held = trio.Event()
    answer, bench.device.answer = bench.device.answer, bench.ecus.never(held)
    async with bench.services():
        ticket = await bench.order("100201")
        await held.wait()
    # As if it had been killed: nobody gave the claim up.
    left = await bench.run(ticket)
    until_then = bench.world.clock() + timedelta(seconds=CLAIM)
    await bench.workshop.database.write(runs.renew, ticket.id, left.claimed_by, until_then)
    bench.device.answer = answer
    async with bench.services():
        await trio.sleep(0.4)
        assert (await bench.run(ticket)).claimed_by == left.claimed_by
        bench.world.clock.now = until_then + timedelta(seconds=1)
        await bench.until(ticket, FINISHED)


async def test_a_procedure_changed_in_between_is_handed_over(bench: Bench) -> None:
    held = trio.Event()
    answer, bench.device.answer = bench.device.answer, bench.ecus.never(held)
    async with bench.services():
        ticket = await bench.order("100201")
        await held.wait()
    bench.device.answer = answer
    bench.procedures = bench.procedures[1:]
    async with bench.services():
        run = await bench.until(ticket, HANDED_OVER)
    assert run.reason == "The procedure was changed while it was carried out."
