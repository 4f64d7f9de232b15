from __future__ import annotations

import argparse
import stat
from pathlib import Path

import pytest
import trio

from firmware_sim.roster import read_roster
from gateway.cli import roster as rosters
from gateway.cli.invocation import Invocation
from gateway.cli.roster import add_roster, default_url
from gateway.config import LinkSettings, Settings
from gateway.domain.clock import utc_now
from gateway.domain.errors import Invalid, NotFound
from gateway.identity.identity import Identity, open_identity
from gateway.storage.database import open_database
from gateway.storage.queries.connectors import ConnectorRecord
from gateway.storage.queries.identity import Provider, Tenant
from protocols.link.handshake import sign, verify

URL = "wss://gateway.example/link/v1"


@pytest.fixture
def garage(settings: Settings, database_url: str) -> int:
    """A garage in the database that commands with ``settings`` use."""
    assert settings.database_url == database_url

    async def make(identity: Identity) -> int:
        provider = await identity.tenants.add_provider(Provider("P", "EUR"), actor="test")
        return await identity.tenants.add(Tenant(provider, "T", "EUR"), actor="test")

    async def run() -> int:
        async with open_database(settings.database_url) as database:
            return await make(await open_identity(database, settings, utc_now))

    return trio.run(run)


def known(settings: Settings) -> tuple[ConnectorRecord, ...]:
    async def run() -> tuple[ConnectorRecord, ...]:
        async with open_database(settings.database_url) as database:
            return await (await open_identity(database, settings, utc_now)).connectors.list()

    return trio.run(run)


def ordered(settings: Settings, **given: object) -> Invocation:
    values = {
        "tenant": 1,
        "count": 3,
        "roster": None,
        "gateway": URL,
        "pincode": None,
        "public_key": None,
    }
    return Invocation(argparse.Namespace(**{**values, **given}), settings)


@pytest.fixture(autouse=True)
def no_migrations(monkeypatch: pytest.MonkeyPatch) -> None:
    """The copied database has every table already."""

    async def upgraded(_database: object) -> None:
        return

    monkeypatch.setattr("gateway.cli.invocation.upgrade", upgraded)


@pytest.mark.slow
def test_the_simulator_reads_the_roster_and_its_keys_prove_the_connectors(
    settings: Settings, garage: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rosters, "LARGEST_BATCH", 2)
    file = tmp_path / "fleet.json"
    assert add_roster(ordered(settings, tenant=garage, roster=file), actor="test") == 0
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    entries = read_roster(file)
    assert {str(entry.uuid) for entry in entries} == {str(c.uuid) for c in known(settings)}
    assert {entry.gateway for entry in entries} == {URL}

    async def keys() -> list[tuple[bytes, ...]]:
        async with open_database(settings.database_url) as database:
            identity = await open_identity(database, settings, utc_now)
            found = [await identity.connectors.keys(entry.uuid) for entry in entries]
            return [it.public_keys for it in found if it is not None]

    for entry, public in zip(entries, trio.run(keys), strict=True):
        assert entry.identity.private_key is not None
        assert verify(public, sign(entry.identity.private_key, b"x"), b"x")


def test_an_existing_file_is_never_written_over(
    settings: Settings, garage: int, tmp_path: Path
) -> None:
    file = tmp_path / "fleet.json"
    file.write_text("somebody's keys")
    with pytest.raises(FileExistsError):
        add_roster(ordered(settings, tenant=garage, roster=file), actor="test")
    assert file.read_text() == "somebody's keys"
    assert known(settings) == ()


def test_without_its_garage_nothing_is_left_behind(
    settings: Settings, garage: int, tmp_path: Path
) -> None:
    file = tmp_path / "fleet.json"
    with pytest.raises(NotFound):
        add_roster(ordered(settings, tenant=garage + 1, roster=file), actor="test")
    assert not file.exists()


@pytest.mark.slow
def test_what_was_made_before_a_failure_is_in_a_sound_file(
    settings: Settings, garage: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The second transaction asks for more than one may make.
    monkeypatch.setattr(rosters, "_batches", lambda _count: iter((2, 5_000)))
    file = tmp_path / "fleet.json"
    with pytest.raises(Invalid):
        add_roster(ordered(settings, tenant=garage, roster=file), actor="test")
    assert {entry.uuid for entry in read_roster(file)} == {c.uuid for c in known(settings)}
    assert len(known(settings)) == 2


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({"roster": None}, "cli.roster_missing"),
        ({"pincode": "1234"}, "cli.roster_alone"),
        ({"public_key": "AAAA"}, "cli.roster_alone"),
        ({"count": 0}, "cli.roster_size"),
        ({"count": 20_001}, "cli.roster_size"),
        ({"gateway": "http://x"}, "cli.roster_url"),
        ({"gateway": None}, "cli.roster_url"),
    ],
)
def test_what_does_not_go_together_is_refused(
    settings: Settings, tmp_path: Path, given: dict[str, object], code: str
) -> None:
    file = tmp_path / "fleet.json"
    with pytest.raises(Invalid) as caught:
        add_roster(ordered(settings, **{"roster": file, **given}), actor="test")
    assert caught.value.code == code
    assert not file.exists()


@pytest.mark.parametrize(
    ("settings", "url"),
    [
        (LinkSettings(), "ws://127.0.0.1:8443/link/v1"),
        (LinkSettings(host="0.0.0.0", port=1), "ws://127.0.0.1:1/link/v1"),
        (LinkSettings(host="::", port=1), "ws://[::1]:1/link/v1"),
        (
            LinkSettings(host="gw.example", certificate=Path("c"), private_key=Path("k")),
            "wss://gw.example:8443/link/v1",
        ),
    ],
)
def test_connectors_dial_in_where_the_settings_say(settings: LinkSettings, url: str) -> None:
    assert default_url(settings) == url
