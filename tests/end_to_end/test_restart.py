"""A gateway that is stopped and started again: nothing acknowledged is lost, devices come back."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

import pytest
import trio
from structlog.typing import FilteringBoundLogger

from tests.end_to_end.houses import House, open_house, tell
from tests.support.link_world import until

pytestmark = pytest.mark.slow


def port_of(url: str) -> int:
    port = urlsplit(url).port
    assert port is not None
    return port


async def test_everything_is_there_again(folder: Path, log: FilteringBoundLogger) -> None:
    async with open_house(folder, log) as first:
        await first.plug_in("can", "doip")
        customer, operator = await first.customer(), await first.operator()
        ticket = await first.order("can")
        body = {"ticket_id": int(ticket["id"])}
        await first.done("POST", "/operator/v1/sessions", body, token=operator)
        before = await first.done("GET", f"/operator/v1/tickets/{ticket['id']}", token=operator)
        await until(lambda: first.vin_on_record("can") is not None)
        rows = first.rows()
    async with open_house(folder, log) as second:
        changed = {
            table: (rows[table], count)
            for table, count in second.rows().items()
            if rows[table] != count
        }
        assert changed == {}
        # Tokens signed before still open doors, and the ticket is still in service.
        await second.done("GET", "/v1/users/me", token=customer)
        path = f"/operator/v1/tickets/{ticket['id']}"
        assert await second.done("GET", path, token=operator) == before
        assert before["state"] == "in_progress"
        face = await second.done(
            "GET", f"/operator/v1/connectors/{second.connector('can').uuid}", token=operator
        )
        assert (face["online"], face["vin"]) == (False, "WVWZZZAUZHP341562")
        await second.plug_in("can")
        again = await second.done("POST", "/operator/v1/sessions", body, token=operator)
        assert again["lease"] == "writer"
        closed = await second.done("POST", f"{path}/close", {}, token=operator)
        assert closed["state"] == "closed"


async def test_connectors_come_back_by_themselves(folder: Path, log: FilteringBoundLogger) -> None:
    async with open_house(folder, log) as first:
        ports = {"http": port_of(first.gateway.http_url), "link": port_of(first.gateway.link_url)}
    async with trio.open_nursery() as devices:
        async with open_house(folder, log, **ports) as first:
            # These live longer than the gateway.
            first.nursery = devices
            await first.plug_in("can", "can-fd", "doip")
            token = await first.operator()
            session = await first.session("can", token)
            ecu = (await first.ecus("can", token))[0]
            await tell(first, token, session, ecu, "1003")
        async with open_house(folder, log, **ports) as second:
            for kind in ("can", "can-fd", "doip"):
                await second.wait_online(kind)
            await check_safe(second, token)
            devices.cancel_scope.cancel()


async def check_safe(house: House, token: str) -> None:
    """Check that what the first gateway's session had opened is closed again."""
    session = await house.session("can", token)
    ecu = (await house.ecus("can", token))[0]
    answer = await tell(house, token, session, ecu, "22F186")
    assert answer[:2] == b"\x7f\x22" or answer[3:] == b"\x01"
    refused = await tell(house, token, session, ecu, "2703")
    assert refused[:2] == b"\x7f\x27"
