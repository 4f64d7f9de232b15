"""What docs/portal.md tells people to type does what it says, with the files it shows."""

from __future__ import annotations

import re
import shlex
import shutil
from pathlib import Path

import pytest

from gateway.cli import main
from gateway.tickets.catalogue.importer import SHEETS

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "portal.md").read_text(encoding="utf-8")


def commands() -> list[list[str]]:
    """Return what the page calls ``gateway`` with, in order."""
    text = "\n".join(re.findall(r"^```sh\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL))
    words = [shlex.split(line, comments=True) for line in text.splitlines() if line.strip()]
    assert {line[0] for line in words} == {"gateway"}
    return [line[1:] for line in words]


def shown_files() -> dict[str, str]:
    """Return the CSV files that the page shows, each named in the sentence before it."""
    found = re.findall(
        r"`([a-z]+\.csv)`[^`]*(?:`[a-z]+`[^`]*)*```csv\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL
    )
    return dict(found)


@pytest.mark.slow
def test_the_commands_work_in_their_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("GATEWAY_DATA_DIRECTORY", str(tmp_path / "data"))
    monkeypatch.chdir(tmp_path)
    shutil.copytree(ROOT / "gateway" / "demo" / "catalogue", tmp_path / "catalogue")
    files = shown_files()
    assert len(files) == 2
    for name, text in files.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    for arguments in commands():
        assert main(arguments) == 0, (arguments, capsys.readouterr().err)
    assert "balance    247.50" in capsys.readouterr().out


def test_every_sheet_of_a_catalogue_is_named() -> None:
    for sheet in SHEETS:
        assert f"`{sheet}`" in PAGE, sheet


def test_every_code_that_is_promised_exists() -> None:
    source = "".join(
        path.read_text(encoding="utf-8")
        for room in ("tickets", "storage/queries")
        for path in (ROOT / "gateway" / room).rglob("*.py")
    )
    promised = re.findall(r"`([a-z_]+)\.([a-z_*]+)`", PAGE[PAGE.index("| rule |") :])
    promised = [pair for pair in promised if pair[0] not in {"tickets", "application"}]
    assert len(promised) > 8
    for area, reason in promised:
        # Some rooms put the area before all of their reasons in one place.
        spelled = f'"{area}.{reason}"' if reason != "*" else f'f"{area}.{{reason}}"'
        apart = f'"{reason}"' if f'f"{area}.{{reason}}"' in source else spelled
        assert spelled in source or apart in source, (area, reason)
