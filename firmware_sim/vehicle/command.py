"""``firmware-sim vehicles``: lists the vehicles of the package, and checks vehicle files."""

from __future__ import annotations

import argparse
import sys

from firmware_sim.vehicle.loader import VehicleFileError, load_vehicle, model_names
from firmware_sim.vehicle.vehicle_spec import VehicleSpec


def add_to(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the program's others."""
    parser = commands.add_parser(
        "vehicles", help="list the vehicles that can be simulated, or check vehicle files"
    )
    parser.add_argument(
        "vehicle", nargs="*", metavar="NAME|FILE", help="only these; files are checked"
    )
    parser.set_defaults(start=start)


def start(parsed: argparse.Namespace) -> int:
    """List the vehicles asked for, or all; return 1 where one of them is broken."""
    broken = False
    for name in parsed.vehicle or model_names():
        try:
            sys.stdout.write(f"{line_of(load_vehicle(name), name)}\n")
        except VehicleFileError as error:
            broken = True
            sys.stderr.write(f"{error}\n")
    return int(broken)


def line_of(vehicle: VehicleSpec, name: str) -> str:
    """Return one line about a vehicle: what to call it, its kind, its ECUs, its title."""
    ecus = ", ".join(ecu.name for ecu in vehicle.ecus)
    return f"{name:<10} {vehicle.kind:<7} {vehicle.title}: {ecus}"
