"""Uploaded descriptions, through every layer: exchanges and frames carry names and units."""

from __future__ import annotations

import json

import msgspec
import pytest
import trio

from tests.end_to_end.houses import House, Json
from tests.support.odx import archive, pdx

pytestmark = pytest.mark.slow

PATH = "/operator/v1/descriptions"

#: The simulated Golf's engine speed message, as a database of one.
DBC = """VERSION ""
NS_ :
BS_:
BU_: Engine
BO_ {identifier} Motion: 8 Engine
 SG_ Speed : 0|16@1+ (0.25,0) [0|16000] "rpm" Engine
"""


async def upload(house: House, token: str, content: bytes, query: str = "") -> Json:
    headers = {"Authorization": f"Bearer {token}"}
    return await house.client.post(PATH + query, content=content, headers=headers)


async def test_exchanges_carry_names_units_and_trouble_codes(house: House) -> None:
    await house.plug_in("can")
    token = await house.operator()
    session = await house.session("can", token)
    exchange = f"/operator/v1/sessions/{session['id']}/exchanges"
    body = {"ecu": {"request_id": "0x7E0", "response_id": "0x7E8"}, "request": "1902FF"}
    bare = await house.done("POST", exchange, body, token=token)
    assert "decoded" not in bare

    made = await upload(house, token, pdx(), "?name=Golf&vin_prefix=wvwzzz")
    assert made.status_code == 201, made.text
    known = made.json()
    assert (known["kind"], known["vin_prefix"]) == ("pdx", "WVWZZZ")
    assert known["content"]["control_units"][0]["addresses"] == [0x7E0, 0x7E8]
    assert (await house.done("GET", PATH, token=token))["result"] == [known]

    told = await house.done("POST", exchange, body, token=token)
    while "decoded" not in told:  # the first one waits for the process to read the file
        told = await house.done("POST", exchange, body, token=token)
    assert told["decoded"]["service"] == "Read_Faults"
    (response,) = told["responses"]
    names = [value["name"] for value in response["decoded"]["values"]]
    assert "faults[0].code" in names
    assert response["data"] == bare["responses"][0]["data"]

    async with house.socket(token) as socket:
        asked = body | {"action": "exchange", "session": session["id"], "id": 1}
        for decode in (True, False):
            await socket.send_message(msgspec.json.encode(asked | {"decode": decode}).decode())
            with trio.fail_after(10):
                heard = json.loads(await socket.get_message())
            meant = told["responses"][0]["decoded"] if decode else None
            assert heard["responses"][0].get("decoded") == meant
            assert heard.get("decoded") == (told["decoded"] if decode else None)

    one = f"{PATH}/{known['id']}"
    assert await house.done("GET", one, token=token) == known
    assert (await house.call("DELETE", one, token=token)).status_code == 204
    assert (await house.call("DELETE", one, token=token)).status_code == 404
    assert "decoded" not in await house.done("POST", exchange, body, token=token)


async def test_frames_carry_names_and_units(house: House) -> None:
    await house.plug_in("can")
    token = await house.operator()
    session = await house.session("can", token)
    asked = {"action": "subscribe", "session": session["id"], "stream": "frames", "bus": "can0"}
    asked |= {"format": "json", "decode": True}
    async with house.socket(token) as socket:
        await socket.send_message(msgspec.json.encode(asked).decode())
        identifier = None
        with trio.fail_after(20):
            while True:
                message = json.loads(await socket.get_message())
                if message["action"] != "frames":
                    continue
                if identifier is None:
                    frame = next(it for it in message["frames"] if not it["extended"])
                    assert "decoded" not in frame
                    identifier = frame["id"]
                    text = DBC.format(identifier=identifier).encode()
                    assert (await upload(house, token, text, "?bus=can0")).status_code == 201
                    continue
                found = [it for it in message["frames"] if it.get("decoded")]
                if found:
                    break
    assert {it["id"] for it in found} == {identifier}
    assert found[0]["decoded"]["message"] == "Motion"
    (signal,) = found[0]["decoded"]["signals"]
    raw = int.from_bytes(bytes.fromhex(found[0]["data"])[:2], "little")
    assert signal == {"name": "Speed", "value": pytest.approx(raw / 4), "unit": "rpm"}


async def test_what_is_no_description_is_refused_and_says_why(house: House) -> None:
    token = await house.operator()
    bomb = archive({"car.odx-d": bytes(300 << 20)})
    for content, query, status, words in (
        (b"", "", 400, "no"),
        (b"PK nonsense", "", 400, "zip archive"),
        (b"BO_ nonsense", "", 400, "DBC"),
        (pdx(), "?kind=dbc", 400, "DBC"),
        (bomb, "", 400, "too large"),
        (pdx(), "?kind=xls", 400, "pdx or dbc"),
        (pdx(), "?vin_prefix=WVW%25", 400, "letters and digits"),
        (pdx(), f"?name={'x' * 200}", 400, "120"),
    ):
        answer = await upload(house, token, content, query)
        assert answer.status_code == status, (query, answer.text)
        assert words in answer.json()["detail"]
        assert answer.json()["field"]
    assert (await house.done("GET", PATH, token=token))["total"] == 0
    assert (await house.client.post(PATH, content=b"x")).status_code == 401
    other = await house.another_operator()
    made = (await upload(house, token, pdx())).json()
    assert (await house.call("GET", f"{PATH}/{made['id']}", token=other)).status_code == 200
