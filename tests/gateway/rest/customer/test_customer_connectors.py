from __future__ import annotations

from uuid import uuid4

import pytest

from tests.gateway.portals import Portal, conforms
from tests.gateway.workshops import DISABLED, FOREIGN, MINE, SECOND, uuid_of


async def test_a_garage_lists_its_own_connectors_that_are_in_use(portal: Portal) -> None:
    page = await portal.get("/v1/connectors", "ConnectorPage")
    assert [one["id"] for one in page["result"]] == [MINE, SECOND]
    assert (page["total"], page["offset"], page["limit"]) == (2, 0, 25)
    assert not any(one["is_online"] for one in page["result"])
    page = await portal.get("/v1/connectors?offset=1&limit=1", "ConnectorPage")
    assert [one["id"] for one in page["result"]] == [SECOND]
    page = await portal.get("/v1/connectors?limit=0", "ConnectorPage")
    assert (page["result"], page["total"]) == ([], 2)


async def test_live_values_show_while_a_connector_is_online(portal: Portal) -> None:
    portal.workshop.presence.plug_in(
        MINE, vin="WVWZZZAUZHP341562", wifi=True, software_version=7, supports_doip=True
    )
    one = await portal.get(f"/v1/connectors/{MINE}", "Connector")
    assert one["is_online"]
    assert one["has_wifi"]
    assert (one["vin_number"], one["software_version"]) == ("WVWZZZAUZHP341562", 7)
    assert (one["supports_doip"], one["hardware_type"]) == (True, "classic")
    same = await portal.get(f"/v2/connectors/{uuid_of(MINE)}", "Connector")
    assert same == one


@pytest.mark.parametrize("number", [FOREIGN, DISABLED, 1, 2**63 - 1])
async def test_foreign_and_unknown_connectors_are_not_there(portal: Portal, number: int) -> None:
    await portal.refused("GET", f"/v1/connectors/{number}", 404)
    await portal.refused("GET", f"/v1/connectors/{number}/active-ticket", 404)
    await portal.refused("GET", f"/v2/connectors/{uuid_of(number)}", 404)
    dismiss = f"/v2/connectors/{uuid_of(number)}/actions/dismiss-call-for-attention"
    await portal.refused("POST", dismiss, 404)


@pytest.mark.parametrize("name", ["x", "-1", "1.5", str(2**63), "%00"])
async def test_a_number_that_is_none_is_refused(portal: Portal, name: str) -> None:
    problem = await portal.refused("GET", f"/v1/connectors/{name}", 400)
    assert problem["field"] == "connectorId"
    await portal.refused("GET", f"/v2/connectors/{name}", 400)


async def test_attention_is_dismissed(portal: Portal) -> None:
    path = f"/v2/connectors/{uuid_of(MINE)}/actions/dismiss-call-for-attention"
    answer = await portal.call("POST", path)
    assert (answer.status_code, await answer.get_data()) == (204, b"")
    await portal.refused("POST", path.replace(str(uuid_of(MINE)), str(uuid4())), 404)


async def test_the_active_ticket(portal: Portal) -> None:
    workshop = portal.workshop
    problem = await portal.refused("GET", f"/v1/connectors/{MINE}/active-ticket", 404)
    assert problem["code"] == "ticket.none_active"
    workshop.presence.plug_in(MINE)
    ticket = await workshop.service.create(workshop.customer, workshop.order())
    shown = await portal.get(f"/v1/connectors/{MINE}/active-ticket", "Ticket")
    assert shown["id"] == str(ticket.id)
    assert (shown["vin"], shown["vinNumber"]) == (ticket.vin, ticket.vin)
    assert shown["state"] == 1
    assert shown["product_ids"] == [workshop.products["100203"]]
    conforms(shown, "Ticket")


async def test_nobody_gets_in_without_a_good_token(portal: Portal) -> None:
    for path in ("/v1/connectors", f"/v1/connectors/{MINE}", f"/v2/connectors/{uuid_of(MINE)}"):
        await portal.refused("GET", path, 401, token=None)
        await portal.refused("GET", path, 401, token="forged")


@pytest.mark.parametrize("query", ["limit=201", "limit=-1", "limit=x", "offset=-1"])
async def test_paging_out_of_range(portal: Portal, query: str) -> None:
    problem = await portal.refused("GET", f"/v1/connectors?{query}", 400)
    assert problem["field"] == query.partition("=")[0]
