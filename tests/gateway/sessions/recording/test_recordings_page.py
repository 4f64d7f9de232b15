"""docs/recordings.md tells the truth: formats, settings, commands, paths."""

from __future__ import annotations

import re
import shlex
import tomllib
from pathlib import Path

import pytest

from firmware_sim.cli import main as simulator
from gateway.config import DecodingSettings, RecordingSettings
from gateway.config.loading import settings_from
from gateway.config.recording import RecordingSettings as Declared
from gateway.rest.operator import decoding, recording
from gateway.sessions.recording.backlog import EXCHANGE_ROOM, FRAME_ROOM
from gateway.sessions.recording.export import FORMATS
from gateway.sessions.recording.exporting import MEDIA
from gateway.sessions.recording.service import FAILED_EVENT, GATHER, PROBE_INTERVAL

PAGE = Path(__file__).parents[4] / "docs" / "recordings.md"
TEXT = PAGE.read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", TEXT, re.MULTILINE | re.DOTALL)


def test_every_format_is_there() -> None:
    rows = re.findall(r"^\| `(\w+)`[^|]*\| `\.(\w+)` \|", TEXT, re.MULTILINE)
    assert dict(rows) == {name: suffix for name, (_, suffix) in MEDIA.items()}
    assert MEDIA.keys() == FORMATS.keys()
    assert f"`{recording.DEFAULT_FORMAT}` (default)" in TEXT


def test_settings_are_settings() -> None:
    for block in blocks("toml"):
        settings_from(tomllib.loads(block), {})
    with pytest.raises(Exception, match="enabled"):
        settings_from({"recording": {"required": True, "enabled": False}}, {})


def test_the_numbers_are_those_of_the_program() -> None:
    kept, explained = RecordingSettings(), DecodingSettings()
    assert Declared is RecordingSettings
    for told in (
        f"{kept.keep_days:g} days",
        f"{kept.total_bytes >> 30} GiB",
        f"after {kept.part_bytes >> 20} MiB",
        f"below {kept.reserve_bytes >> 20} MiB",
        f"after {kept.sync_interval:g} s",
        f"{kept.export_limit:g} seconds at most",
        f"{GATHER * 1000:g} ms",
        f"every {PROBE_INTERVAL:g} s",
        f"above {FRAME_ROOM >> 20} MiB",
        f"above {EXCHANGE_ROOM >> 20} MiB",
        f"memory ({explained.memory >> 30} GiB)",
        f"time ({explained.parse_limit:g} s)",
        f"{explained.largest >> 20} MiB each, {explained.unpacked >> 20} MiB",
        f"{explained.most} for each provider",
        FAILED_EVENT,
        decoding.DESCRIPTIONS,
    ):
        assert told in TEXT.replace("\n", " "), told


def test_commands_parse(capsys: pytest.CaptureFixture[str]) -> None:
    (command,) = (line for block in blocks("sh") for line in block.splitlines())
    program, *arguments = shlex.split(command)
    assert program == "firmware-sim"
    with pytest.raises(SystemExit) as ended:
        simulator([*arguments, "--help"])
    assert ended.value.code == 0, capsys.readouterr().err
