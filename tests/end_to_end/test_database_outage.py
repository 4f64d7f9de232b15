"""The database goes and comes back: requests say so, links stay, what was recorded lands."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from unittest.mock import patch
from uuid import UUID

import pytest
import trio
from sqlalchemy.exc import OperationalError

from tests.end_to_end.houses import House, tell
from tests.support.link_world import until

pytestmark = pytest.mark.slow

#: What needs the database, of each API: method, path, who asks.
REQUESTS = [
    ("GET", "/v1/users/me", "customer"),
    ("POST", "/v2/authenticate/pincode", ""),
    ("GET", "/operator/v1/tickets", "operator"),
    ("POST", "/operator/v1/sessions", "operator"),
    ("GET", "/partner/v2/tickets/service-center", "operator"),
    ("GET", "/backoffice/repair/api/customers", "desk"),
    ("GET", "/backoffice/planner/client", "planner"),
    ("GET", "/backoffice/field-sales/client", "field_sales"),
]

#: Members of each API's refusals.
SHAPES = {
    "": {"type", "title", "status", "detail", "code", "instance"},
    "desk": {"message"},
    "planner": {"message"},
    "field_sales": {"success", "error"},
}


@contextmanager
def gone(house: House) -> Iterator[None]:
    """Let the database be gone for the block: nobody gets a connection."""
    engine = house.gateway.database.engine

    def refuse() -> None:
        raise OperationalError("connect", None, ConnectionRefusedError())

    with patch.object(engine, "connect", refuse):
        yield
    house.gateway.database._gone_until = 0.0


async def tokens(house: House) -> dict[str, str]:
    """Sign everybody in: who -> token."""
    desk = house.people.backoffice
    body = {"email": desk.email, "password": desk.password}
    signed_in = await house.done("POST", "/backoffice/repair/api/auth/login", body)
    return {
        "customer": await house.customer(),
        "operator": await house.operator(),
        "desk": signed_in["token"],
        "planner": desk.planner_token,
        "field_sales": desk.field_sales_key,
    }


async def test_every_api_says_when_to_come_again(house: House) -> None:
    who = await tokens(house)
    known = house.connector("can")
    body = {"connector_uuid": known.uuid, "pincode": known.pincode}
    with gone(house):
        for method, path, caller in REQUESTS:
            sent = body if method == "POST" else None
            answer = await house.call(method, path, sent, token=who.get(caller))
            assert answer.status_code == 503, (path, answer.text)
            assert int(answer.headers["Retry-After"]) > 0, path
            assert answer.json().keys() == SHAPES.get(caller, SHAPES[""]), (path, answer.text)
        assert (await house.call("GET", "/healthz")).status_code == 200
        assert (await house.call("GET", "/readyz")).json()["failed"] == ["database"]
    for method, path, caller in REQUESTS:
        sent = body if method == "POST" else None
        answer = await house.call(method, path, sent, token=who.get(caller))
        assert answer.status_code != 503, path
    assert (await house.call("GET", "/readyz")).status_code == 200


async def test_sessions_go_on_and_their_recording_lands(house: House) -> None:
    await house.plug_in("can")
    operator = await house.operator()
    session = await house.session("can", operator)
    ecu = (await house.ecus("can", operator))[0]
    live = house.gateway.registry.require(UUID(house.connector("can").uuid))
    with gone(house):
        assert (await tell(house, operator, session, ecu, "22F190"))[:3] == b"\x62\xf1\x90"
        ended = await house.call(
            "DELETE", f"/operator/v1/sessions/{session['id']}", token=operator
        )
        assert ended.status_code == 204
        # Somebody tries, in vain, to put it on record.
        refused = house.gateway.database.statistics().refused
        await until(lambda: house.gateway.database.statistics().refused > refused, within=10)
        assert live.connected
    path = f"/operator/v1/sessions/{session['id']}/recording"
    await wait_whole(house, f"/operator/v1/recordings/{session['id']}", operator)
    exported = await house.call("GET", f"{path}?format=candump", token=operator)
    assert "62F190" in exported.text.replace("#", "").upper()


async def test_a_connector_that_comes_meanwhile_is_told_to_come_again(house: House) -> None:
    with gone(house):
        house.start("can")
        refused = house.gateway.database.statistics().refused
        await until(lambda: house.gateway.database.statistics().refused > refused, within=10)
        assert house.sent_away == []
    assert await house.wait_online("can")
    await until(lambda: house.vin_on_record("can") is not None, within=10)


async def wait_whole(house: House, path: str, token: str) -> None:
    """Wait until a recording is on record as whole."""
    with trio.fail_after(20):
        while True:
            answer = await house.call("GET", path, token=token)
            if answer.is_success and answer.json()["state"] == "whole":
                return
            await trio.sleep(0.1)
