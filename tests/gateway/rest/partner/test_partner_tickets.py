from __future__ import annotations

from uuid import UUID

import pytest

from gateway.rest.partner.tickets import LISTS
from tests.gateway.partners import Provider
from tests.gateway.workshops import GOLF, MINE, uuid_of

pytestmark = pytest.mark.slow

NOWHERE = UUID(int=7)


async def test_a_ticket_is_shown_whole(provider: Provider) -> None:
    ticket = await provider.order()
    shown = await provider.done("GET", f"/tickets/tickets/{ticket.uuid}")
    assert shown["id"] == shown["customer_channel_id"] == str(ticket.uuid)
    assert (shown["ticket_number"], shown["state"], shown["vin"]) == (ticket.id, "pending", GOLF)
    assert shown["customer_connector_id"] == str(uuid_of(MINE))
    assert (shown["outsourced"], shown["reclaimable"], shown["source_provider_id"]) == (
        False,
        False,
        None,
    )
    assert (shown["externally_processed"], shown["external_reference"]) == (False, None)
    for name in ("assigned_at", "finished_at", "cancel_reason_id", "operator_id", "held_until"):
        assert shown[name] is None, name


async def test_each_state_has_its_list(provider: Provider) -> None:
    ticket = await provider.order()
    path, item = "/tickets/tickets", f"/tickets/tickets/{ticket.uuid}"

    async def found_in() -> set[str]:
        counts = {name: await provider.done("GET", f"/tickets/{name}") for name in LISTS}
        return {name for name, listed in counts.items() if listed["total"]}

    assert await found_in() == {"tickets", "pending-tickets"}
    assert (await provider.done("POST", f"{item}/join"))["operator_id"] == "op-1"
    assert await found_in() == {"tickets", "in-progress-tickets"}
    listed = await provider.done("GET", "/tickets/in-progress-tickets?limit=5")
    assert listed["query"] == {"limit": 5, "offset": 0}
    assert [one["id"] for one in listed["result"]] == [str(ticket.uuid)]
    await provider.refused(
        "GET", f"/tickets/pending-tickets/{ticket.uuid}", status=404, code="ticket.unknown"
    )
    closed = await provider.done(
        "POST", f"{item}/close", {"note": "Done.", "vehicle_battery_voltage": "12v"}
    )
    assert (closed["state"], closed["vehicle_battery_voltage"]) == ("closed", "12v")
    assert closed["finished_at"] is not None
    assert await found_in() == {"tickets", "closed-tickets"}
    for query, total in (
        (f"ticket_number={ticket.id}", 1),
        ("ticket_number=999", 0),
        ("customer_id=1&state=closed,cancelled", 1),
        ("customer_id=2", 0),
        ("created_after=2000-01-01T00:00:00Z", 1),
        ("created_before=2000-01-01T00:00:00%2B01:00", 0),
    ):
        assert (await provider.done("GET", f"{path}?{query}"))["total"] == total, query
    assert (await provider.done("GET", path, token="far"))["total"] == 0


async def test_a_ticket_is_cancelled_for_a_reason(provider: Provider) -> None:
    ticket = await provider.order()
    item = f"/tickets/tickets/{ticket.uuid}"
    await provider.refused("POST", f"{item}/cancel", {}, status=400, code="body.field")
    cancelled = await provider.done("POST", f"{item}/cancel", {"cancel_reason_id": 4})
    assert (cancelled["state"], cancelled["cancel_reason_id"]) == ("cancelled", 4)
    await provider.refused("POST", f"{item}/join", status=409, code="ticket.wrong_state")
    await provider.refused("POST", f"{item}/reclaim", status=409, code="ticket.wrong_state")


async def test_closing_ends_the_sessions(provider: Provider) -> None:
    ticket = await provider.order()
    floor = provider.floor
    await floor.done("POST", "/sessions", {"ticket_id": ticket.id}, status=201)
    await provider.done("POST", f"/tickets/tickets/{ticket.uuid}/close")
    assert (await floor.done("GET", "/sessions"))["total"] == 0


async def test_remarks_are_each_providers_own(provider: Provider) -> None:
    ticket = await provider.order()
    item = f"/tickets/tickets/{ticket.uuid}"
    body = {"external_reference": "ERP 7", "externally_processed": True}
    changed = await provider.done("PUT", item, body)
    assert changed["external_reference"] == "ERP 7"
    changed = await provider.done("PUT", item, {"operator_reference": "mine"})
    assert (changed["external_reference"], changed["operator_reference"]) == ("ERP 7", "mine")
    changed = await provider.done("PUT", item, {"external_reference": None})
    assert (changed["external_reference"], changed["externally_processed"]) == (None, True)
    assert (await provider.done("PUT", item, {}))["externally_processed"]
    for wanted, total in (("true", 1), ("false", 0)):
        path = f"/tickets/tickets?externally_processed={wanted}"
        assert (await provider.done("GET", path))["total"] == total
    await provider.done("POST", f"{item}/outsource", {"provider_id": 2}, status=201)
    other = await provider.done("GET", item, token="far")
    assert (other["externally_processed"], other["operator_reference"]) == (False, None)
    for bad in ({"vehicle_battery_voltage": "6v"}, {"state": "closed"}, {"external_reference": 5}):
        await provider.refused("PUT", item, bad, status=400, code="body.field")


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        (f"/tickets/tickets/{NOWHERE}", 404, "ticket.unknown"),
        ("/tickets/tickets/12", 404, "ticket.unknown"),
        ("/tickets/outsources/12", 404, "outsource.unknown"),
        (f"/tickets/outsources/{NOWHERE}", 404, "outsource.unknown"),
        ("/tickets/outsources?state=lost", 400, "parameter.invalid"),
        ("/tickets/tickets?state=pending,lost", 400, "ticket.state"),
        ("/tickets/tickets?limit=1001", 400, "parameter.invalid"),
        ("/tickets/tickets?created_after=yesterday", 400, "parameter.invalid"),
        ("/tickets/tickets?created_after=2026-01-01", 400, "parameter.invalid"),
        ("/tickets/tickets?externally_processed=maybe", 400, "parameter.invalid"),
    ],
)
async def test_what_makes_no_sense_is_refused(
    provider: Provider, path: str, status: int, code: str
) -> None:
    await provider.refused("GET", path, status=status, code=code)
