"""The settings, printed."""

from __future__ import annotations

from gateway.config.reference import reference
from tests.gateway.cli.command_line import CommandLine


def test_the_page_is_printed(gateway: CommandLine) -> None:
    assert gateway.run("config") == reference()
