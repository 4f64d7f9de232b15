"""What ``gateway flash`` says beside its bar; the command itself is in test_cli_remote."""

from __future__ import annotations

import pytest

from gateway.cli.flashing import WantedKey
from gateway.client.records import Hex, Job

WAITING = Job("4711", "download", "s", "awaiting_key", seed=Hex(b"\x0a\x0b"))


def test_who_has_no_key_is_told_at_once_and_once(capsys: pytest.CaptureFixture[str]) -> None:
    shown: list[Job] = []
    telling = WantedKey(shown.append, None)
    for state in (Job("4711", "download", "s", "running"), WAITING, WAITING):
        telling(state)
    assert len(shown) == 3
    told = capsys.readouterr().err
    assert told.count("0a0b") == 1
    assert "/jobs/4711/key" in told
    assert "--key-command" in told


def test_who_has_one_is_told_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    WantedKey(lambda _job: None, lambda _seed, _level: b"key")(WAITING)
    assert capsys.readouterr().err == ""
