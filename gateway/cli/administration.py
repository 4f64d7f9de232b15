"""Who there is: providers, garages, connectors, operators, desks."""

from __future__ import annotations

import argparse
import getpass
import sys
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import UUID

from gateway.cli.invocation import Invocation, say, show, with_identity
from gateway.cli.roster import add_roster
from gateway.identity.identity import Identity
from gateway.storage.database import Database
from gateway.storage.queries.identity import Provider, Tenant

if TYPE_CHECKING:
    Commands = argparse._SubParsersAction[argparse.ArgumentParser]  # noqa: SLF001 - no public name

#: Seconds that a replaced key can stay good: a year, by which every device has been seen.
LONGEST_GRACE = 366 * 86_400.0


def add_to(commands: Commands) -> None:
    """Add the administrative commands."""
    _add_provider_and_tenant(commands)
    _add_connector(commands)
    _add_operator(commands)
    _add_desk(commands)


def _group(commands: Commands, name: str, text: str) -> Commands:
    return commands.add_parser(name, help=text).add_subparsers(required=True, metavar="ACTION")


def _add_provider_and_tenant(commands: Commands) -> None:
    provider = _group(commands, "provider", "service providers")
    add = provider.add_parser("add", help="add one and print its number")
    add.add_argument("name")
    add.add_argument("--currency", type=_currency, default="EUR", help="ISO 4217")
    add.add_argument(
        "--prepaid", action="store_true", help="its garages pay tickets from a wallet"
    )
    add.set_defaults(command=add_provider)
    tenant = _group(commands, "tenant", "garages")
    add = tenant.add_parser("add", help="add one and print its number")
    add.add_argument("name")
    add.add_argument("--provider", type=row_number, required=True, help="number of its provider")
    add.add_argument("--currency", type=_currency, default="EUR", help="ISO 4217; what it pays in")
    add.add_argument(
        "--local-currency",
        type=_currency,
        help="ISO 4217; shown beside it, by the rates on record",
    )
    add.set_defaults(command=add_tenant)
    tenant.add_parser("list", help="list them").set_defaults(command=list_tenants)


def _add_connector(commands: Commands) -> None:
    connector = _group(commands, "connector", "devices that dial in")
    add = connector.add_parser("add", help="add one; its key and pincode are shown once")
    add.add_argument("--tenant", type=row_number, required=True, help="number of its garage")
    add.add_argument("--public-key", help="base64, of a pair the device made itself")
    add.add_argument("--pincode", help="drawn when left out")
    add.add_argument("--count", type=int, default=1, metavar="N", help="many, for --roster")
    add.add_argument(
        "--roster",
        type=Path,
        metavar="FILE",
        help="new file for uuids and keys, as firmware-sim takes it; these have no pincode",
    )
    add.add_argument("--gateway", metavar="URL", help="where those of the roster dial in")
    add.set_defaults(command=add_connector)
    connector.add_parser("list", help="list them").set_defaults(command=list_connectors)
    disable = connector.add_parser("disable", help="let it in no more, and end its link")
    disable.add_argument("uuid", type=UUID)
    disable.set_defaults(command=disable_connector)
    rotate = connector.add_parser("rotate-key", help="give it another key")
    rotate.add_argument("uuid", type=UUID)
    rotate.add_argument("--public-key", help="base64, of a pair the device made itself")
    rotate.add_argument("--grace", type=_seconds, help="seconds the old key stays good")
    rotate.set_defaults(command=rotate_key)
    password = connector.add_parser("otp", help="print a one-time password for its portal")
    password.add_argument("uuid", type=UUID)
    password.set_defaults(command=issue_one_time_password)


def _add_operator(commands: Commands) -> None:
    operator = _group(commands, "operator", "remote operators")
    add = operator.add_parser("add", help="add one; its secret is shown once")
    add.add_argument("name")
    add.add_argument("--provider", type=row_number, required=True, help="number of its provider")
    add.set_defaults(command=add_operator)
    operator.add_parser("list", help="list them").set_defaults(command=list_operators)


def _add_desk(commands: Commands) -> None:
    desk = _group(commands, "desk", "people at a garage's desk")
    add = desk.add_parser("add", help="add one; the password is asked for, or read from a pipe")
    add.add_argument("email")
    add.add_argument("--name", required=True)
    add.add_argument("--tenant", type=row_number, required=True, help="number of the garage")
    add.add_argument("--role", default="owner", choices=["owner", "manager", "employee"])
    add.set_defaults(command=add_desk)


def row_number(text: str) -> int:
    """Return a row's number; a larger one cannot be in any database."""
    number = int(text)
    if not 1 <= number < 2**63:
        raise argparse.ArgumentTypeError("a number is 1 or more, as the lists show it")
    return number


def _currency(text: str) -> str:
    if len(text) != 3 or not (text.isascii() and text.isalpha()):
        raise argparse.ArgumentTypeError("three letters (ISO 4217), such as EUR")
    return text.upper()


def _seconds(text: str) -> float:
    seconds = float(text)
    if not 0 <= seconds <= LONGEST_GRACE:
        raise argparse.ArgumentTypeError(f"seconds from 0 to {LONGEST_GRACE:.0f}")
    return seconds


