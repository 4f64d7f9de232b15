"""A command line on a folder of its own."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.gateway.cli.command_line import CommandLine


@pytest.fixture
def new_gateway(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> CommandLine:
    """A command line whose folder does not exist yet."""
    folder = tmp_path / "data"
    monkeypatch.setenv("GATEWAY_DATA_DIRECTORY", str(folder))
    monkeypatch.setenv("GATEWAY_SECURITY_HASH_TIME_COST", "1")
    monkeypatch.setenv("GATEWAY_SECURITY_HASH_MEMORY_KIB", "8")
    return CommandLine(folder, capsys)


@pytest.fixture
def gateway(new_gateway: CommandLine, upgraded_database_file: Path) -> CommandLine:
    """The same with a database that has its tables, and no row."""
    new_gateway.folder.mkdir(mode=0o700)
    shutil.copyfile(upgraded_database_file, new_gateway.folder / "gateway.db")
    return new_gateway
