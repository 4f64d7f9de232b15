"""A lease that moves between operators, through every layer, with a simulated vehicle."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import pytest
import trio
from structlog.typing import FilteringBoundLogger
from trio_websocket import WebSocketConnection

from gateway.config import SessionSettings
from tests.end_to_end.houses import Json, ask, open_house, tell

pytestmark = pytest.mark.slow

#: Active diagnostic session (ISO 14229-1, F186): what the control unit itself says.
ACTIVE_SESSION = "22F186"


async def _lease_news(socket: WebSocketConnection) -> Json:
    with trio.fail_after(20):
        while True:
            message = json.loads(await socket.get_message())
            if message.get("kind") in {"lease", "safe_state"}:
                return message


@pytest.mark.parametrize("kind", ["can", "doip"])
async def test_a_lease_moves_with_the_vehicle_in_its_safe_state(
    folder: Path, log: FilteringBoundLogger, kind: str
) -> None:
    quick = SessionSettings(take_over_notice=0.3)
    async with open_house(folder, log, sessions=quick) as house:
        await house.plug_in(kind)
        holder_token, taker_token = await house.operator(), await house.another_operator()
        holder = await house.session(kind, holder_token)
        taker = await house.session(kind, taker_token)
        ecu = (await house.ecus(kind, holder_token))[0]
        await tell(house, holder_token, holder, ecu, "1003")
        before = (await ask(house, holder_token, holder, ecu, ACTIVE_SESSION))[0]["data"]
        async with house.socket(holder_token) as socket:
            following = {"action": "subscribe", "session": holder["id"], "stream": "news"}
            await socket.send_message(msgspec.json.encode(following).decode())
            path = f"/operator/v1/sessions/{taker['id']}/lease"
            asked = await house.call("POST", path, {"take_over": True}, token=taker_token)
            assert asked.status_code == 202
            notice = await _lease_news(socket)
            assert (notice["lease"], notice["take_over"]["seconds"]) == ("writer", 0.3)
            assert (await _lease_news(socket))["reason"] == "take_over"
            safe = await _lease_news(socket)
            assert (safe["kind"], safe["safe"]) == ("safe_state", True)
        assert (await house.done("GET", path, token=taker_token))["lease"] == "writer"
        # The control unit is out of the session that the former holder had opened.
        after = (await ask(house, taker_token, taker, ecu, ACTIVE_SESSION))[0]["data"]
        assert (before, after) == ("62F18603", "62F18601")
        refused = await house.call(
            "POST",
            f"/operator/v1/sessions/{holder['id']}/exchanges",
            {"ecu": ecu, "request": "3E00"},
            token=holder_token,
        )
        assert (refused.status_code, refused.json()["code"]) == (409, "session.no_lease")