def actor() -> str:
    """Return who acts, for the audit trail."""
    return f"cli:{getpass.getuser()}"


def add_provider(invocation: Invocation) -> int:
    """Add a service provider."""
    given = invocation.arguments

    async def work(identity: Identity, _database: Database) -> None:
        provider = Provider(
            name=given.name,
            currency=given.currency,
            company_name=given.name,
            has_prepaid_wallet=given.prepaid,
            payment_by_prepaid_balance=given.prepaid,
        )
        say(str(await identity.tenants.add_provider(provider, actor=actor())))

    return with_identity(invocation.settings, work)


def add_tenant(invocation: Invocation) -> int:
    """Add a garage."""
    given = invocation.arguments

    async def work(identity: Identity, _database: Database) -> None:
        tenant = Tenant(
            provider_id=given.provider,
            name=given.name,
            currency=given.currency,
            local_currency=given.local_currency,
        )
        say(str(await identity.tenants.add(tenant, actor=actor())))

    return with_identity(invocation.settings, work)


def list_tenants(invocation: Invocation) -> int:
    """List garages."""

    async def work(identity: Identity, _database: Database) -> None:
        tenants = await identity.tenants.list()
        show(("number", "provider", "name"), [(t.id, t.provider_id, t.name) for t in tenants])

    return with_identity(invocation.settings, work)


def add_connector(invocation: Invocation) -> int:
    """Add a connector and show what is shown once."""
    given = invocation.arguments
    if given.roster is not None or given.gateway is not None or given.count != 1:
        return add_roster(invocation, actor=actor())

    async def work(identity: Identity, _database: Database) -> None:
        made = await identity.connectors.create(
            given.tenant, actor=actor(), pincode=given.pincode, public_key=given.public_key
        )
        say(f"number       {made.id}")
        say(f"uuid         {made.uuid}")
        say(f"pincode      {made.pincode}")
        if made.private_key is not None:
            say(f"private key  {made.private_key}")

    return with_identity(invocation.settings, work)


def list_connectors(invocation: Invocation) -> int:
    """List connectors."""

    async def work(identity: Identity, _database: Database) -> None:
        known = await identity.connectors.list()
        show(
            ("number", "uuid", "garage", "last seen", "VIN", "disabled"),
            [
                (
                    c.id,
                    c.uuid,
                    c.tenant_id,
                    c.last_seen_at or "-",
                    c.last_vin or "-",
                    c.disabled_at or "-",
                )
                for c in known
            ],
        )

    return with_identity(invocation.settings, work)


def disable_connector(invocation: Invocation) -> int:
    """Disable a connector; a running gateway ends its link."""
    uuid: UUID = invocation.arguments.uuid

    async def work(identity: Identity, _database: Database) -> None:
        await identity.connectors.disable(uuid, actor=actor())
        say(f"{uuid} is disabled")

    return with_identity(invocation.settings, work)


def rotate_key(invocation: Invocation) -> int:
    """Give a connector another key."""
    given = invocation.arguments

    async def work(identity: Identity, _database: Database) -> None:
        private = await identity.connectors.rotate_key(
            given.uuid, actor=actor(), public_key=given.public_key, grace=given.grace
        )
        say(f"private key  {private}" if private is not None else "the key is on record")

    return with_identity(invocation.settings, work)


def issue_one_time_password(invocation: Invocation) -> int:
    """Print a one-time password: good once, for ten minutes, at ``/v1/authenticate/otp``."""
    uuid: UUID = invocation.arguments.uuid

    async def work(identity: Identity, _database: Database) -> None:
        say(await identity.sign_in.issue_one_time_password(uuid, actor=actor()))

    return with_identity(invocation.settings, work)


def add_operator(invocation: Invocation) -> int:
    """Add an operator and show its credentials."""
    given = invocation.arguments

    async def work(identity: Identity, _database: Database) -> None:
        made = await identity.operators.add(given.provider, given.name, actor=actor())
        say(f"client id      {made.client_id}")
        say(f"client secret  {made.client_secret}")

    return with_identity(invocation.settings, work)


def list_operators(invocation: Invocation) -> int:
    """List operators."""

    async def work(identity: Identity, _database: Database) -> None:
        known = await identity.operators.list()
        show(
            ("client id", "name", "disabled"),
            [(o.client_id, o.name, o.disabled_at or "-") for o in known],
        )

    return with_identity(invocation.settings, work)


def add_desk(invocation: Invocation) -> int:
    """Add somebody to a garage's desk."""
    given = invocation.arguments
    # A password on the command line would stand in the process list and in shell histories.
    is_terminal = sys.stdin.isatty()
    password = getpass.getpass() if is_terminal else sys.stdin.readline().rstrip("\n")

    async def work(identity: Identity, _database: Database) -> None:
        user = await identity.shops.add_user(
            given.tenant,
            name=given.name,
            email=given.email,
            password=password,
            role=given.role,
            actor=actor(),
        )
        say(str(user.id))

    return with_identity(invocation.settings, work)
