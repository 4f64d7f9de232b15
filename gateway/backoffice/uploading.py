"""How large bodies may be at which paths: as large as the files that are taken there."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from gateway.backoffice.declarations import Declarations
from gateway.backoffice.profile import Api
from gateway.backoffice.records import Several, Upload
from gateway.backoffice.resource import Field, Input

#: Of all files in one body: it is held in memory while it comes in.
MOST_AT_ONCE = 40 * 1024 * 1024

#: What stands around files: boundaries, names and plain members.
_AROUND = 64 * 1024


def largest_bodies(declarations: Declarations) -> dict[str, int]:
    """Return pattern of a path -> bytes that bodies may have there; elsewhere the usual holds."""
    return {
        _pattern(api, prefix + path): _AROUND + min(size, MOST_AT_ONCE)
        for api, paths, inputs in _takers(declarations)
        if (size := sum(map(_size, inputs)))
        for prefix in api.prefixes
        for path in paths
    }


def _takers(
    declarations: Declarations,
) -> Iterator[tuple[Api, Iterable[str], Iterable[Field | Input]]]:
    for resource in declarations.resources:
        paths = [tail for path in resource.paths for tail in (path, f"{path}/{{id}}")]
        yield resource.profile.api, paths, resource.inputs
    yield from ((action.api, action.paths, action.inputs) for action in declarations.actions)


def _size(taken: Field | Input) -> int:
    match taken.kind:
        case Upload(most=most):
            return most
        case Several(kind=Upload(most=most), most=count):
            return most * count
        case _:
            return 0


def _pattern(api: Api, path: str) -> str:
    parts = (re.escape(part) for part in re.split(r"\{\w+\}", path))
    return re.escape(api.mount) + "[^/]+".join(parts) + "/?$"
