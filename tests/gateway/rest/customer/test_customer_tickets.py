from __future__ import annotations

from uuid import uuid4

import pytest

from gateway.storage.queries import tickets
from gateway.tickets.life import Report
from tests.gateway.portals import Json, Portal, conforms
from tests.gateway.workshops import FOREIGN, GOLF, MINE, QUESTIONS, SECOND


def body(portal: Portal, *item_numbers: str, **changes: object) -> dict[str, Json]:
    workshop = portal.workshop
    ids = [workshop.products[number] for number in item_numbers or ("100301",)]
    return {
        "vin": GOLF,
        "vehicle_model_id": workshop.golf.model.id,
        "vehicle_model_variant_id": workshop.golf.id,
        "connector_id": MINE,
        "product_ids": ids,
        "product_prerequisites": [
            {"definition_id": QUESTIONS["Power supply"], "value": "true"},
            {"definition_id": QUESTIONS["Keys present"], "value": "2"},
        ],
        "metadata": {"app_name": "portal", "app_version": 3, "vin_is_found_by_reader": True},
        **changes,
    }


async def create(portal: Portal, document: Json) -> Json:
    answer = await portal.call("POST", "/v1/tickets", json=document)
    assert answer.status_code == 201, await answer.get_data()
    ticket = await answer.get_json()
    conforms(ticket, "Ticket")
    return ticket


async def finish(portal: Portal, number: int) -> None:
    workshop = portal.workshop
    await workshop.service.begin(workshop.operator, number)
    portal.clock.advance(90)
    await workshop.service.close(workshop.operator, number, Report("Done.", 81_000))


async def test_a_ticket_from_order_to_history(portal: Portal) -> None:
    portal.workshop.presence.plug_in(MINE)
    shown = await create(portal, body(portal, voucher="WELCOME", reference="12-AB-34"))
    number = int(shown["id"])
    assert shown["state"] == 1
    assert shown["connector_id"] == MINE
    assert shown["chat_id"] == f"{number}_{shown['uuid']}"
    stored = await portal.workshop.service.find(portal.workshop.customer, number)
    assert stored.client_metadata == {
        "app_name": "portal",
        "app_version": "3",
        "vin_is_found_by_reader": True,
    }
    problem = await portal.refused("GET", f"/v1/historical-tickets/{number}", 404)
    assert problem["code"] == "ticket.not_finished"
    await finish(portal, number)
    past = await portal.get(f"/v1/historical-tickets/{number}", "HistoricalTicket")
    assert (past["state"], past["odometer_reading"]) == (7, 81_000)
    assert (past["reference"], past["voucher"]) == ("12-AB-34", "WELCOME")
    assert past["finished_at"] == "2026-03-02T09:31:30Z"
    line = past["product_lines"][0]
    assert line["net_price"]["value"] == past["sub_total"]["net_price"]["value"] == 107.1
    assert line["discounts"][0]["discount"]["price"]["value"] == 11.9
    assert past["original_equipment_service_fee"]["gross_price"]["value"] == 19
    assert past["total"]["net_price"]["value"] == 126.1
    notes = await portal.get(f"/v1/tickets/{number}/notes", "TicketNotePage")
    assert [note["value"] for note in notes["result"]] == ["Done."]


async def test_history_by_vin_and_connector(portal: Portal) -> None:
    for connector, vin in ((MINE, GOLF), (SECOND, "WVWZZZAUZHP000001"), (MINE, GOLF)):
        portal.workshop.presence.plug_in(connector)
        document = body(portal, connector_id=connector, vin=vin)
        await finish(portal, int((await create(portal, document))["id"]))
    for query, ids in (
        ("", [3, 2, 1]),
        (f"vin={GOLF.lower()}", [3, 1]),
        (f"connector_id={SECOND}", [2]),
        (f"vin={GOLF}&connector_id={SECOND}", []),
        ("limit=1&offset=1", [2]),
    ):
        page = await portal.get(f"/v1/historical-tickets?{query}", "HistoricalTicketPage")
        assert [one["id"] for one in page["result"]] == ids
    others = await portal.get("/v1/historical-tickets", "HistoricalTicketPage", token="next")
    assert others["total"] == 0


