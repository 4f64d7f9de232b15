from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

from firmware_sim.firmware import transfer_store
from firmware_sim.firmware.transfer_store import Result, TransferStore
from protocols.diagnosis.transfer_debts import Debt
from protocols.diagnosis.transfer_records import Journal
from protocols.link.jobs import JobStart
from tests.support.transfer_bench import IMAGE, download

START = JobStart("job-1", "s", download())
NOTE = Journal("running", begun=True, segment=1, debts=(Debt(False, b"\x10\x01"),))


def test_jobs_are_found_again_as_they_were_left(tmp_path: Path) -> None:
    store = TransferStore(tmp_path / "data")
    assert list(store.kept()) == []
    store.keep(START, Journal("waiting"))
    store.note("job-1", NOTE)
    (kept,) = TransferStore(tmp_path / "data").kept()
    assert kept.start == START
    assert kept.journal == NOTE
    store.forget("job-1")
    assert list(store.kept()) == []


@pytest.mark.parametrize("broken", ["order", "journal"])
def test_what_is_broken_is_removed_and_harms_nobody(tmp_path: Path, broken: str) -> None:
    store = TransferStore(tmp_path)
    store.keep(START, NOTE)
    store.keep(JobStart("job-2", "s", download()), NOTE)
    (tmp_path / "jobs" / "job-1" / broken).write_bytes(b"\xc1")
    assert [kept.start.job for kept in store.kept()] == ["job-2"]
    assert not (tmp_path / "jobs" / "job-1").exists()


def test_a_journal_is_replaced_as_a_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = TransferStore(tmp_path)
    store.keep(START, NOTE)

    def power_is_lost(_descriptor: int) -> None:
        raise OSError("no power")

    monkeypatch.setattr(os, "fsync", power_is_lost)
    with pytest.raises(OSError, match="no power"):
        store.note("job-1", Journal("paused"))
    (kept,) = store.kept()
    assert kept.journal == NOTE


@pytest.mark.parametrize("name", ["", "..", "a/b", "x" * 65, "a b", "é"])
def test_names_that_are_no_names_never_become_paths(tmp_path: Path, name: str) -> None:
    store = TransferStore(tmp_path)
    assert not store.can_keep(name)
    with pytest.raises(ValueError, match="no name"):
        store.note(name, NOTE)
    assert list(tmp_path.iterdir()) == []


def test_without_a_folder_everything_goes_with_the_program() -> None:
    store = TransferStore()
    store.keep(START, NOTE)
    folder = store.result("job-1").parent
    assert folder.exists()
    store.close()
    assert not folder.exists()


def test_images_that_nobody_needs_make_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transfer_store, "SPARE_IMAGES", 1_000)
    images = tmp_path / "images"
    images.mkdir()
    for age, name in enumerate(["new", "middle", "old"]):
        (images / name).write_bytes(bytes(600))
        os.utime(images / name, (1_000 - age, 1_000 - age))
    opened = TransferStore(tmp_path).image(download())
    opened.append(IMAGE)
    assert opened.complete
    opened.close()
    assert {path.name for path in images.iterdir()} == {"new", opened.sha256.hex()}


def test_a_result_has_its_hash(tmp_path: Path) -> None:
    result = Result(tmp_path / "jobs" / "result")
    result.write(3, b"def")
    result.write(0, b"abc")
    assert result.read(2, 2) == b"cd"
    assert result.finish() == (hashlib.sha256(b"abcdef").digest(), 6)
    result.close()
