"""Diagnostic descriptions (ODX in PDX files): what exchanges mean. Runs in the worker process."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gateway.decoding.dbc import MOST_NAMES, DescriptionError
from gateway.decoding.questions import Meaning

if TYPE_CHECKING:
    from odxtools.database import Database
    from odxtools.diaglayers.diaglayer import DiagLayer
    from odxtools.message import Message

#: Files that one PDX may hold.
MOST_FILES = 5_000

#: Bytes at the beginning of a document in which a document type would be declared.
_HEAD = 4_096

#: Kinds of parameters whose value is part of what a message is.
_FIXED = frozenset({"CODED-CONST", "PHYS-CONST", "MATCHING-REQUEST-PARAM"})

#: Values of one message that are told, and how deep they nest.
MOST_VALUES, DEEPEST = 500, 12


class Description:
    """A PDX file that was read.

    Args:
        path: of the file.
        unpacked: bytes that it may have once it is unpacked.

    Raises:
        DescriptionError: it is none.
    """

    def __init__(self, path: Path, unpacked: int) -> None:
        from odxtools.database import Database  # noqa: PLC0415 - heavy, and not for everybody

        check_archive(path, unpacked)
        database = Database()
        try:
            database.add_pdx_file(str(path))
            database.refresh()
        except Exception as error:  # the file's boundary: odxtools raises whatever it meets
            words = f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"
            raise DescriptionError(f"This PDX file cannot be read: {words}.") from error
        self._layers = list(_layers(database))
        if not self._layers:
            raise DescriptionError("This PDX file describes no control unit.")

    def content(self) -> Meaning:
        """Return what is in it."""
        units = [
            {
                "name": layer.short_name,
                "title": layer.long_name or "",
                "addresses": list(addresses),
                "services": len(layer.services),
            }
            for layer, addresses in self._layers[:MOST_NAMES]
        ]
        return {"control_units": units}

    def explain(
        self, addresses: Sequence[int], request: bytes, answers: Sequence[bytes]
    ) -> list[Meaning | None] | None:
        """Return what a request and its answers mean; ``None`` where nothing fits.

        Descriptions that name the control unit's address come first, then those without any.
        """
        fitting = sorted(
            (
                (layer, known)
                for layer, known in self._layers
                if not known or {*known} & {*addresses}
            ),
            key=lambda it: not it[1],
        )
        for layer, _ in fitting:
            asked = _decode(layer, request, None)
            if asked is not None:
                return [asked, *(_decode(layer, answer, request) for answer in answers)]
        return None


def check_archive(path: Path, unpacked: int) -> None:
    """Check what can be known of a file before it is unpacked.

    Raises:
        DescriptionError: it is no archive, too large, or holds documents that define entities.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
            if len(members) > MOST_FILES or sum(it.file_size for it in members) > unpacked:
                raise DescriptionError(
                    f"This PDX file is too large: at most {MOST_FILES} files with {unpacked} "
                    "bytes once they are unpacked."
                )
            for member in members:
                if Path(member.filename).suffix.lower().startswith((".odx", ".xml")):
                    with archive.open(member) as document:
                        head = document.read(_HEAD)
                    if b"<!DOCTYPE" in head or b"<!ENTITY" in head:
                        raise DescriptionError(
                            f"{member.filename} declares a document type; ODX needs none."
                        )
    except (zipfile.BadZipFile, OSError, NotImplementedError, RuntimeError) as error:
        raise DescriptionError(f"This is no PDX file, which is a zip archive: {error}.") from error


def _layers(database: Database) -> Iterator[tuple[DiagLayer, tuple[int, ...]]]:
    """Yield the layers that stand for control units, the most special first."""
    for layer in (*database.ecu_variants, *database.base_variants):
        yield layer, tuple(dict.fromkeys(_addresses(layer)))


# Any: kinds of layers differ in what they know of addresses.
def _addresses(layer: Any) -> Iterator[int]:
    for name in ("get_can_receive_id", "get_can_send_id", "get_doip_logical_ecu_address"):
        try:
            found = getattr(layer, name)()
        except Exception:  # noqa: BLE001, S112 - a parameter that makes no sense is none
            continue
        if isinstance(found, int):
            yield found


def _decode(layer: DiagLayer, data: bytes, request: bytes | None) -> Meaning | None:
    from odxtools import exceptions  # noqa: PLC0415

    # Descriptions never know every trouble code: what is unknown is told as it is.
    exceptions.strict_mode = False
    try:
        found = layer.decode(data) if request is None else layer.decode_response(data, request)
        return _meaning(layer, found[0]) if found else None
    except Exception:  # noqa: BLE001 - the message's boundary: odxtools raises whatever it meets
        return None
    finally:
        exceptions.strict_mode = True


def _meaning(layer: DiagLayer, message: Message) -> Meaning:
    units, fixed = _units(message), _fixed(message)
    values: list[Meaning] = []
    for name, value in message.param_dict.items():
        if name not in fixed:
            _add(values, str(name), value, units, 0)
    return {
        "control_unit": layer.short_name,
        "service": message.service.short_name,
        "title": message.service.long_name or "",
        "message": message.coding_object.short_name,
        "values": values,
    }


def _fixed(message: Message) -> frozenset[str]:
    """Return the parameters that are the same in every such message: its service, its identifier.

    The names of service and message say them already.
    """
    return frozenset(
        parameter.short_name
        for parameter in message.coding_object.parameters
        if parameter.parameter_type in _FIXED
    )


def _units(message: Message) -> dict[str, str]:
    """Return the display names of units, by parameter."""
    found: dict[str, str] = {}
    _gather(message.coding_object.parameters, found, 0)
    return found


# Any: parameters, structures and fields, all of odxtools' making.
def _gather(parameters: Any, found: dict[str, str], depth: int) -> None:
    for parameter in parameters:
        dop = getattr(parameter, "dop", None)
        unit = getattr(dop, "unit", None)
        if unit is not None:
            found.setdefault(parameter.short_name, unit.display_name or unit.short_name)
        inner = getattr(dop, "structure", dop)
        deeper = getattr(inner, "parameters", None)
        if depth < DEEPEST and deeper:
            _gather(deeper, found, depth + 1)


# Any: values are what odxtools decodes: numbers, text, bytes, trouble codes, structures, lists.
def _add(values: list[Meaning], name: str, value: Any, units: dict[str, str], depth: int) -> None:
    if len(values) >= MOST_VALUES or depth > DEEPEST:
        return
    own = name.rpartition(".")[2].partition("[")[0]
    if isinstance(value, dict):
        for key, each in value.items():
            _add(values, f"{name}.{key}", each, units, depth + 1)
    elif isinstance(value, list | tuple):
        for number, each in enumerate(value):
            _add(values, f"{name}[{number}]", each, units, depth + 1)
    else:
        values.append({"name": name, **_scalar(value), "unit": units.get(own)})


# Any: as above.
def _scalar(value: Any) -> Meaning:
    code = getattr(value, "trouble_code", None)
    if code is not None:
        text = getattr(value.text, "text", value.text)
        display = value.display_trouble_code or value.short_name
        return {"value": code, "trouble_code": display, "text": " ".join(str(text or "").split())}
    if isinstance(value, bytes | bytearray):
        return {"value": value.hex().upper()}
    return {
        "value": value if isinstance(value, int | float | str) or value is None else str(value)
    }
