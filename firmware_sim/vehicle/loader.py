"""Loads vehicles from YAML: those that come with the package by name, others by path."""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

from msgspec import structs

from firmware_sim.vehicle.marked_yaml import DocumentError, Flaw, Marked, read_document
from firmware_sim.vehicle.quirk_spec import QuirksFile
from firmware_sim.vehicle.record import Record, SpecError
from firmware_sim.vehicle.spec_reader import read_record
from firmware_sim.vehicle.traffic import DatabaseError, open_database, traffic_complaints
from firmware_sim.vehicle.vehicle_spec import VehicleSpec

#: Largest vehicle file accepted, bytes. The biggest of ours has 15 kB.
MAX_FILE = 1 << 20

#: Where the vehicles of the package are, with their databases and quirks.
_MODELS = Path(__file__).with_name("models")

R = TypeVar("R", bound=Record)


class VehicleFileError(Exception):
    """A vehicle cannot be loaded; the text has a line for each flaw: file, line, what is wrong."""


def model_names() -> tuple[str, ...]:
    """Return the names of the vehicles that come with the package."""
    return tuple(sorted(path.stem for path in _MODELS.glob("*.yaml")))


def load_vehicle(name_or_path: str) -> VehicleSpec:
    """Load a vehicle by its name, or by the path of a YAML file, with the files it names.

    Raises:
        VehicleFileError: there is none, or one of its files is broken.
    """
    if name_or_path in model_names():
        path = _MODELS / f"{name_or_path}.yaml"
        return parse_vehicle(_text_of(path), path.name, beside=_MODELS)
    path = Path(name_or_path)
    if path.suffix not in {".yaml", ".yml"}:
        known = ", ".join(model_names())
        raise VehicleFileError(f"no vehicle {name_or_path!r}; choose {known} or a .yaml file")
    return parse_vehicle(_text_of(path), str(path), beside=path.parent)


def parse_vehicle(text: str, source: str, *, beside: Path | None = None) -> VehicleSpec:
    """Read a vehicle from the text of a YAML file.

    Args:
        text: of the file.
        source: names the file in messages.
        beside: folder of the files that it names; the current one where left out.

    Raises:
        VehicleFileError: it is broken, or one of the files it names is.
    """
    document = _document(text, source)
    spec = _record(document, VehicleSpec, source)
    folder = beside if beside is not None else Path()
    try:
        return _with_traffic(_with_quirks(spec, folder), folder)
    except SpecError as error:
        raise _refusal(source, [Flaw(document.line, text) for text in error.complaints]) from None


def _with_quirks(spec: VehicleSpec, folder: Path) -> VehicleSpec:
    if spec.quirks_file is None:
        return spec
    path = folder / spec.quirks_file
    found = _record(_document(_text_of(path), path.name), QuirksFile, path.name)
    return structs.replace(spec, quirks=(*spec.quirks, *found.quirks), quirks_file=None)


def _with_traffic(spec: VehicleSpec, folder: Path) -> VehicleSpec:
    """Return the vehicle with its database found, and everything it sends found in there."""
    if spec.traffic is None:
        return spec
    traffic = structs.replace(spec.traffic, database=str(folder / spec.traffic.database))
    try:
        database = open_database(traffic.database)
    except DatabaseError as error:
        raise VehicleFileError(str(error)) from None
    found = list(traffic_complaints(traffic, database, fd=spec.kind == "can-fd"))
    if found:
        raise SpecError(found)
    return structs.replace(spec, traffic=traffic)


def _text_of(path: Path) -> str:
    try:
        with path.open("rb") as file:
            data = file.read(MAX_FILE + 1)
        if len(data) > MAX_FILE:
            raise VehicleFileError(f"{path}: larger than {MAX_FILE} bytes")
        return data.decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise VehicleFileError(f"{path}: {error}") from None


def _document(text: str, source: str) -> Marked:
    try:
        return read_document(text)
    except DocumentError as error:
        raise _refusal(source, error.flaws) from None


def _record(document: Marked, kind: type[R], source: str) -> R:
    try:
        return read_record(document, kind)
    except DocumentError as error:
        raise _refusal(source, error.flaws) from None


def _refusal(source: str, flaws: list[Flaw]) -> VehicleFileError:
    return VehicleFileError("\n".join(f"{source}:{flaw.line}: {flaw.text}" for flaw in flaws))
