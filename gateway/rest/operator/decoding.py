"""Descriptions over HTTP: what vehicles' messages mean, in files that operators upload."""

from __future__ import annotations

from dataclasses import dataclass, field

import trio
from quart import Blueprint, Response, jsonify, request
from werkzeug.exceptions import RequestEntityTooLarge

from gateway.decoding.service import DescriptionService, Labels
from gateway.domain.errors import Invalid, Throttled, TooLarge
from gateway.storage.queries.descriptions import DescriptionRecord
from gateway.web.auth import OperatorIdentity, require_operator
from gateway.web.paging import PARTNER, PageProfile, page_from
from gateway.web.parameters import LARGEST

#: Beginning of the path whose bodies are files, and larger than others.
DESCRIPTIONS = "/operator/v1/descriptions"

#: Uploads that are read at once.
MOST_UPLOADS = 2

#: Letters of a description's name, of a bus, and of a vehicle identification number.
_LONGEST_NAME, _LONGEST_BUS, _VIN = 120, 64, 17

_NUMBER = f"<int(max={LARGEST}):number>"


@dataclass(frozen=True, slots=True)
class DescriptionDoor:
    """The services behind descriptions.

    Attributes:
        identity: knows operators by their tokens.
        descriptions: keeps and reads them.
        uploads: who uploads now; the next one is turned away.
        pages: how lists are paged.
    """

    identity: OperatorIdentity
    descriptions: DescriptionService
    uploads: trio.CapacityLimiter = field(
        default_factory=lambda: trio.CapacityLimiter(MOST_UPLOADS)
    )
    pages: PageProfile = PARTNER


def blueprint(door: DescriptionDoor) -> Blueprint:
    """Return the routes below ``/operator/v1/descriptions``."""
    routes = Blueprint("operator_descriptions", __name__, url_prefix=DESCRIPTIONS)

    @routes.post("")
    async def upload() -> tuple[Response, int]:
        operator = await require_operator(door.identity)
        labels = _labels()
        try:
            door.uploads.acquire_on_behalf_of_nowait(request)
        except trio.WouldBlock:
            raise Throttled(
                "description.uploads", "Others are being read. Try again soon.", retry_after=5
            ) from None
        try:
            record = await door.descriptions.add(operator, labels, request.body)
        except RequestEntityTooLarge:
            largest = door.descriptions.largest
            raise TooLarge(
                "description.too_large", f"A description has at most {largest} bytes."
            ) from None
        finally:
            door.uploads.release_on_behalf_of(request)
        return jsonify(describe(record)), 201

    @routes.get("")
    async def list_descriptions() -> Response:
        operator = await require_operator(door.identity)
        page = page_from(request.args, door.pages)
        found = await door.descriptions.list(operator, offset=page.offset, limit=page.limit)
        shown = [describe(record) for record in found.items]
        return jsonify(
            {"result": shown, "total": found.total, "offset": page.offset, "limit": page.limit}
        )

    @routes.get(f"/{_NUMBER}")
    async def get_description(number: int) -> Response:
        operator = await require_operator(door.identity)
        return jsonify(describe(await door.descriptions.find(operator, number)))

    @routes.delete(f"/{_NUMBER}")
    async def delete_description(number: int) -> tuple[str, int]:
        operator = await require_operator(door.identity)
        await door.descriptions.remove(operator, number)
        return "", 204

    return routes


def _labels() -> Labels:
    """Return what the query says of the file."""
    told = {name: request.args.get(name, "") for name in ("name", "vin_prefix", "bus", "kind")}
    longest = {"name": _LONGEST_NAME, "vin_prefix": _VIN, "bus": _LONGEST_BUS, "kind": 3}
    for name, text in told.items():
        if len(text) > longest[name] or "\0" in text:
            raise Invalid(
                "description.label",
                f"{name} has at most {longest[name]} characters.",
                field=name,
            )
    if told["kind"] not in {"", "pdx", "dbc"}:
        raise Invalid("description.kind", "kind is pdx or dbc.", field="kind")
    prefix = told["vin_prefix"]
    if prefix and not (prefix.isascii() and prefix.isalnum()):
        raise Invalid(
            "description.vin_prefix",
            "vin_prefix is the beginning of a vehicle identification number: letters and digits.",
            field="vin_prefix",
        )
    return Labels(told["name"], prefix, told["bus"], told["kind"])


def describe(record: DescriptionRecord) -> dict[str, object]:
    """Return a description as the operator API shows it."""
    return {
        "id": record.id,
        "name": record.name,
        "kind": record.kind,
        "vin_prefix": record.vin_prefix,
        "bus": record.bus,
        "sha256": record.sha256,
        "size": record.size,
        "content": record.content,
        "uploaded_by": record.client_id,
        "created_at": record.created_at.isoformat(),
    }
