"""The command line: ``firmware-sim run`` dials in with a connector in a simulated vehicle.

``firmware-sim fleet`` dials in with thousands that have none; ``firmware-sim vehicles`` lists what
can be simulated.
"""

from __future__ import annotations

import argparse
import logging
import os
import sys
import uuid
from collections.abc import Callable, Sequence
from pathlib import Path
from random import Random

import trio

from firmware_sim.assembly import SettingsError
from firmware_sim.buses.can_bus import BusGoneError
from firmware_sim.firmware.connector import Dial, run_connector
from firmware_sim.firmware.device import MARGIN
from firmware_sim.firmware.link import LinkRefusedError
from firmware_sim.fleet import command as fleet_command
from firmware_sim.roster import RosterEntry, private_key, read_roster
from firmware_sim.vehicle import command as vehicle_command
from firmware_sim.vehicle.loader import VehicleFileError, model_names
from firmware_sim.vehicle.replay import ReplayError

#: Exit statuses: wrong usage is argparse's 2.
OK, FAILED, INTERRUPTED = 0, 1, 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return the exit status."""
    parser = _parser()
    parsed = parser.parse_args(arguments)
    start: Callable[[argparse.Namespace], int] | None = getattr(parsed, "start", None)
    if start is not None:
        return start(parsed)
    proof = parsed.key or parsed.certificate
    single = (parsed.gateway, parsed.uuid, proof)
    if (parsed.roster is None) is (None in single) or (parsed.roster and any(single)):
        parser.error("give either --roster, or --gateway, --uuid, and --key or --certificate")
    logging.basicConfig(
        level=logging.DEBUG if parsed.verbose else logging.INFO,
        format="%(asctime)s %(levelname)s %(name)s: %(message)s",
    )
    return trio.run(_guarded, parsed)


async def _guarded(parsed: argparse.Namespace) -> int:
    """Run until something ends it, and say in one line what that was."""
    status = FAILED
    try:
        await _run_while_wanted(_entries(parsed), until_eof=parsed.until_eof)
    except* KeyboardInterrupt:
        status = INTERRUPTED
    except* (
        SettingsError,
        VehicleFileError,
        ReplayError,
        BusGoneError,
        LinkRefusedError,
    ) as group:
        for line in _leaves(group):
            sys.stderr.write(f"firmware-sim: {line}\n")
    return status


async def _run_while_wanted(entries: Sequence[RosterEntry], *, until_eof: bool) -> None:
    """Run until cancelled, or until whoever started us goes away."""
    async with trio.open_nursery() as nursery:
        if until_eof:
            nursery.start_soon(_end_at_eof, nursery.cancel_scope)
        await run(entries)


async def _end_at_eof(scope: trio.CancelScope) -> None:
    # A copy, because closing the stream would close standard input itself.
    async with trio.lowlevel.FdStream(os.dup(sys.stdin.fileno())) as stream:
        async for _ in stream:
            continue
    scope.cancel()


def _entries(parsed: argparse.Namespace) -> tuple[RosterEntry, ...]:
    if parsed.roster is not None:
        return read_roster(parsed.roster)
    return (
        RosterEntry(
            gateway=parsed.gateway,
            uuid=parsed.uuid,
            key=parsed.key or "",
            vehicle=parsed.vehicle,
            vin=parsed.vin,
            replay=parsed.replay,
            seed=parsed.seed,
            bus=parsed.bus,
            doip=parsed.doip,
            ecus=parsed.ecus,
            fd=parsed.fd,
            bitrate=parsed.bitrate,
            data_bitrate=parsed.data_bitrate,
            frames_only=parsed.frames_only,
            data=parsed.data,
            margin=parsed.margin,
            certificate=parsed.certificate,
            certificate_key=parsed.certificate_key,
            ca=parsed.ca,
        ),
    )


def _leaves(group: BaseExceptionGroup[Exception]) -> list[str]:
    found: list[str] = []
    for error in group.exceptions:
        found += _leaves(error) if isinstance(error, BaseExceptionGroup) else [str(error)]
    return found


async def run(entries: Sequence[RosterEntry]) -> None:
    """Be these connectors, each in its vehicle, until cancelled; the first to fail ends all.

    Raises:
        ExceptionGroup: with a `LinkRefusedError` where a gateway does not want a connector.
    """
    async with trio.open_nursery() as nursery:
        for entry in entries:
            nursery.start_soon(_be, entry)


async def _be(entry: RosterEntry) -> None:
    async with entry.open() as device:
        dial = Dial(entry.gateway, entry.identity, tls=entry.tls())
        await run_connector(
            device, dial, Random(entry.seed), isotp=device.isotp, data=entry.folder
        )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="firmware-sim", description="A simulated connector, plugged into a simulated vehicle."
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    run_parser = commands.add_parser("run", help="dial in with one connector in one vehicle")
    add = run_parser.add_argument
    add("--roster", type=Path, metavar="FILE", help="many connectors: see firmware_sim/roster.py")
    add("--gateway", type=_url, metavar="URL", help="link port, ws:// or wss://")
    add("--uuid", type=_uuid, help="the connector's UUID")
    add("--key", type=_key, metavar="BASE64", help="its private key, 32 bytes")
    add("--certificate", metavar="PEM", help="client certificate that names the UUID, for wss://")
    add("--certificate-key", metavar="PEM", help="its key, where its own file has none")
    add("--ca", metavar="PEM", help="authority that vouches for the gateway")
    add(
        "--vehicle",
        metavar="NAME|FILE",
        help=f"{', '.join(model_names())}, or a YAML file (default: {model_names()[0]}; with "
        "--bus or --doip none is simulated)",
    )
    add("--replay", metavar="FILE", help="be the vehicle of a recording (docs/recordings.md)")
    add("--vin", help="another vehicle identification number")
    add("--seed", type=int, default=0, help="makes everything that is random (default: 0)")
    add("--bus", metavar="INTERFACE:CHANNEL", help="where the CAN bus is, as in socketcan:can0")
    add("--doip", metavar="HOST[:PORT]", help="a DoIP vehicle to be plugged into")
    add(
        "--ecus",
        default="",
        metavar="FILE|LIST",
        help="control units there: a YAML file, or 7E0:7E8 (CAN) or 1001 (DoIP), with commas",
    )
    add("--fd", action="store_true", help="the bus carries CAN-FD frames")
    add("--bitrate", type=int, help="of the bus, bit/s, for interfaces that set it themselves")
    add("--data-bitrate", type=int, help="of the CAN-FD data phase, likewise")
    add(
        "--data",
        metavar="DIR",
        help="folder for transfer jobs and their images, so that a loss of power loses none; left "
        "out, they last as long as the program",
    )
    add(
        "--margin",
        type=_seconds,
        default=MARGIN,
        metavar="SECONDS",
        help="what bus, adapter and this machine may add to the answer times that control units "
        f"state (default: {MARGIN:g})",
    )
    add("--frames-only", action="store_true", help="leave ISO-TP and UDS timing to the gateway")
    add(
        "--until-eof",
        action="store_true",
        help="end when standard input does, so that nothing outlives whoever started it",
    )
    add("--verbose", action="store_true", help="log more")
    fleet_command.add_to(commands)
    vehicle_command.add_to(commands)
    return parser


def _url(text: str) -> str:
    if not text.startswith(("ws://", "wss://")):
        raise argparse.ArgumentTypeError(f"{text!r} begins neither with ws:// nor with wss://")
    return text


def _seconds(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = -1.0
    # Neither below zero nor endless nor no number at all.
    if not 0 <= number < float("inf"):
        raise argparse.ArgumentTypeError(f"{text!r} is no number of seconds")
    return number


def _uuid(text: str) -> uuid.UUID:
    try:
        return uuid.UUID(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no UUID") from None


def _key(text: str) -> str:
    # The text itself is never repeated: it is a secret.
    try:
        private_key(text)
    except SettingsError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    return text
