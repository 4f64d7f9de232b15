"""``gateway demo --once --json`` tells the whole story; what is left of it opens elsewhere."""

from __future__ import annotations

import json
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import can
import pytest
from asammdf import MDF

from gateway.sessions.recording import export
from gateway.sessions.recording.exporting import MEDIA
from tests.end_to_end.programs import run_gateway

pytestmark = [pytest.mark.slow, pytest.mark.process]

READY = {"http", "link", "customer_ws", "operator_ws", "connectors", "operator", "backoffice"}
CONNECTOR = {"id", "uuid", "pincode", "private_key", "vin", "kind"}
DESK = {"email", "password", "planner_token", "field_sales_key"}
STORY = {"ticket", "exchanges", "frames", "events", "work_order", "seconds"}


def cents(amount: float) -> Decimal:
    return Decimal(str(amount)).quantize(Decimal("0.01"))


@dataclass(frozen=True)
class Told:
    """A story that was told to its end.

    Attributes:
        folder: where the gateway keeps its data.
        out: the lines it printed.
    """

    folder: Path
    out: list[str]


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Told:
    folder = tmp_path_factory.mktemp("story") / "demo"
    command = [sys.executable, "-m", "gateway", "demo", "--once", "--json", "--data", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=70)
    assert done.returncode == 0, done.stderr
    return Told(folder, done.stdout.splitlines())


async def test_the_whole_story_twice(told: Told) -> None:
    again = ("demo", "--once", "--json", "--data", str(told.folder))
    async with run_gateway(*again) as program:  # in the same folder: the same garage goes on
        assert await program.ended(within=50) == 0, program.err
        await program.line('"work_order"', within=20)
    for run, out in enumerate((told.out, program.out), 1):
        assert len(out) == 2
        check_ready_line(json.loads(out[0]))
        story = json.loads(out[1])
        check_story_line(story)
        assert story["work_order"]["ticket_no"].endswith(f"-000{run}")
        assert story["ticket"]["id"] == run
    assert (told.folder / "demo.json").stat().st_mode & 0o077 == 0
    assert (told.folder / "vehicles.json").stat().st_mode & 0o077 == 0


@dataclass(frozen=True)
class Recorded:
    """The recording of the story's session, as the gateway has it on record.

    Attributes:
        session: whose.
        exchanges: requests.
        frames: raw frames; the whole session was watched, so none needs to be made up.
        folder: where it is.
    """

    session: str
    exchanges: int
    frames: int
    folder: Path

    def export(self, wanted: str, suffix: str, capsys: pytest.CaptureFixture[str]) -> Path:
        """Return the recording in a format; it says how many frames that has."""
        path = self.folder.parent / f"{self.session}.{suffix}"
        capsys.readouterr()
        assert export.main([str(self.folder), wanted, str(path)]) == 0
        assert json.loads(capsys.readouterr().out) == {"frames": self.frames, "cut": ""}
        return path


@pytest.fixture
def recorded(told: Told) -> Recorded:
    query = "SELECT session_id, exchanges, frames, state FROM recording WHERE ticket_id = 1"
    with closing(sqlite3.connect(told.folder / "gateway.db")) as connection:
        ((session, exchanges, frames, state),) = connection.execute(query).fetchall()
    assert state == "whole"
    assert frames > 2 * exchanges > 20
    return Recorded(session, exchanges, frames, told.folder / "recordings" / session)


@pytest.mark.parametrize("wanted", ["candump", "asc", "blf", "mf4"])
def test_python_can_opens_the_story_s_recording(
    recorded: Recorded, wanted: str, capsys: pytest.CaptureFixture[str]
) -> None:
    suffix = MEDIA[wanted][1]
    with can.LogReader(recorded.export(wanted, suffix, capsys)) as reader:
        frames = list(reader)
    assert len(frames) == recorded.frames
    assert {0x7E0, 0x7E8} <= {frame.arbitration_id for frame in frames}


def test_asammdf_opens_the_story_s_recording(
    recorded: Recorded, capsys: pytest.CaptureFixture[str]
) -> None:
    with MDF(recorded.export("mf4", "mf4", capsys)) as measurement:
        cycles = [group.channel_group.cycles_nr for group in measurement.groups]
        named = [mark.name.split()[0] for mark in measurement.events]
    assert sum(cycles) == recorded.frames
    assert (named[0], named[-1]) == ("session.opened", "session.ended")


