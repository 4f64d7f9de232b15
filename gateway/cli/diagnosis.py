"""``gateway connectors`` and ``gateway uds``: which vehicles there are, and asking them."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

import msgspec

from gateway.cli.invocation import Invocation, say, show
from gateway.cli.remote import (
    DONE,
    VEHICLE_REFUSED,
    add_gateway,
    add_unit,
    add_vehicle,
    hexadecimal,
    meaning,
    parse_hex,
    readable,
    run,
    say_json,
    unit,
    vehicle,
)
from gateway.client import Client, ClientError, Session
from gateway.client.records import Response
from gateway.client.session import positive

if TYPE_CHECKING:
    Commands = argparse._SubParsersAction[argparse.ArgumentParser]  # noqa: SLF001 - no public name

#: Everything that a control unit has stored (ISO 14229-1 annex D.2).
ALL_STATUS, ALL_GROUPS = 0xFF, 0xFFFFFF


def add_to(commands: Commands) -> None:
    """Add ``connectors`` and ``uds``."""
    connectors = commands.add_parser("connectors", help="connectors within reach")
    connectors.add_argument("--online", action="store_true", help="only those that are there")
    add_gateway(connectors)
    connectors.set_defaults(command=run_connectors)
    uds = commands.add_parser("uds", help="ask a control unit")
    actions = uds.add_subparsers(required=True, metavar="ACTION")
    read = actions.add_parser("read-did", help="read data by identifier")
    read.add_argument("did", nargs="+", type=_identifier, metavar="DID", help="such as F190")
    raw = actions.add_parser("raw", help="send a request as it is")
    raw.add_argument("request", type=parse_hex, metavar="HEX", help="such as 22F190")
    for parser, command in ((read, run_read), (raw, run_raw)):
        _finish(parser, command)
    _add_dtc(actions)


def _add_dtc(actions: Commands) -> None:
    dtc = actions.add_parser("dtc", help="trouble codes")
    verbs = dtc.add_subparsers(required=True, metavar="ACTION")
    listing = verbs.add_parser("list", help="of one control unit, or of all")
    listing.add_argument("--mask", type=_byte, default=ALL_STATUS, help="status bits, such as 08")
    clear = verbs.add_parser("clear", help="of one control unit")
    clear.add_argument("--group", type=_group, default=ALL_GROUPS, help="FFFFFF: all")
    _finish(listing, run_list)
    _finish(clear, run_clear)


def _finish(parser: argparse.ArgumentParser, command: object) -> None:
    add_unit(parser)
    add_vehicle(parser)
    add_gateway(parser)
    parser.set_defaults(command=command)


def _identifier(text: str) -> int:
    return _hex(text, 0xFFFF)


def _byte(text: str) -> int:
    return _hex(text, 0xFF)


def _group(text: str) -> int:
    return _hex(text, 0xFFFFFF)


def _hex(text: str, largest: int) -> int:
    try:
        number = int(text, 16)
    except ValueError:
        number = -1
    if not 0 <= number <= largest:
        raise argparse.ArgumentTypeError(f"{text!r} is no hexadecimal number up to {largest:X}")
    return number


# --- connectors --------------------------------------------------------------------------------


def run_connectors(invocation: Invocation) -> int:
    """List connectors."""
    given = invocation.arguments

    async def work(client: Client) -> int:
        found = [one for one in await client.connectors() if one.online or not given.online]
        if given.json:
            say_json(msgspec.to_builtins(found))
            return DONE
        rows = [
            (
                one.uuid,
                "online" if one.online else "offline",
                one.vin or "-",
                "-" if one.voltage is None else f"{one.voltage:.1f} V",
                "-" if one.round_trip_ms is None else f"{one.round_trip_ms:.0f} ms",
                " ".join(bus.name for bus in one.buses) or "-",
                " ".join(ecu.name for ecu in one.ecus) or "-",
            )
            for one in found
        ]
        show(
            ("connector", "state", "VIN", "voltage", "round trip", "buses", "control units"), rows
        )
        return DONE

    return run(invocation, work)


# --- requests ----------------------------------------------------------------------------------


def run_read(invocation: Invocation) -> int:
    """Read identifiers of a control unit."""
    given = invocation.arguments

    async def work(client: Client) -> int:
        async with vehicle(client, given) as session:
            ecu = unit(session, given)
            answers = await session.exchange_all(
                [(ecu, b"\x22" + did.to_bytes(2)) for did in given.did]
            )
        pairs = zip(given.did, answers, strict=True)
        found = [_outcome(answer) | {"did": f"{did:04X}"} for did, answer in pairs]
        if given.json:
            say_json(found)
        else:
            rows = [(it["did"], it["data"] or it["error"], it["text"]) for it in found]
            show(("identifier", "data", "text"), rows)
        return VEHICLE_REFUSED if any(it["error"] for it in found) else DONE

    return run(invocation, work)


def _outcome(answer: tuple[Response, ...] | ClientError) -> dict[str, str | None]:
    try:
        if isinstance(answer, ClientError):
            raise answer
        data = positive(answer[0])[3:] if answer else b""
    except ClientError as error:
        return {"data": None, "text": None, "error": str(error)}
    text = meaning(answer[0]) if answer else ""
    return {"data": hexadecimal(data), "text": text or readable(data) or None, "error": None}


def run_raw(invocation: Invocation) -> int:
    """Send a request as it is, and show every answer."""
    given = invocation.arguments

    async def work(client: Client) -> int:
        async with vehicle(client, given) as session:
            answers = await session.exchange(unit(session, given), given.request)
        for answer in answers:
            if given.json:
                say_json(
                    msgspec.to_builtins(answer, enc_hook=_plain)
                    | {"data": answer.data.hex().upper()}
                )
            else:
                why = "" if answer.negative is None else f"  {answer.negative.name}"
                say(f"{answer.ecu:X}  {hexadecimal(answer.data)}{why}")
        return VEHICLE_REFUSED if any(answer.negative for answer in answers) else DONE

    return run(invocation, work)


def _plain(value: object) -> object:
    """Return what JSON has no word for in another one."""
    return value.hex() if isinstance(value, bytes) else str(value)


# --- trouble codes -----------------------------------------------------------------------------


def run_list(invocation: Invocation) -> int:
    """List trouble codes, of every control unit where none is named."""
    given = invocation.arguments

    async def work(client: Client) -> int:
        async with vehicle(client, given) as session:
            units = [given.ecu] if given.ecu else [ecu.name for ecu in session.connector.ecus]
            request = bytes((0x19, 0x02, given.mask))
            answers = await session.exchange_all([(ecu, request) for ecu in units])
        pairs = list(zip(units, answers, strict=True))
        found = [row for ecu, answer in pairs for row in _codes(ecu, answer)]
        if given.json:
            say_json(found)
        else:
            names = ("ecu", "code", "status", "flags", "text")
            show(
                names,
                [
                    tuple(row.get(name) or row.get("error") or "" for name in names)
                    for row in found
                ],
            )
        return VEHICLE_REFUSED if any("error" in row for row in found) else DONE

    return run(invocation, work)


def _codes(ecu: str, answer: tuple[Response, ...] | ClientError) -> list[dict[str, str]]:
    try:
        if isinstance(answer, ClientError):
            raise answer
        data = positive(answer[0]) if answer else b""
        texts = _texts(answer[0]) if answer else {}
    except ClientError as error:
        return [{"ecu": ecu, "error": str(error)}]
    # ISO 14229-1, 12.3.2.3: service, subfunction, availability mask, then code and status each.
    records = data[3:]
    return [
        {
            "ecu": ecu,
            "code": spell(int.from_bytes(records[at : at + 3])),
            "status": f"{records[at + 3]:02X}",
            "flags": flags(records[at + 3]),
            "text": texts.get(int.from_bytes(records[at : at + 3]), ""),
        }
        for at in range(0, len(records) - 3, 4)
    ]


def _texts(answer: Response) -> dict[int, str]:
    """Return what a description calls the trouble codes of an answer, by code."""
    values = [] if answer.decoded is None else answer.decoded["values"]
    return {it["value"]: it.get("text", "") for it in values if "trouble_code" in it}


#: Bits of a trouble code's status, lowest first (ISO 14229-1 annex D.2).
_FLAGS = (
    "failed",
    "failed this cycle",
    "pending",
    "confirmed",
    "not tested since clear",
    "failed since clear",
    "not tested this cycle",
    "warning lamp",
)


def flags(status: int) -> str:
    """Return the set bits of a trouble code's status in words."""
    return ", ".join(name for bit, name in enumerate(_FLAGS) if status >> bit & 1)


def spell(code: int) -> str:
    """Return a trouble code of three bytes as people write it: ``P0301-00``.

    SAE J2012-DA: two bits for the system, fourteen for the code, a byte for the kind of failure.
    """
    return f"{'PCBU'[code >> 22]}{code >> 8 & 0x3FFF:04X}-{code & 0xFF:02X}"


def run_clear(invocation: Invocation) -> int:
    """Clear a control unit's trouble codes."""
    given = invocation.arguments

    async def work(client: Client) -> int:
        async with vehicle(client, given) as session:
            ecu = unit(session, given)
            await _clear(session, ecu, given.group)
        if given.json:
            say_json({"ecu": ecu, "cleared": f"{given.group:06X}"})
        else:
            say(f"{ecu}: cleared")
        return DONE

    return run(invocation, work)


async def _clear(session: Session, ecu: str, group: int) -> None:
    await session.ask(ecu, b"\x14" + group.to_bytes(3))
