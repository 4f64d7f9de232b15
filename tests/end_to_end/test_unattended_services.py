"""Services without an operator, from the order at the portal to the report of what was done."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
import trio
from structlog.typing import FilteringBoundLogger

from gateway.config.unattended import UnattendedSettings
from gateway.demo.portal import Portal
from tests.end_to_end.houses import House, Json, open_house

pytestmark = pytest.mark.slow

#: Codes the demo's DoIP vehicle under security; the other procedure has a wrong key.
CODING = """
- name: {name}
  products: ["{product}"]
  vehicles: [{{make: Volvo, model: XC90}}]
  steps:
    - do: write
      ecu: gateway
      identifier: 0x1F00
      name: car configuration
      value: "00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 {last}"
      mask: "00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 FF"
      lock: {{level: 5, mask: {mask}, rotate: 6, add: 0x0BADF00D}}
"""
GOOD = CODING.format(name="Country coding", product="100401", last="0C", mask="0x44C1E9A5")
BAD = CODING.format(name="Wrong key", product="100804", last="0D", mask="0x11111111")


async def order(house: House, kind: str, item_number: str) -> Json:
    portal, known = Portal(house.gateway.http_url, ""), house.connector(kind)
    vin = await house.wait_online(kind)
    try:
        await portal.sign_in(known.uuid, known.pincode)
        chosen = await portal.choose(vin, item_number)
        return await portal.order(chosen, vin, known.id, "unattended")
    finally:
        with trio.move_on_after(1, shield=True):
            await portal.client.aclose()


async def notes_of(house: House, token: str, ticket: Json) -> Json:
    """Return the notes of a ticket, once there are some."""
    with trio.fail_after(20):
        while True:
            path = f"/v1/tickets/{ticket['id']}/notes"
            notes = (await house.done("GET", path, token=token))["result"]
            if notes:
                return notes
            await trio.sleep(0.05)


async def test_a_service_interval_is_reset_and_the_garage_gets_the_report(
    folder: Path, log: FilteringBoundLogger
) -> None:
    async with open_house(folder, log) as house:
        await house.plug_in("can")
        token = await house.customer("can")
        async with house.socket(token, "/ws/customer") as socket:
            ticket = await order(house, "can", "100701")
            wanted = {"action": "subscribeToTicket", "ticket_id": int(ticket["id"])}
            await socket.send_message(msgspec.json.encode(wanted).decode())
            seen: list[Json] = []
            with trio.fail_after(20):
                while not seen or seen[-1]["state"] != 7:
                    seen.append(msgspec.json.decode(await socket.get_message())["message"])
        assert seen[-1]["unattended"] | {"reason": None} == {
            "state": "finished", "step": 2, "steps": 2, "label": "", "reason": None,
        }  # fmt: skip
        [note] = await notes_of(house, token, ticket)
        [attached] = note["attachments"]
        report = await house.client.get(attached["url"])
        assert report.content.startswith(b"%PDF-")
        operator = await house.operator()
        session = await house.session("can", operator)
        path = f"/operator/v1/sessions/{session['id']}/exchanges"
        body = {"ecu": {"request_id": 0x7E0, "response_id": 0x7E8}, "request": "220780"}
        answer = await house.done("POST", path, body, token=operator)
        assert answer["responses"][0]["data"] == "6207800000"


async def test_a_coding_is_declared_and_what_the_vehicle_refuses_goes_to_an_operator(
    folder: Path, log: FilteringBoundLogger, tmp_path: Path
) -> None:
    path = tmp_path / "own.yaml"
    path.write_text(GOOD + BAD)
    chosen = UnattendedSettings(procedures=path)
    async with open_house(folder, log, unattended=chosen) as house:
        await house.plug_in("doip")
        token = await house.customer("doip")
        done = await order(house, "doip", "100401")
        [note] = await notes_of(house, token, done)
        assert note["value"].startswith("Country coding: carried out"), note["value"]

        refused = await order(house, "doip", "100804")
        [note] = await notes_of(house, token, refused)
        assert note["value"] == (
            "Wrong key: handed over to an operator. gateway refuses SecurityAccess: invalidKey."
        )
        active = f"/v1/connectors/{house.connector('doip').id}/active-ticket"
        assert (await house.done("GET", active, token=token))["state"] == 1
