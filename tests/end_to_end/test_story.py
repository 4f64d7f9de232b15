"""``gateway demo --once --json`` tells the whole story, and says what came of it."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path

import pytest

from tests.end_to_end.programs import run_gateway

pytestmark = [pytest.mark.slow, pytest.mark.process]

READY = {"http", "link", "customer_ws", "operator_ws", "connectors", "operator", "backoffice"}
CONNECTOR = {"id", "uuid", "pincode", "private_key", "vin", "kind"}
DESK = {"email", "password", "planner_token", "field_sales_key"}
STORY = {"ticket", "exchanges", "frames", "events", "work_order", "seconds"}


def cents(amount: float) -> Decimal:
    return Decimal(str(amount)).quantize(Decimal("0.01"))


async def test_the_whole_story(tmp_path: Path) -> None:
    folder = tmp_path / "demo"
    for run in (1, 2):  # the second time in the same folder: the same garage goes on
        async with run_gateway("demo", "--once", "--json", "--data", str(folder)) as program:
            assert await program.ended(within=50) == 0, program.err
            await program.line('"work_order"', within=20)
        assert len(program.out) == 2
        check_ready_line(json.loads(program.out[0]))
        story = json.loads(program.out[1])
        check_story_line(story)
        assert story["work_order"]["ticket_no"].endswith(f"-000{run}")
        assert story["ticket"]["id"] == run
    assert (folder / "demo.json").stat().st_mode & 0o077 == 0
    assert (folder / "vehicles.json").stat().st_mode & 0o077 == 0


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
