"""Recordings over HTTP: what there is, and each in the format of the tool that opens it."""

from __future__ import annotations

from dataclasses import dataclass

from quart import Blueprint, Response, jsonify, request

from gateway.sessions.recording.exporting import MEDIA
from gateway.sessions.recording.library import RecordingLibrary
from gateway.storage.queries.recordings import RecordingRecord
from gateway.web.auth import OperatorIdentity, require_operator
from gateway.web.paging import PARTNER, PageProfile, page_from

#: The format where a request names none: what Wireshark opens holds most.
DEFAULT_FORMAT = "pcapng"


@dataclass(frozen=True, slots=True)
class RecordingDoor:
    """The services behind recordings.

    Attributes:
        identity: knows operators by their tokens.
        library: has the recordings.
        pages: how lists are paged.
    """

    identity: OperatorIdentity
    library: RecordingLibrary
    pages: PageProfile = PARTNER


def blueprint(door: RecordingDoor) -> Blueprint:
    """Return the routes of recordings below ``/operator/v1``."""
    routes = Blueprint("operator_recordings", __name__, url_prefix="/operator/v1")

    @routes.get("/recordings")
    async def list_recordings() -> Response:
        operator = await require_operator(door.identity)
        page = page_from(request.args, door.pages)
        found = await door.library.list(operator, offset=page.offset, limit=page.limit)
        return jsonify(
            {
                "result": [describe(record) for record in found.items],
                "total": found.total,
                "offset": page.offset,
                "limit": page.limit,
            }
        )

    @routes.get("/recordings/<session_id>")
    async def get_recording(session_id: str) -> Response:
        operator = await require_operator(door.identity)
        return jsonify(describe(await door.library.find(operator, session_id)))

    @routes.get("/sessions/<session_id>/recording")
    async def export_recording(session_id: str) -> Response:
        operator = await require_operator(door.identity)
        wanted = request.args.get("format", DEFAULT_FORMAT)
        export = await door.library.export(operator, session_id, wanted)
        media, suffix = MEDIA[wanted]
        response = Response(export.pieces(), mimetype=None, content_type=media)
        response.content_length = export.size
        response.headers["Content-Disposition"] = f'attachment; filename="{session_id}.{suffix}"'
        response.headers["Recording-Frames"] = str(export.frames)
        if export.cut:
            response.headers["Recording-Cut"] = export.cut
        return response

    return routes


def describe(record: RecordingRecord) -> dict[str, object]:
    """Return a recording as the operator API shows it."""
    return {
        "session": record.session_id,
        "state": record.state,
        "detail": record.detail,
        "connector_id": record.connector_id,
        "connector_uuid": str(record.connector_uuid),
        "ticket_id": record.ticket_id,
        "vin": record.vin,
        "parts": record.parts,
        "bytes": record.bytes,
        "exchanges": record.exchanges,
        "frames": record.frames,
        "frames_lost": record.frames_lost,
        "began_at": record.began_at.isoformat(),
        "ended_at": None if record.ended_at is None else record.ended_at.isoformat(),
    }
