"""``docs/firmware.md`` shows commands, files and bodies that are taken as they stand there."""

from __future__ import annotations

import json
import re
import shlex
from configparser import ConfigParser
from pathlib import Path

import msgspec
import pytest

from firmware_sim.cli import _parser
from firmware_sim.firmware.device import FIRST_POLICY, MARGIN
from firmware_sim.firmware.ecu_table import read_ecus
from firmware_sim.roster import read_roster
from gateway.sessions.buses import BusOrder
from gateway.sessions.targets import EcuAddress, to_target
from protocols.diagnosis.exchange import MAX_INTERRUPTIONS
from protocols.diagnosis.sessions import TESTER_PRESENT_INTERVAL
from protocols.diagnosis.speech import MAX_PAYLOAD
from protocols.isotp.params import IsoTpParams

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "firmware.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    found = re.findall(rf"^```{language}\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    assert found
    return found


def test_the_commands_are_taken() -> None:
    for block in blocks("sh"):
        words = shlex.split(block.replace("\\\n", " "))
        assert words[0] == "firmware-sim"
        parsed = _parser().parse_args(words[1:])
        assert parsed.bus == "udp_multicast:239.74.163.2"
        assert len(read_ecus(parsed.ecus)) == 1


def test_the_unit_runs_a_command_that_is_taken() -> None:
    unit = ConfigParser(strict=False, interpolation=None)
    unit.read_string(next(block for block in blocks("ini") if "[Service]" in block))
    program, *words = shlex.split(unit["Service"]["ExecStart"])
    assert Path(program).name == "firmware-sim"
    assert _parser().parse_args(words).roster == Path("/etc/connector/roster.json")
    assert unit["Service"]["AmbientCapabilities"] == "CAP_NET_ADMIN"


def test_the_locks_it_installs_from_are_there() -> None:
    for lock in re.findall(r"requirements/[a-z.]+txt", PAGE):
        assert (ROOT / lock).exists(), lock


def test_the_files_are_taken(tmp_path: Path) -> None:
    roster, body = blocks("json")
    (tmp_path / "roster.json").write_text(roster)
    (entry,) = read_roster(tmp_path / "roster.json")
    assert (entry.bus, entry.bitrate) == ("socketcan:can0", 500_000)
    assert entry.identity.uuid == "8c4a3b1e-6a3b-4b5c-9d9e-0f1a2b3c4d5e"
    (tmp_path / "ecus.yaml").write_text(blocks("yaml")[0])
    names = [ecu.name for ecu in read_ecus(str(tmp_path / "ecus.yaml"))]
    assert names == ["engine", "body", "seats", "tow bar"]
    assert msgspec.json.decode(body, type=BusOrder).listen_only


def test_every_way_to_name_a_control_unit_is_taken() -> None:
    rows = re.findall(r"^\| `(\{.*\})` \|", PAGE, re.MULTILINE)
    assert len(rows) == 8
    for row in rows:
        to_target(msgspec.convert(json.loads(row), EcuAddress))


@pytest.mark.parametrize(
    "fact",
    [
        f"{FIRST_POLICY.p2 * 1000:.0f} ms and {FIRST_POLICY.p2_star:.0f} s at first",
        f"{MARGIN:g} s on top for bus and adapter, more with `--margin`",
        f"{FIRST_POLICY.pending_limit:.0f} s and {FIRST_POLICY.pending_count} times at most",
        f"every {FIRST_POLICY.busy_interval:g} s for {FIRST_POLICY.busy_limit:.0f} s",
        f"every {TESTER_PRESENT_INTERVAL:.0f} s from 10 xx on",
        f"{IsoTpParams().wftmax} in a row",
        f"{MAX_PAYLOAD:,} by the",
    ],
)
def test_the_numbers_are_the_codes(fact: str) -> None:
    assert fact in PAGE


def test_the_flood_bound_is_the_codes() -> None:
    assert MAX_INTERRUPTIONS + 1 == 9
    assert "nine first frames in a row" in PAGE
