"""What an operator does through a connector without ISO-TP on board: the same as ever."""

from __future__ import annotations

import base64
import json
from random import Random

import msgspec
import pytest
import trio

from firmware_sim.assembly import VehicleSettings, open_device
from firmware_sim.firmware.connector import Dial, run_connector
from firmware_sim.firmware.link import Identity
from tests.end_to_end.houses import AT_ONCE, LOCKS, House, ask, key_for, tell

pytestmark = pytest.mark.slow

VINS = {"can": "WVWZZZAUZHP341562", "can-fd": "1C6SRFFT4MN528417"}


async def plug_in(house: House, kind: str) -> None:
    """Let a vehicle's connector dial in that carries raw frames only."""
    known = house.connector(kind)
    identity = Identity(known.uuid, base64.b64decode(known.private_key))
    dial = Dial(house.gateway.link_url, identity, backoff=AT_ONCE)
    settings = VehicleSettings(vehicle=known.vehicle, frames_only=True)

    async def drive() -> None:
        async with open_device(settings) as device:
            await run_connector(device, dial, Random(0), isotp=device.isotp)

    house.nursery.start_soon(drive)
    assert await house.wait_online(kind) == VINS[kind]  # read by the gateway itself


@pytest.mark.parametrize("kind", VINS)
async def test_numbers_faults_and_security_access(house: House, kind: str) -> None:
    await plug_in(house, kind)
    token = await house.operator()
    session = await house.session(kind, token)
    ecus = await house.ecus(kind, token)
    for ecu in ecus:
        answer = await tell(house, token, session, ecu, "22F190")
        assert answer == b"\x62\xf1\x90" + VINS[kind].encode()
        assert (await tell(house, token, session, ecu, "1902FF"))[:2] == b"\x59\x02"
    level = LOCKS[kind][0]
    assert (await tell(house, token, session, ecus[0], "1003"))[:2] == b"\x50\x03"
    key = key_for(kind, (await tell(house, token, session, ecus[0], f"27{level:02X}"))[2:])
    unlocked = await tell(house, token, session, ecus[0], f"27{level + 1:02X}{key.hex()}")
    assert unlocked == bytes((0x67, level + 1))
    # The session ends, and with it what it had opened and unlocked.
    await house.done("DELETE", f"/operator/v1/sessions/{session['id']}", token=token)
    another = await house.session(kind, token)
    assert await tell(house, token, another, ecus[0], "22F186") == b"\x62\xf1\x86\x01"
    everybody = await ask(house, token, another, {"functional": True}, "22F190")
    assert len(everybody) == len(ecus)


async def test_a_portal_finds_the_vehicle_and_orders_for_it(house: House) -> None:
    await plug_in(house, "can")
    ticket = await house.order("can")
    assert ticket["id"]


async def test_the_operators_websocket_exchanges_too(house: House) -> None:
    await plug_in(house, "can")
    token = await house.operator()
    session = await house.session("can", token)
    (ecu, *_) = await house.ecus("can", token)
    async with house.socket(token) as socket:
        ask_for = {"action": "exchange", "id": 7, "session": session["id"], "ecu": ecu}
        await socket.send_message(msgspec.json.encode({**ask_for, "request": "22F190"}).decode())
        with trio.fail_after(20):
            while True:
                heard = json.loads(await socket.get_message())
                if heard.get("id") == 7:
                    break
    assert VINS["can"].encode().hex().upper() in json.dumps(heard)