@pytest.mark.parametrize(
    ("changes", "status", "field"),
    [
        ({"vin": "short"}, 400, "vin"),
        ({"vin": 17}, 400, "vin"),
        ({"metadata": None}, 400, "metadata"),
        ({"metadata": {"app_name": "x" * 256}}, 400, "metadata.app_name"),
        ({"connector_id": FOREIGN}, 404, "connector_id"),
        ({"connector_id": SECOND}, 409, "connector_id"),
        ({"product_ids": []}, 400, "product_ids"),
        ({"product_prerequisites": []}, 400, "product_prerequisites"),
        (
            {"product_prerequisites": [{"value": "x"}]},
            400,
            "product_prerequisites[0].definition_id",
        ),
        ({"reference": "x" * 256}, 400, "reference"),
        ({"voucher": "NOPE"}, 400, "voucher"),
        ({"prepared_ticket_id": str(uuid4())}, 400, "prepared_ticket_id"),
    ],
)
async def test_wrong_orders_name_the_field_and_change_nothing(
    portal: Portal, changes: dict[str, object], status: int, field: str
) -> None:
    portal.workshop.presence.plug_in(MINE)
    document = body(portal, **changes)
    problem = await portal.refused("POST", "/v1/tickets", status, json=document)
    assert problem["field"] == field
    await portal.refused("GET", f"/v1/connectors/{MINE}/active-ticket", 404)


async def test_a_second_ticket_on_a_connector_is_a_conflict(portal: Portal) -> None:
    portal.workshop.presence.plug_in(MINE)
    await create(portal, body(portal))
    problem = await portal.refused("POST", "/v1/tickets", 409, json=body(portal))
    assert problem["code"] == "ticket.connector_busy"


async def test_unattended_services_need_consent(portal: Portal) -> None:
    portal.workshop.presence.plug_in(MINE)
    document = body(portal, "100701", product_prerequisites=[])
    problem = await portal.refused("POST", "/v1/tickets", 400, json=document)
    assert problem["field"] == "confirmed_unattended_service"
    await create(portal, document | {"confirmed_unattended_service": True})


async def test_numbers_as_text(portal: Portal) -> None:
    portal.workshop.presence.plug_in(MINE)
    document = body(portal)
    for name in ("vehicle_model_id", "vehicle_model_variant_id", "connector_id"):
        document[name] = str(document[name])
    document["product_ids"] = [[str(document["product_ids"][0])]]
    assert (await create(portal, document))["connector_id"] == MINE


async def test_prepared_tickets_for_a_vin(portal: Portal) -> None:
    workshop = portal.workshop
    workshop.presence.plug_in(MINE)
    prepared = await workshop.service.prepare(
        workshop.operator, 1, GOLF, workshop.basket("100301")
    )
    page = await portal.get(f"/v1/prepared-tickets?vin={GOLF}", "PreparedTicketPage")
    assert page["result"][0]["id"] == str(prepared.uuid)
    assert page["result"][0]["product_lines"][0]["name"] == "Add a key"
    others = await portal.get(
        f"/v1/prepared-tickets?vin={GOLF}", "PreparedTicketPage", token="next"
    )
    assert others["total"] == 0
    await portal.refused("GET", "/v1/prepared-tickets", 400)
    ticket = await create(portal, body(portal, prepared_ticket_id=str(prepared.uuid)))
    assert ticket["uuid"] == str(prepared.uuid)
    page = await portal.get(f"/v1/prepared-tickets?vin={GOLF}", "PreparedTicketPage")
    assert page["total"] == 0


async def test_foreign_tickets_are_not_there(portal: Portal) -> None:
    portal.workshop.presence.plug_in(MINE)
    number = int((await create(portal, body(portal)))["id"])
    await finish(portal, number)
    for token in ("next", "far"):
        await portal.refused("GET", f"/v1/tickets/{number}/notes", 404, token=token)
        await portal.refused("GET", f"/v1/historical-tickets/{number}", 404, token=token)
        await portal.refused(
            "POST", f"/v1/tickets/{number}/csat", 404, token=token, json={"score": 1}
        )


async def test_scores(portal: Portal) -> None:
    portal.workshop.presence.plug_in(MINE)
    number = int((await create(portal, body(portal)))["id"])
    for score in ({"score": 1, "comment": "quick"}, {"score": "-0.5", "comment": None}):
        answer = await portal.call("POST", f"/v1/tickets/{number}/csat", json=score)
        assert (answer.status_code, await answer.get_json()) == (200, None)
    for wrong in ({"score": 2}, {"score": None}, {"comment": "x"}, {"score": "much"}):
        problem = await portal.refused("POST", f"/v1/tickets/{number}/csat", 400, json=wrong)
        assert problem["field"] == "score"
    assert (await portal.workshop.database.read(tickets.steps, number))[0].type == "created"


async def test_no_token(portal: Portal) -> None:
    for method, path in (
        ("POST", "/v1/tickets"),
        ("GET", "/v1/tickets/1/notes"),
        ("POST", "/v1/tickets/1/csat"),
        ("GET", "/v1/prepared-tickets"),
        ("GET", "/v1/historical-tickets"),
        ("GET", "/v1/historical-tickets/1"),
    ):
        await portal.refused(method, path, 401, token=None)
