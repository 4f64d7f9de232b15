"""A command line on a folder of its own."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.gateway.cli.command_line import CommandLine


@pytest.fixture
def gateway(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> CommandLine:
    folder = tmp_path / "data"
    monkeypatch.setenv("GATEWAY_DATA_DIRECTORY", str(folder))
    monkeypatch.setenv("GATEWAY_SECURITY_HASH_TIME_COST", "1")
    monkeypatch.setenv("GATEWAY_SECURITY_HASH_MEMORY_KIB", "8")
    return CommandLine(folder, capsys)
