"""What the operators' commands share: which gateway, which vehicle, what failures mean.

Exit statuses: 0 done, 1 the gateway refused or cannot be reached, 2 called or configured wrongly,
3 the control unit refused or did not answer.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import trio

from gateway.cli.invocation import Invocation, say
from gateway.client import Client, ClientError, NegativeAnswer, NoAnswer, Session
from gateway.client.errors import Misconfigured
from gateway.client.records import Response

DONE, FAILED, MISUSED, VEHICLE_REFUSED = 0, 1, 2, 3

#: A command's work: returns the exit status.
Work = Callable[[Client], Awaitable[int]]


def add_gateway(parser: argparse.ArgumentParser) -> None:
    """Add the options that say which gateway, and who asks."""
    group = parser.add_argument_group("gateway", "where left out: GATEWAY_URL, GATEWAY_CLIENT_ID, "
        "GATEWAY_CLIENT_SECRET, or ~/.config/diagnostic-gateway/profile.toml")  # fmt: skip
    group.add_argument("--url", metavar="URL", help="https://gateway.example.org")
    group.add_argument("--client-id", metavar="ID")
    group.add_argument(
        "--client-secret", metavar="SECRET", help="others see it in the process list"
    )
    group.add_argument(
        "--profile", type=Path, metavar="FILE", help="TOML with url and credentials"
    )
    parser.add_argument("--json", action="store_true", help="machine-readable output")


def add_vehicle(parser: argparse.ArgumentParser) -> None:
    """Add the options that say which vehicle."""
    group = parser.add_mutually_exclusive_group()
    group.add_argument("--connector", metavar="UUID", help="the one that is online, if left out")
    group.add_argument("--ticket", type=int, metavar="NUMBER")
    group.add_argument("--session", metavar="ID", help="one that is open already")


def add_unit(parser: argparse.ArgumentParser) -> None:
    """Add the option that says which control unit."""
    parser.add_argument(
        "--ecu",
        metavar="ECU",
        help="its name, CAN ids (7E0:7E8), logical address (1001) or functional",
    )


def run(invocation: Invocation, work: Work) -> int:
    """Do a command's work with a client that is signed in; failures become exit statuses."""
    given = invocation.arguments

    async def main() -> int:
        try:
            async with Client(
                given.url, given.client_id, given.client_secret, profile=given.profile
            ) as client:
                return await work(client)
        except ClientError as error:
            sys.stderr.write(f"{error}\n")
            return status_of(error)

    return trio.run(main)


def status_of(error: ClientError) -> int:
    """Return the exit status that a failure has."""
    if isinstance(error, Misconfigured):
        return MISUSED
    return VEHICLE_REFUSED if isinstance(error, NegativeAnswer | NoAnswer) else FAILED


@asynccontextmanager
async def vehicle(client: Client, given: argparse.Namespace) -> AsyncIterator[Session]:
    """Give the block a session on the vehicle that the command names.

    A session that is open already stays open.

    Raises:
        Misconfigured: none is named, and there is not exactly one online.
    """
    if given.session:
        yield await client.join(given.session)
        return
    if given.ticket is not None:
        opened = await client.open(ticket=given.ticket)
    else:
        opened = await client.open(connector=given.connector or await _only_one(client))
    async with opened as session:
        yield session


async def _only_one(client: Client) -> str:
    online = [one.uuid for one in await client.connectors() if one.online]
    if len(online) != 1:
        raise Misconfigured(
            f"{len(online) or 'No'} connectors are online: name one with --connector "
            "(see: gateway connectors)."
        )
    return online[0]


def unit(session: Session, given: argparse.Namespace) -> str:
    """Return the control unit that a command names, or the only one there is.

    Raises:
        Misconfigured: none is named, and there is not exactly one.
    """
    if given.ecu:
        return str(given.ecu)
    names = [ecu.name for ecu in session.connector.ecus]
    if len(names) != 1:
        raise Misconfigured(f"Name the control unit with --ecu: {', '.join(names) or 'its ids'}.")
    return names[0]


def say_json(document: object) -> None:
    """Write one line of JSON."""
    say(msgspec.json.encode(document).decode())


def hexadecimal(data: bytes) -> str:
    """Return bytes as people read them: ``62 F1 90``."""
    return data.hex(" ").upper()


def readable(data: bytes) -> str:
    """Return the text in bytes, or nothing where they are none."""
    text = data.rstrip(b"\0 ").decode("ascii", "replace")
    return text if text.isprintable() and "\ufffd" not in text else ""


def parse_hex(text: str) -> bytes:
    """Return hexadecimal text as bytes, for argparse."""
    try:
        data = bytes.fromhex(text)
    except ValueError:
        data = b""
    if not data:
        raise argparse.ArgumentTypeError(f"{text!r} is no hexadecimal text, such as 22F190")
    return data


#: What a table shows.
Rows = Sequence[Sequence[object]]


def meaning(answer: Response) -> str:
    """Return the values of an answer as its vehicle's description has them; empty without one."""
    if answer.decoded is None:
        return ""
    return ", ".join(_value(it) for it in answer.decoded["values"])


# Any: JSON of the gateway's.
def _value(told: Mapping[str, Any]) -> str:
    parts = (told.get("name"), told.get("text") or told.get("value"), told.get("unit"))
    return " ".join(str(part) for part in parts if part is not None)
