"""The operators' commands against a whole gateway: what they print, and their exit statuses."""

from __future__ import annotations

import json
import sys
import zlib
from argparse import ArgumentTypeError
from pathlib import Path
from random import Random
from typing import Any

import can
import pytest
import trio

from gateway.cli import main
from gateway.cli.diagnosis import flags, spell
from gateway.cli.flashing import fill_in, read_procedure
from gateway.cli.remote import hexadecimal, meaning, readable, status_of
from gateway.cli.watching import as_json, line, log_line, parse_filter
from gateway.client import Client
from gateway.client.errors import Misconfigured, NegativeAnswer, Unreachable
from gateway.client.records import Hex, Response
from gateway.client.streams import Frames
from protocols.can.filters import CanFilter
from protocols.can.frame import CanFrame
from tests.end_to_end.conftest import folder, furnished_folder, house
from tests.end_to_end.houses import House
from tests.end_to_end.test_transfer_jobs import LOCK, START, procedure
from tests.support.odx import pdx

__all__ = ["folder", "furnished_folder", "house"]


class Terminal:
    """Runs operators' commands; the gateway and the operator come from the environment."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys

    async def run(self, *arguments: str, status: int = 0) -> str:
        """Run a command to its end; return standard output, or what it said against it."""
        with trio.fail_after(30):
            found = await trio.to_thread.run_sync(main, arguments)
        out, err = self._capsys.readouterr()
        assert found == status, (out, err)
        assert "Traceback" not in err
        return out if status == 0 else out + err

    # Any: each test knows what its command prints.
    async def json(self, *arguments: str) -> Any:
        """Run a command and return the one line of JSON that it prints."""
        return json.loads(await self.run(*arguments, "--json"))


@pytest.fixture
async def terminal(
    house: House, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Terminal:
    operator = house.people.operator
    monkeypatch.setenv("GATEWAY_URL", house.gateway.http_url)
    monkeypatch.setenv("GATEWAY_CLIENT_ID", operator.client_id)
    monkeypatch.setenv("GATEWAY_CLIENT_SECRET", operator.client_secret)
    return Terminal(capsys)


@pytest.mark.slow
async def test_connectors_are_listed(house: House, terminal: Terminal) -> None:
    await house.plug_in("can")
    lines = (await terminal.run("connectors")).splitlines()
    assert [line.split("\t")[1] for line in lines].count("online") == 1
    (only,) = await terminal.json("connectors", "--online")
    assert (only["uuid"], only["vin"]) == (house.connector("can").uuid, "WVWZZZAUZHP341562")


@pytest.mark.slow
async def test_identifiers_are_read(house: House, terminal: Terminal) -> None:
    await house.plug_in("can")
    out = await terminal.run("uds", "read-did", "F190", "f187", "--ecu", "engine")
    assert "F190\t57 56 57" in out
    assert "WVWZZZAUZHP341562" in out
    found = await terminal.json("uds", "read-did", "F190", "--ecu", "7E0:7E8")
    assert found == [
        {
            "did": "F190",
            "data": "57 56 57 5A 5A 5A 41 55 5A 48 50 33 34 31 35 36 32",
            "text": "WVWZZZAUZHP341562",
            "error": None,
        }
    ]
    out = await terminal.run("uds", "read-did", "DEAD", "F190", "--ecu", "engine", status=3)
    assert "requestOutOfRange" in out
    assert "WVWZZZAUZHP341562" in out


def test_what_a_description_knows_is_said_in_words() -> None:
    bare = Response(0x7E8, Hex(b"\x62"), None, 0, "", "")
    assert meaning(bare) == ""
    values = [
        {"name": "temperature", "value": 0, "unit": "°C"},
        {"name": "fault", "value": 0x030100, "text": "Misfire", "unit": None},
    ]
    told = Response(0x7E8, Hex(b"\x62"), None, 0, "", "", {"values": values})
    assert meaning(told) == "temperature 0 °C, fault Misfire"


@pytest.mark.slow
async def test_requests_go_as_they_are(house: House, terminal: Terminal) -> None:
    await house.plug_in("can")
    assert await terminal.run("uds", "raw", "3E00", "--ecu", "engine") == "7E8  7E 00\n"
    out = await terminal.run("uds", "raw", "22 DE AD", "--ecu", "engine", status=3)
    assert out == "7E8  7F 22 31  requestOutOfRange\n"
    assert "49 02" in await terminal.run("uds", "raw", "0902", "--ecu", "functional")
    answer = await terminal.json("uds", "raw", "3E00", "--ecu", "engine")
    assert (answer["ecu"], answer["data"], answer["negative"]) == (0x7E8, "7E00", None)
    assert "vehicle.no_response" in await terminal.run(
        "uds", "raw", "3E00", "--ecu", "1:2", status=3
    )


@pytest.mark.slow
async def test_trouble_codes_are_listed_and_cleared(house: House, terminal: Terminal) -> None:
    await house.plug_in("can")
    out = await terminal.run("uds", "dtc", "list", "--ecu", "engine")
    assert "engine\tP0301-00\t2F\tfailed, failed this cycle, pending, confirmed" in out
    everywhere = await terminal.json("uds", "dtc", "list")
    assert {"engine"} < {row["ecu"] for row in everywhere}
    assert all(row["text"] == "" for row in everywhere if "code" in row)
    headers = {"Authorization": f"Bearer {await house.operator()}"}
    path = "/operator/v1/descriptions"
    made = await house.client.post(path, content=pdx(), headers=headers)
    assert made.status_code == 201, made.text
    with trio.fail_after(20):
        while "Cylinder 1 misfire" not in out:  # the first one waits for the file to be read
            out = await terminal.run("uds", "dtc", "list", "--ecu", "engine")
    assert "P0301-00" in next(line for line in out.splitlines() if "misfire" in line)
    assert "cleared" in await terminal.run("uds", "dtc", "clear", "--ecu", "engine")
    assert await terminal.json("uds", "dtc", "list", "--ecu", "engine") == []
    assert "--ecu: engine" in await terminal.run("uds", "dtc", "clear", status=2)


@pytest.mark.slow
async def test_the_vehicle_is_named_where_there_are_several(
    house: House, terminal: Terminal
) -> None:
    raw = ("uds", "raw", "3E00", "--ecu", "engine")
    assert "No connectors are online" in await terminal.run(*raw, status=2)
    await house.plug_in("can", "doip")
    assert "2 connectors are online" in await terminal.run(*raw, status=2)
    await terminal.run(*raw, "--connector", house.connector("can").uuid)
    token = await house.operator()
    session = await house.session("can", token)
    await terminal.run(*raw, "--session", session["id"])
    path = f"/operator/v1/sessions/{session['id']}"
    assert (await house.done("GET", path, token=token))["exchanges"] == 1


@pytest.mark.slow
async def test_frames_are_shown_as_candump_does(
    house: House, terminal: Terminal, tmp_path: Path
) -> None:
    await house.plug_in("can")
    operator = house.people.operator
    async with (
        Client(house.gateway.http_url, operator.client_id, operator.client_secret) as client,
        await client.open(connector=house.connector("can").uuid) as session,
        trio.open_nursery() as nursery,
    ):

        async def ping() -> None:
            while True:
                await session.send_frames([CanFrame(0x7E0, bytes.fromhex("023E005555555555"))])
                await trio.sleep(0.05)

        nursery.start_soon(ping)
        monitor = ("monitor", "--session", session.id, "--filter", "7E8")
        out = await terminal.run(*monitor, "--count", "2")
        assert len(out.splitlines()) == 2
        assert "can0       7E8   [8]  02 7E 00" in out
        out = await terminal.run(*monitor, "--count", "3", "--log")
        (tmp_path / "bus.log").write_text(out)
        with can.LogReader(tmp_path / "bus.log") as reader:
            assert [message.arbitration_id for message in reader] == [0x7E8] * 3
        frame = await terminal.json(*monitor, "--count", "1")
        assert (frame["id"], frame["data"][:6], frame["bus"]) == (0x7E8, "027E00", "can0")
        assert await terminal.run(*monitor[:3], "--filter", "123", "--seconds", "0.05") == ""
        nursery.cancel_scope.cancel()


@pytest.mark.slow
async def test_recordings_are_exported(house: House, terminal: Terminal, tmp_path: Path) -> None:
    await house.plug_in("can")
    token = await house.operator()
    session = await house.session("can", token)
    await terminal.run("uds", "raw", "22F190", "--ecu", "engine", "--session", session["id"])
    await house.done("DELETE", f"/operator/v1/sessions/{session['id']}", token=token)
    log = tmp_path / "session.log"
    export = ("record", "export", "--session", session["id"], "--format", "candump")
    assert f"{log}: " in await terminal.run(*export, "--output", str(log))
    with can.LogReader(log) as reader:
        assert {0x7E0, 0x7E8} <= {message.arbitration_id for message in reader}
    unknown = ("record", "export", "--session", "ab" * 16, "--output", str(tmp_path / "none"))
    await terminal.run(*unknown, status=1)
    nowhere = (*export, "--output", str(tmp_path / "no" / "folder"))
    assert "cannot be written" in await terminal.run(*nowhere, status=2)
    left = {path.name for path in await trio.Path(tmp_path).iterdir()}
    assert left == {"house", "session.log"}


@pytest.mark.slow
@pytest.mark.process
async def test_a_control_unit_is_flashed(house: House, terminal: Terminal, tmp_path: Path) -> None:
    await house.plug_in("can")
    image = Random(7).randbytes(3 * 4093)
    (tmp_path / "image.bin").write_bytes(image)
    # The same procedure, for whatever image: sums and sizes are filled in.
    text = json.dumps(procedure(image)).replace(f"{zlib.crc32(image):08X}", "{crc32}")
    how = json.loads(text.replace(f"{len(image):08X}", "{size}"))
    del how["segments"][0]["length"]
    (tmp_path / "how.json").write_text(json.dumps(how))
    mask, rotation, addend = LOCK
    program = tmp_path / "key.py"
    program.write_text(
        "import sys\n"
        f"word = int(sys.argv[1], 16) ^ {mask}\n"
        f"word = (word << {rotation} | word >> {32 - rotation}) & 0xFFFFFFFF\n"
        f"print('%08x' % ((word + {addend}) & 0xFFFFFFFF))\n"
    )
    assert START == 0x200000
    flash = (
        "flash",
        str(tmp_path / "image.bin"),
        "--procedure",
        str(tmp_path / "how.json"),
        "--ecu",
        "engine",
    )
    key = ("--key-command", f"{sys.executable} {program}")
    out = await terminal.run(*flash, *key, "--json")
    steps = [json.loads(told) for told in out.splitlines()]
    assert (steps[-1]["state"], steps[-1]["transferred"], steps[-1]["safe"]) == (
        "done",
        len(image),
        True,
    )
    assert {"awaiting_key", "running"} <= {step["state"] for step in steps}
    assert f"done: {len(image)} bytes" in await terminal.run(*flash, *key)
    refused = await terminal.run(*flash, "--key-command", f"{sys.executable} -c 0", status=2)
    assert "gave no key" in refused
    out = await terminal.run("uds", "raw", "22F186", "--ecu", "engine")
    assert out == "7E8  62 F1 86 01\n", "aborted to the default session"


@pytest.mark.slow
async def test_what_cannot_be_reached_or_signed_in_to_says_so(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert "client secret" in await terminal.run("connectors", "--client-secret", "no", status=1)
    out = await terminal.run("connectors", "--url", "http://127.0.0.1:1", status=1)
    assert "No gateway answers at http://127.0.0.1:1" in out
    assert "no gateway's address" in await terminal.run("connectors", "--url", "x", status=2)
    monkeypatch.delenv("GATEWAY_CLIENT_SECRET")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert "GATEWAY_CLIENT_SECRET" in await terminal.run("connectors", status=2)


# --- parts -------------------------------------------------------------------------------------


def test_bytes_as_people_read_them() -> None:
    assert hexadecimal(b"\x62\xf1\x90") == "62 F1 90"
    assert readable(b"WVW \0\0") == "WVW"
    assert readable(b"\x01\xff") == ""


def test_trouble_codes_and_their_status() -> None:
    assert spell(0x030100) == "P0301-00"
    assert spell(0xD12345) == "U1123-45"
    assert flags(0x89) == "failed, confirmed, warning lamp"


def test_filters() -> None:
    assert parse_filter("7E8") == CanFilter(0x7E8)
    assert parse_filter("700:7F0") == CanFilter(0x700, 0x7F0)
    assert parse_filter("18DAF110") == CanFilter(0x18DAF110, extended=True)
    for wrong in ("", "xyz", "3FFFFFFF", "7E8:q"):
        with pytest.raises(ArgumentTypeError):
            parse_filter(wrong)


def test_lines_of_a_monitor() -> None:
    frames = Frames((), 0, epoch_us=1_000_000)
    data = b"\x01\x02"
    classic, fd = (
        CanFrame(0x7E8, data),
        CanFrame(0x18DAF110, data, extended=True, fd=True, brs=True),
    )
    assert line(frames, classic, "can0") == " (1.000000)  can0       7E8   [2]  01 02"
    assert line(frames, fd, "can0") == " (1.000000)  can0  18DAF110   [02]  01 02"
    assert log_line(frames, classic, "can0") == "(1.000000) can0 7E8#0102"
    assert log_line(frames, fd, "can0") == "(1.000000) can0 18DAF110##10102"
    assert log_line(frames, CanFrame(1, remote=True), "can0") == "(1.000000) can0 001#R"
    assert log_line(frames, CanFrame(4, data, error=True), "c") == "(1.000000) c 20000004#0102"
    assert as_json(frames, fd, "can0")["timestamp"] == 1.0


def test_procedures_are_read_and_filled_in(tmp_path: Path) -> None:
    toml, wrong = tmp_path / "how.toml", tmp_path / "how.json"
    toml.write_text(
        'before = [{request = "31{size}{crc32}"}]\nsegments = [{address = 1, offset = "0x1"}]'
    )
    filled = fill_in(read_procedure(toml), b"abc")
    assert filled == {
        "before": [{"request": f"3100000003{zlib.crc32(b'abc'):08X}"}],
        "segments": [{"address": 1, "offset": "0x1", "length": 2}],
    }
    wrong.write_text("[1]")
    for path in (wrong, tmp_path / "none.json"):
        with pytest.raises(Misconfigured, match=path.name):
            read_procedure(path)


def test_exit_statuses() -> None:
    assert status_of(Misconfigured("x")) == 2
    assert status_of(NegativeAnswer(0x22, 0x31)) == 3
    assert status_of(Unreachable("x")) == 1


def test_misuse(capsys: pytest.CaptureFixture[str]) -> None:
    for words in (
        ("uds", "read-did", "F19000"),
        ("uds", "raw", "2"),
        ("monitor", "--filter", "z"),
    ):
        with pytest.raises(SystemExit) as ended:
            main(words)
        assert ended.value.code == 2
    assert "is no hexadecimal" in capsys.readouterr().err
