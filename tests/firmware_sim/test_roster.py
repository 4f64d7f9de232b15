from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest
from trio.testing import MockClock

from firmware_sim.assembly import SettingsError
from firmware_sim.roster import RosterEntry, private_key, read_roster

WHO = {
    "gateway": "ws://127.0.0.1:1/link/v1",
    "uuid": "8c4a3b1e-6a3b-4b5c-9d9e-0f1a2b3c4d5e",
    "key": base64.b64encode(bytes(range(32))).decode(),
}


def entry(tmp_path: Path, **more: Any) -> RosterEntry:
    path = tmp_path / "roster.json"
    path.write_text(json.dumps([WHO | more]))
    (read,) = read_roster(path)
    return read


async def vin_of(read: RosterEntry) -> str | None:
    async with read.open() as device:
        return (await device.status()).vin


async def test_a_simulated_vehicle_the_first_of_the_package_where_nothing_is_said(
    tmp_path: Path, autojump_clock: MockClock
) -> None:
    assert await vin_of(entry(tmp_path)) == "WVWZZZAUZHP341562"
    assert await vin_of(entry(tmp_path, vehicle="ram1500")) != "WVWZZZAUZHP341562"
    own = "WVWZZZAUZHP000007"
    assert await vin_of(entry(tmp_path, vin=own, vehicle="golf", bus="virtual:r")) == own


async def test_a_simulated_vehicle_that_leaves_iso_tp_to_the_gateway(
    tmp_path: Path, autojump_clock: MockClock
) -> None:
    async with entry(tmp_path, vehicle="golf", frames_only=True).open() as device:
        assert not device.isotp
    with pytest.raises(SettingsError, match="no raw frames"):
        async with entry(tmp_path, vehicle="xc90", frames_only=True).open():
            pytest.fail("must not open")


async def test_nothing_is_simulated_behind_a_bus_alone(
    tmp_path: Path, autojump_clock: MockClock
) -> None:
    async with entry(tmp_path, bus="virtual:roster-2", ecus="700:708").open() as device:
        assert [ecu.name for ecu in device.ecus] == ["700:708"]
        assert (await device.status()).vin is None
    async with entry(tmp_path, doip="127.0.0.1:9").open() as device:
        assert device.buses[0].kind == "doip"


@pytest.mark.parametrize(
    ("more", "complaint"),
    [
        ({"vehicle": "golf", "doip": "h"}, "leave out"),
        ({"vehicle": "golf", "ecus": "7E0:7E8"}, "leave out"),
        ({"bitrate": 500_000}, "leave out"),
        ({"bus": "virtual:x", "vin": "WVWZZZAUZHP341562"}, "no vin"),
        ({"bus": "virtual:x", "doip": "h"}, "either"),
    ],
)
async def test_an_entry_that_contradicts_itself(
    tmp_path: Path, more: dict[str, Any], complaint: str
) -> None:
    with pytest.raises(SettingsError, match=complaint):
        async with entry(tmp_path, **more).open():
            pytest.fail("must not open")


def test_who_dials_in(tmp_path: Path) -> None:
    identity = entry(tmp_path).identity
    assert (identity.uuid, identity.private_key) == (WHO["uuid"], bytes(range(32)))


@pytest.mark.parametrize("text", ["no base64!", base64.b64encode(bytes(31)).decode()])
def test_a_key_that_is_none_is_not_repeated(text: str) -> None:
    with pytest.raises(SettingsError) as caught:
        private_key(text)
    assert text not in str(caught.value)


@pytest.mark.parametrize(
    "text", ["", "{}", "[]", '[{"gateway": 1}]', json.dumps([WHO | {"x": 1}])]
)
def test_what_is_no_roster(tmp_path: Path, text: str) -> None:
    path = tmp_path / "roster.json"
    path.write_text(text)
    with pytest.raises(SettingsError, match=r"roster\.json"):
        read_roster(path)
    with pytest.raises(SettingsError, match="is no roster"):
        read_roster(tmp_path / "absent.json")
