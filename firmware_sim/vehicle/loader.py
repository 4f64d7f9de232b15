"""Loads vehicles from YAML: those that come with the package by name, others by path."""

from __future__ import annotations

from importlib import resources
from pathlib import Path
from typing import Any

import msgspec
import yaml

from firmware_sim.vehicle.ecu_spec import Hex
from firmware_sim.vehicle.vehicle_spec import VehicleSpec

#: Largest vehicle file accepted, bytes. The biggest of ours has 15 kB.
MAX_FILE = 1 << 20

_MODELS = resources.files("firmware_sim.vehicle") / "models"


class VehicleFileError(Exception):
    """A vehicle cannot be loaded; the text names the file, the place and what is wrong."""


def model_names() -> tuple[str, ...]:
    """Return the names of the vehicles that come with the package."""
    names = (item.name for item in _MODELS.iterdir())
    return tuple(sorted(name.removesuffix(".yaml") for name in names if name.endswith(".yaml")))


def load_vehicle(name_or_path: str) -> VehicleSpec:
    """Load a vehicle by its name, or by the path of a YAML file.

    Raises:
        VehicleFileError: there is none, or its file is broken.
    """
    if name_or_path in model_names():
        text = (_MODELS / f"{name_or_path}.yaml").read_text("utf-8")
        return parse_vehicle(text, f"{name_or_path}.yaml")
    path = Path(name_or_path)
    if path.suffix not in {".yaml", ".yml"}:
        known = ", ".join(model_names())
        raise VehicleFileError(f"no vehicle {name_or_path!r}; choose {known} or a .yaml file")
    try:
        with path.open("rb") as file:
            data = file.read(MAX_FILE + 1)
        return parse_vehicle(data.decode("utf-8"), str(path))
    except (OSError, UnicodeDecodeError) as error:
        raise VehicleFileError(f"{path}: {error}") from None


def parse_vehicle(text: str, source: str) -> VehicleSpec:
    """Read a vehicle from the text of a YAML file.

    Raises:
        VehicleFileError: it is broken; ``source`` names the file in the message.
    """
    if len(text) > MAX_FILE:
        raise VehicleFileError(f"{source}: larger than {MAX_FILE} bytes")
    try:
        return msgspec.convert(yaml.safe_load(text), VehicleSpec, dec_hook=_decode)
    except (yaml.YAMLError, msgspec.ValidationError, RecursionError) as error:
        raise VehicleFileError(f"{source}: {' '.join(str(error).split())}") from None


# Any: msgspec hands over whatever the file holds, for whatever type it meets.
def _decode(kind: type[Any], value: Any) -> Any:
    if kind is not Hex:
        raise NotImplementedError(f"no way to read a {kind.__name__}")
    if not isinstance(value, str):
        raise ValueError(f'bytes are written as hex text in quotes, like "01 FF", not {value!r}')
    return Hex.fromhex(value)
