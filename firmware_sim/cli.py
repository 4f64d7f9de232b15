"""The command line: ``firmware-sim run`` dials in with a connector in a simulated vehicle."""

from __future__ import annotations

import argparse
import base64
import binascii
import logging
import sys
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

import trio

from firmware_sim.assembly import SettingsError, VehicleSettings, open_device
from firmware_sim.buses.can_bus import BusGoneError
from firmware_sim.firmware.connector import Dial, run_connector
from firmware_sim.firmware.link import Identity, LinkRefusedError
from firmware_sim.vehicle.loader import VehicleFileError, model_names

#: Exit statuses: wrong usage is argparse's 2.
OK, FAILED, INTERRUPTED = 0, 1, 130

#: Bytes of an Ed25519 private key.
KEY_SIZE = 32


@dataclass(frozen=True, slots=True)
class RunCommand:
    """What ``run`` was asked for."""

    gateway: str
    identity: Identity
    vehicle: VehicleSettings


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return the exit status."""
    parsed = _parser().parse_args(arguments)
    logging.basicConfig(
        level=logging.DEBUG if parsed.verbose else logging.INFO,
        format="%(asctime)s %(levelname)s %(name)s: %(message)s",
    )
    command = RunCommand(
        parsed.gateway,
        Identity(parsed.uuid, parsed.key),
        VehicleSettings(vehicle=parsed.vehicle, vin=parsed.vin, seed=parsed.seed, bus=parsed.bus),
    )
    return trio.run(_guarded, command)


async def _guarded(command: RunCommand) -> int:
    """Run until something ends it, and say in one line what that was."""
    status = FAILED
    try:
        await run(command)
    except* KeyboardInterrupt:
        status = INTERRUPTED
    except* (SettingsError, VehicleFileError, BusGoneError, LinkRefusedError) as group:
        for line in _leaves(group):
            sys.stderr.write(f"firmware-sim: {line}\n")
    return status


def _leaves(group: BaseExceptionGroup[Exception]) -> list[str]:
    found: list[str] = []
    for error in group.exceptions:
        found += _leaves(error) if isinstance(error, BaseExceptionGroup) else [str(error)]
    return found


async def run(command: RunCommand) -> None:
    """Be a connector in a vehicle until cancelled.

    Raises:
        ExceptionGroup: with a `LinkRefusedError` where the gateway does not want this connector.
    """
    async with open_device(command.vehicle) as device:
        dial = Dial(command.gateway, command.identity)
        await run_connector(device, dial, Random(command.vehicle.seed))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="firmware-sim", description="A simulated connector, plugged into a simulated vehicle."
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    run_parser = commands.add_parser("run", help="dial in with one connector in one vehicle")
    add = run_parser.add_argument
    add("--gateway", required=True, type=_url, metavar="URL", help="link port, ws:// or wss://")
    add("--uuid", required=True, type=_uuid, help="the connector's UUID")
    add("--key", required=True, type=_key, metavar="BASE64", help="its private key, 32 bytes")
    add(
        "--vehicle",
        default=model_names()[0],
        metavar="NAME|FILE",
        help=f"{', '.join(model_names())}, or a YAML file (default: %(default)s)",
    )
    add("--vin", help="another vehicle identification number")
    add("--seed", type=int, default=0, help="makes everything that is random (default: 0)")
    add("--bus", metavar="INTERFACE:CHANNEL", help="where the CAN bus is, as in virtual:demo-1")
    add("--verbose", action="store_true", help="log more")
    return parser


def _url(text: str) -> str:
    if not text.startswith(("ws://", "wss://")):
        raise argparse.ArgumentTypeError(f"{text!r} begins neither with ws:// nor with wss://")
    return text


def _uuid(text: str) -> str:
    try:
        return str(uuid.UUID(text))
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no UUID") from None


def _key(text: str) -> bytes:
    # The text itself is never repeated: it is a secret.
    try:
        key = base64.b64decode(text, validate=True)
    except (ValueError, binascii.Error):
        raise argparse.ArgumentTypeError("the key is no base64") from None
    if len(key) != KEY_SIZE:
        raise argparse.ArgumentTypeError(f"the key has {len(key)} bytes instead of {KEY_SIZE}")
    return key