def test_tshark_opens_the_story_s_recording(
    recorded: Recorded, capsys: pytest.CaptureFixture[str]
) -> None:
    tshark = shutil.which("tshark")
    if tshark is None:
        pytest.skip("tshark is not installed (Debian: apt-get install tshark)")
    path = recorded.export("pcapng", "pcapng", capsys)
    fields = ("can.id", "doip.source_address", "uds.sid", "syslog.msg", "_ws.malformed")
    command = [tshark, "-r", str(path), "-T", "fields", *(it for f in fields for it in ("-e", f))]
    shown = subprocess.run(command, capture_output=True, text=True, check=True, timeout=50)
    columns = list(zip(*(line.split("\t") for line in shown.stdout.splitlines()), strict=True))
    can_ids, said_by, services, remarks, wrong = (list(filter(None, it)) for it in columns)
    assert len(can_ids) == recorded.frames
    assert said_by.count("0x0e00") == recorded.exchanges  # the tester, each request once
    assert len(services) == len(said_by)
    assert [remark.split()[0] for remark in remarks] == ["session.opened", "session.ended"]
    assert wrong == []


def check_ready_line(ready: dict[str, object]) -> None:
    assert set(ready) == READY
    assert str(ready["http"]).startswith("http://127.0.0.1:")
    assert str(ready["link"]).startswith("ws://127.0.0.1:")
    sockets = str(ready["http"]).replace("http", "ws", 1)
    assert (ready["customer_ws"], ready["operator_ws"]) == (
        f"{sockets}/ws/customer",
        f"{sockets}/ws/operator",
    )
    connectors = ready["connectors"]
    assert isinstance(connectors, list)
    assert [connector["kind"] for connector in connectors] == ["can", "can-fd", "doip"]
    for connector in connectors:
        assert set(connector) >= CONNECTOR
        assert all(connector[member] for member in CONNECTOR)
        assert 100_000_000 <= connector["id"] <= 999_999_999
        assert len(connector["vin"]) == 17
    assert isinstance(ready["operator"], dict)
    assert set(ready["operator"]) == {"client_id", "client_secret"}
    assert isinstance(ready["backoffice"], dict)
    assert set(ready["backoffice"]) == DESK


def check_story_line(story: dict[str, object]) -> None:
    assert set(story) == STORY
    exchanges, frames, events = story["exchanges"], story["frames"], story["events"]
    assert isinstance(exchanges, int)
    assert isinstance(frames, int)
    assert isinstance(events, int)
    assert exchanges > 10
    # Each exchange on the watched bus is two frames at least; so is each piece of news an event.
    assert frames > exchanges
    assert events > 10
    ticket, order = story["ticket"], story["work_order"]
    assert isinstance(ticket, dict)
    assert isinstance(order, dict)
    assert ticket["state"] == 7
    assert ticket["vin"] in order["problem_description"]
    assert ticket["reference"] in order["problem_description"]
    (sold,) = ticket["product_lines"]
    (line,) = order["lines"]
    assert line["description"] == sold["description"]
    assert cents(line["unit_price"]) == cents(sold["net_price"]["value"])
    assert cents(order["total_excl"]) == cents(ticket["total"]["net_price"]["value"])
    vat = (cents(order["total_excl"]) * Decimal(str(line["vat_rate"])) / 100).quantize(
        Decimal("0.01")
    )
    assert cents(order["total_vat"]) == vat
    assert cents(order["total_incl"]) == cents(order["total_excl"]) + vat
    seconds = story["seconds"]
    assert isinstance(seconds, float)
    assert 0 < seconds < 50


async def test_a_folder_that_cannot_be_used_is_an_end_with_a_reason(tmp_path: Path) -> None:
    (tmp_path / "demo.json").write_text("[]")
    async with run_gateway("demo", "--once", "--data", str(tmp_path)) as program:
        assert await program.ended() == 1
        await program.line("choose another folder", within=20)
    assert not any("Traceback" in line for line in program.err)
