"""``/files/ID``: where signed links lead. Whoever has a good link needs no token.

A file goes out as an attachment, with the type that its bytes were checked against, and with
everything forbidden that a browser could do with it.
"""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import quote
from uuid import UUID

from quart import Blueprint, Response, jsonify, request

from gateway.storage.files.cabinet import FileCabinet
from gateway.storage.files.links import PREFIX, Deed, FileLinks
from gateway.storage.queries.files import FileRecord

#: Headers that hold whether the bytes follow or an address does.
_OF_ANY_ANSWER = ("Cache-Control", "Referrer-Policy")


@dataclass(frozen=True, slots=True)
class FilesDoor:
    """What the handlers need."""

    cabinet: FileCabinet
    links: FileLinks


def blueprint(door: FilesDoor) -> Blueprint:
    """Return the routes below ``/files``."""
    routes = Blueprint("files", __name__)

    def admitted(deed: Deed, file_id: str) -> UUID:
        expires, signature = request.args.get("expires", ""), request.args.get("signature", "")
        return door.links.check(deed, file_id, expires, signature)

    @routes.put(f"{PREFIX}<file_id>")
    async def upload(file_id: str) -> Response:
        stored = await door.cabinet.fill(admitted("upload", file_id), request.body)
        digest = "" if stored.sha256 is None else stored.sha256.hex()
        return jsonify({"file_name": stored.name, "size": stored.size, "sha256": digest})

    @routes.get(f"{PREFIX}<file_id>")
    async def fetch(file_id: str) -> Response:
        record = await door.cabinet.stored(admitted("fetch", file_id))
        headers = _headers(record)
        direct = door.cabinet.direct(record, headers["Content-Disposition"])
        if direct is not None:
            elsewhere = {name: headers[name] for name in _OF_ANY_ANSWER}
            return Response(b"", status=307, headers={**elsewhere, "Location": direct})
        answer = Response(door.cabinet.pieces(record), headers=headers)
        # A slow reader is cut by the server's send deadline, not by the size of the file.
        answer.timeout = None
        return answer

    return routes


def _headers(record: FileRecord) -> dict[str, str]:
    return {
        "Content-Type": record.content_type,
        "Content-Length": str(record.size),
        # RFC 6266, 4.1 and RFC 8187: the name in UTF-8, whatever is in it.
        "Content-Disposition": f"attachment; filename*=UTF-8''{quote(record.name, safe='')}",
        "X-Content-Type-Options": "nosniff",
        "Content-Security-Policy": "default-src 'none'; sandbox",
        "Cache-Control": "private, no-store",
        "Referrer-Policy": "no-referrer",
    }
