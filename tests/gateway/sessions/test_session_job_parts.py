"""Parts of transfer jobs that the operators' door does not show by itself."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path
from uuid import UUID

import msgspec
import pytest
import trio

from gateway.config.jobs import JobSettings
from gateway.domain.errors import Conflict, Invalid
from gateway.sessions.job_files import ResultFetch
from gateway.sessions.job_orders import MAX_STEP, JobBody, to_key, to_order
from gateway.sessions.job_record import failed
from gateway.sessions.occupied import Occupied
from gateway.storage.images import ImageStore
from protocols.link.files import WINDOW, chunks
from protocols.link.jobs import FileChunk, FileRequest, JobReport
from protocols.link.vehicle import CanTarget, FunctionalTarget

HERE, THERE = UUID(int=1), UUID(int=2)
ENGINE = CanTarget(0x7E0, 0x7E8, "can0")
DATA = bytes(range(256)) * 4_000
NAME = hashlib.sha256(DATA).digest()


def files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def test_a_control_unit_is_taken_until_it_is_released() -> None:
    occupied = Occupied()
    occupied.take(HERE, "j", ENGINE)
    for target in (ENGINE, FunctionalTarget()):
        with pytest.raises(Conflict, match="Job j"):
            occupied.require_free(HERE, target)
    occupied.require_free(HERE, CanTarget(0x7E1, 0x7E9))
    occupied.require_free(THERE, ENGINE)
    occupied.release(HERE, "other")
    occupied.release(HERE, "j")
    occupied.release(HERE, "j")
    occupied.require_free(HERE, ENGINE)


async def test_a_result_comes_whole_through_a_link_that_begins_anew(tmp_path: Path) -> None:
    asked: list[FileRequest] = []
    store = ImageStore(tmp_path)
    fetch = ResultFetch(NAME, len(DATA), asked.append, store)
    names: list[str | None] = []

    async def run() -> None:
        names.append(await fetch.run())

    async with trio.open_nursery() as nursery:
        nursery.start_soon(run)
        anew = False
        while not names:
            if asked:
                request = asked.pop(0)
                for offset, length in chunks(request, len(DATA)):
                    fetch.take(FileChunk(NAME, offset, DATA[offset : offset + length]))
                if not anew:
                    anew = True
                    asked.clear()
                    fetch.begin_again()
            await trio.sleep(0.001)
    assert names == [NAME.hex()]
    assert await store.read(NAME.hex(), 0, len(DATA)) == DATA
    assert sum(request.length for request in asked) <= WINDOW


@pytest.mark.parametrize("way", ["other", "given up"])
async def test_something_else_is_no_result(tmp_path: Path, way: str) -> None:
    fetch = ResultFetch(NAME, 3, lambda _request: None, ImageStore(tmp_path))
    if way == "other":
        fetch.take(FileChunk(NAME, 0, b"abc"))
    else:
        fetch.give_up()
    fetch.take(FileChunk(NAME, 0, b"abc"))
    assert await fetch.run() is None
    assert not files(tmp_path)


def test_keys_are_never_repeated_in_words() -> None:
    assert to_key("A1 b2") == b"\xa1\xb2"
    for text in ("A1B", "secret", "  "):
        with pytest.raises(Invalid) as refused:
            to_key(text)
        assert "secret" not in refused.value.detail


def test_an_order_for_a_connector_is_what_the_operator_wrote() -> None:
    text = b"""{"kind": "transfer", "direction": "upload",
        "ecu": {"logical_address": "0x1010"},
        "procedure": {"segments": [{"address": "0x10", "length": 4, "address_size": 3}],
                      "before": [{"request": "1002", "expect": "5002", "again": true}],
                      "key_timeout": 1.5, "recovery": "segment"}}"""
    order = to_order(msgspec.json.decode(text, type=JobBody), 0, ())
    assert order.functional == FunctionalTarget()
    assert (order.key_ms, order.recovery, order.segments[0].address_size) == (1_500, "segment", 3)
    assert (order.before[0].expect, order.before[0].again) == (b"\x50\x02", True)
    assert MAX_STEP == 4095


def test_a_failure_that_the_connector_cannot_know_keeps_the_rest() -> None:
    report = failed(JobReport("j", "done", transferred=7, result=b"r"), "no_result", "lost")
    assert (report.state, report.transferred, report.result) == ("failed", 7, b"")


def test_the_settings_have_room_for_real_images() -> None:
    assert JobSettings().largest_image >= 48 << 20


def test_the_example_of_the_page_is_an_order() -> None:
    page = (Path(__file__).parents[3] / "docs" / "jobs.md").read_text(encoding="utf-8")
    example = re.search(r"```json\n(.*?)```", page, re.DOTALL)
    assert example is not None
    body = msgspec.json.decode(example[1], type=JobBody)
    pieces = (bytes(32), bytes(32))
    order = to_order(body, 98_232, pieces)
    assert [step.kind for step in order.before].count("security") == 1
