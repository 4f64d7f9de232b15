from __future__ import annotations

import base64
import io
from pathlib import Path
from uuid import UUID, uuid4

import pytest
import trio
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gateway.config import DataSettings, SecuritySettings, Settings
from gateway.domain.clock import utc_now
from gateway.identity.identity import Identity, open_identity
from gateway.storage.database import open_database
from tests.gateway.cli.command_line import CommandLine

pytestmark = pytest.mark.slow

CATALOGUE = Path(__file__).parents[3] / "gateway" / "demo" / "catalogue"


@pytest.fixture
def garage(gateway: CommandLine) -> CommandLine:
    """A command line with provider 1 and garage 1."""
    assert gateway.run("provider", "add", "My service") == "1\n"
    assert gateway.run("tenant", "add", "My garage", "--provider", "1") == "1\n"
    return gateway


async def _identity(folder: Path, work: object) -> None:
    settings = Settings(
        data=DataSettings(directory=folder),
        security=SecuritySettings(hash_time_cost=1, hash_memory_kib=8),
    )
    async with open_database(settings.database_url) as database:
        identity = await open_identity(database, settings, utc_now)
        await work(identity)  # type: ignore[operator] # a coroutine function


def public_key(private: str) -> str:
    key = Ed25519PrivateKey.from_private_bytes(base64.b64decode(private))
    return base64.b64encode(key.public_key().public_bytes_raw()).decode()


def test_garages_are_listed_as_they_were_made(garage: CommandLine) -> None:
    garage.run("tenant", "add", "Second", "--provider", "1", "--currency", "USD")
    assert garage.run("tenant", "list") == "1\t1\tMy garage\n2\t1\tSecond\n"


def test_a_connectors_secrets_are_shown_once_and_work(garage: CommandLine) -> None:
    shown = garage.fields("connector", "add", "--tenant", "1")
    assert set(shown) == {"number", "uuid", "pincode", "private key"}
    assert len(base64.b64decode(shown["private key"])) == 32
    listed = garage.run("connector", "list")
    assert listed.split("\t") == [shown["number"], shown["uuid"], "1", "-", "-", "-\n"]
    assert shown["pincode"] not in listed

    async def come_in(identity: Identity) -> None:
        await identity.sign_in.by_connector_uuid(
            UUID(shown["uuid"]), shown["pincode"], address="192.0.2.1"
        )
        keys = await identity.connectors.keys(UUID(shown["uuid"]))
        assert keys is not None
        (key,) = keys.public_keys
        assert base64.b64encode(key).decode() == public_key(shown["private key"])

    trio.run(_identity, garage.folder, come_in)


def test_a_device_that_made_its_own_pair_keeps_its_private_half(garage: CommandLine) -> None:
    made = base64.b64encode(Ed25519PrivateKey.generate().public_key().public_bytes_raw()).decode()
    shown = garage.fields(
        "connector", "add", "--tenant", "1", "--public-key", made, "--pincode", "04711"
    )
    assert (set(shown), shown["pincode"]) == ({"number", "uuid", "pincode"}, "04711")


def test_a_key_can_be_replaced_and_a_connector_disabled(garage: CommandLine) -> None:
    shown = garage.fields("connector", "add", "--tenant", "1")
    new = garage.fields("connector", "rotate-key", shown["uuid"], "--grace", "0")
    assert new["private key"] != shown["private key"]

    async def check(identity: Identity) -> None:
        keys = await identity.connectors.keys(UUID(shown["uuid"]))
        assert keys is not None
        assert len(keys.public_keys) == 1

    trio.run(_identity, garage.folder, check)
    again = garage.run(
        "connector", "rotate-key", shown["uuid"], "--public-key", public_key(new["private key"])
    )
    assert again == "the key is on record\n"
    assert garage.run("connector", "disable", shown["uuid"]) == f"{shown['uuid']} is disabled\n"
    assert garage.run("connector", "list").split("\t")[-1] != "-\n"
    for command in (("disable",), ("rotate-key",)):
        (line,) = garage.refused("connector", *command, shown["uuid"])
        assert line.startswith("Conflict: ")


def test_an_operators_credentials_are_shown_once_and_work(garage: CommandLine) -> None:
    shown = garage.fields("operator", "add", "First operator", "--provider", "1")
    listed = garage.run("operator", "list")
    assert listed == f"{shown['client id']}\tFirst operator\t-\n"

    async def come_in(identity: Identity) -> None:
        issued = await identity.operators.token(
            shown["client id"], shown["client secret"], address="192.0.2.1"
        )
        assert (await identity.operator(issued.access_token)).provider_id == 1

    trio.run(_identity, garage.folder, come_in)


def test_a_desk_gets_its_password_from_a_pipe(
    garage: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("correct horse\nignored\n"))
    desk = ("desk", "add", "desk@garage.example", "--name", "Front Desk", "--tenant", "1")
    assert garage.run(*desk) == "1\n"

    async def come_in(identity: Identity) -> None:
        login = await identity.shops.login(
            "repair", "desk@garage.example", "correct horse", address="192.0.2.1"
        )
        assert login.user.role == "owner"

    trio.run(_identity, garage.folder, come_in)
    monkeypatch.setattr("sys.stdin", io.StringIO("correct horse\n"))
    assert garage.refused(*desk)[0].startswith("Conflict: ")
    monkeypatch.setattr("sys.stdin", io.StringIO(""))
    assert garage.refused(*desk)[0].startswith("Invalid request: ")


def test_a_catalogue_is_brought_in_whole_or_not_at_all(
    gateway: CommandLine, tmp_path: Path
) -> None:
    assert "variants" in gateway.run("catalogue", "import", str(CATALOGUE))
    lines = gateway.refused("catalogue", "import", str(tmp_path))
    assert len(lines) > 5
    assert any("models.csv" in line for line in lines)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("tenant", "add", "T", "--provider", "9"), "no service provider 9"),
        (("connector", "add", "--tenant", "9"), "no garage 9"),
        (("connector", "add", "--tenant", "1", "--pincode", "12"), "4 to 12 digits"),
        (("connector", "add", "--tenant", "1", "--public-key", "x"), "32 bytes"),
        (("connector", "disable", str(uuid4())), "no connector"),
        (("connector", "rotate-key", str(uuid4())), "no connector"),
        (("operator", "add", "O", "--provider", "9"), "no service provider 9"),
    ],
)
def test_refusals_are_one_line(
    garage: CommandLine, arguments: tuple[str, ...], words: str
) -> None:
    (line,) = garage.refused(*arguments)
    assert words in line


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("fly",),
        ("connector",),
        ("connector", "add"),
        ("connector", "add", "--tenant", "0"),
        ("connector", "add", "--tenant", "many"),
        ("connector", "add", "--tenant", str(2**63)),
        ("connector", "disable", "golf"),
        ("connector", "rotate-key", str(uuid4()), "--grace", "-1"),
        ("connector", "rotate-key", str(uuid4()), "--grace", "inf"),
        ("connector", "rotate-key", str(uuid4()), "--grace", "nan"),
        ("desk", "add", "a@b.example", "--name", "A", "--tenant", "1", "--role", "king"),
    ],
)
def test_misuse_is_told_by_the_parser(
    new_gateway: CommandLine, arguments: tuple[str, ...]
) -> None:
    assert "usage: gateway" in new_gateway.misused(*arguments)
    assert not new_gateway.folder.exists()
