from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest
import trustme
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


def test_a_certificate_in_place_of_a_key(tmp_path: Path) -> None:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    device = authority.issue_cert(WHO["uuid"])
    device.private_key_and_cert_chain_pem.write_to_path(tmp_path / "device.pem")
    files = {"ca": str(tmp_path / "ca.pem"), "certificate": str(tmp_path / "device.pem")}
    read = entry(tmp_path, key="", gateway="wss://gateway/link/v1", **files)
    assert read.identity.private_key is None
    assert read.identity.prove(b"anything") == b""
    tls = read.tls()
    assert tls is not None
    assert [known["serialNumber"] for known in tls.get_ca_certs()], "the authority's"
    assert entry(tmp_path).tls() is None, "the default will do"


@pytest.mark.parametrize(
    ("more", "complaint"),
    [
        ({"ca": "absent.pem"}, "begins with ws://"),
        ({"gateway": "wss://g/", "ca": "absent.pem"}, "no certificates in absent.pem"),
        ({"gateway": "wss://g/", "certificate": __file__}, "no certificates in"),
    ],
)
def test_certificates_that_cannot_be_used(
    tmp_path: Path, more: dict[str, Any], complaint: str
) -> None:
    with pytest.raises(SettingsError, match=complaint):
        entry(tmp_path, **more).tls()


def test_an_entry_that_nothing_proves(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="a key or a certificate"):
        _ = entry(tmp_path, key="").identity


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
