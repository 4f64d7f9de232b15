from __future__ import annotations

import pytest

from tests.gateway.partners import Provider

pytestmark = pytest.mark.slow


async def test_another_provider_serves_it(provider: Provider) -> None:
    ticket = await provider.order()
    item = f"/tickets/tickets/{ticket.uuid}"
    asked = await provider.done("POST", f"{item}/outsource", {"provider_id": 2}, status=201)
    assert (asked["state"], asked["ticket_id"]) == ("pending", str(ticket.uuid))
    own = (await provider.done("GET", "/tickets/outsourced-tickets"))["result"][0]
    assert (own["outsourced"], own["reclaimable"], own["outsource_provider_id"]) == (True, True, 2)
    theirs = (await provider.done("GET", "/tickets/pending-tickets", token="far"))["result"][0]
    assert (theirs["id"], theirs["source_provider_id"]) == (str(ticket.uuid), 1)
    assert (theirs["outsourced"], theirs["reclaimable"]) == (False, False)
    joined = await provider.done("POST", f"{item}/join", token="far")
    assert (joined["state"], joined["operator_id"]) == ("in_progress", "op-x")
    seen = await provider.done("GET", item)
    assert (seen["state"], seen["reclaimable"], seen["operator_id"]) == ("outsourced", False, None)
    await provider.refused("POST", f"{item}/reclaim", status=409, code="ticket.not_reclaimable")
    # Its operators come in by the ticket, on a connector of a garage that is not theirs.
    session = await provider.floor.done(
        "POST", "/sessions", {"ticket_id": ticket.id}, status=201, token="far"
    )
    assert session["lease"] == "writer"
    closed = await provider.done("POST", f"{item}/close", {"note": "Done."}, token="far")
    assert closed["state"] == "closed"
    assert (await provider.done("GET", item))["state"] == "closed"
    shown = await provider.done("GET", f"/tickets/outsources/{asked['id']}")
    assert (shown["state"], shown["operator_id"]) == ("closed", None)
    shown = await provider.done("GET", f"/tickets/outsources/{asked['id']}", token="far")
    assert shown["operator_id"] == "op-x"


async def test_it_goes_back_or_is_taken_back(provider: Provider) -> None:
    ticket = await provider.order()
    item = f"/tickets/tickets/{ticket.uuid}"
    await provider.done("POST", f"{item}/join")
    await provider.floor.done("POST", "/sessions", {"ticket_id": ticket.id}, status=201)
    await provider.done("POST", f"{item}/outsource", {"provider_id": 2}, status=201)
    assert (await provider.floor.done("GET", "/sessions"))["total"] == 0
    await provider.done("POST", f"{item}/join", token="far")
    gone = await provider.done("POST", f"{item}/cancel", {"cancel_reason_id": 2}, token="far")
    assert gone["state"] == "cancelled"
    await provider.refused("GET", item, status=404, code="ticket.unknown", token="far")
    assert (await provider.done("GET", item))["state"] == "pending"
    await provider.done("POST", f"{item}/outsource", {"provider_id": 2}, status=201)
    back = await provider.done("POST", f"{item}/reclaim")
    assert (back["state"], back["outsourced"]) == ("pending", False)
    found = await provider.done("GET", "/tickets/outsources")
    assert [one["state"] for one in found["result"]] == ["cancelled", "cancelled"]
    assert {one["cancel_reason_id"] for one in found["result"]} == {2, None}
    narrowed = await provider.done("GET", "/tickets/outsources?state=pending")
    assert (narrowed["total"], narrowed["query"]["state"]) == (0, "pending")
    others = await provider.done("GET", "/tickets/outsource-providers")
    assert others["result"] == [{"id": 2, "name": "Another Service"}]
    await provider.refused(
        "POST", f"{item}/outsource", {"provider_id": 1}, status=400, code="outsource.own_provider"
    )
