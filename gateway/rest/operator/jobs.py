"""Transfer jobs over HTTP: images up, orders, keys, how it stands, results down."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Annotated

import msgspec
import trio
from quart import Blueprint, Response, jsonify, request
from werkzeug.exceptions import RequestEntityTooLarge

from gateway.domain.clock import Clock
from gateway.domain.errors import Conflict, GatewayError, Invalid, NotFound, Throttled, TooLarge
from gateway.domain.principal import OperatorPrincipal
from gateway.sessions.job_orders import JobBody, to_key
from gateway.sessions.job_record import describe
from gateway.sessions.jobs import JobService
from gateway.sessions.service import SessionService
from gateway.sessions.session import Session
from gateway.storage.database import Database
from gateway.storage.images import DROPPING, Draft
from gateway.storage.queries import jobs as queries
from gateway.storage.queries.jobs import ImageRecord, JobRecord
from gateway.web.auth import OperatorIdentity, require_operator
from gateway.web.bodies import read_json
from gateway.web.paging import PARTNER, PageProfile, page_from
from protocols.link.jobs import Control

#: Beginning of the path whose bodies are images, and larger than others.
IMAGES = "/operator/v1/images"

#: Bytes of a result sent at once.
PIECE = 1 << 16

#: Longest key, bytes; keys of authenticated flashing are signatures of 256 and more.
MAX_KEY = 4093


class KeyBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Body of ``POST .../key``: the key in hexadecimal."""

    key: Annotated[str, msgspec.Meta(min_length=2, max_length=2 * MAX_KEY)]


@dataclass(frozen=True, slots=True)
class JobsDoor:
    """The services behind jobs and images.

    Attributes:
        identity: knows operators by their tokens.
        database: has what is on record.
        sessions: whose lease a job needs.
        jobs: does them.
        clock: wall clock.
        largest_image: bytes.
        uploads: who uploads now; the next one is turned away.
        pages: how lists are paged.
    """

    identity: OperatorIdentity
    database: Database
    sessions: SessionService
    jobs: JobService
    clock: Clock
    largest_image: int = 64 << 20
    uploads: trio.CapacityLimiter = field(default_factory=lambda: trio.CapacityLimiter(8))
    pages: PageProfile = PARTNER


def blueprint(door: JobsDoor) -> Blueprint:
    """Return the routes of jobs and images below ``/operator/v1``."""
    routes = Blueprint("operator_jobs", __name__, url_prefix="/operator/v1")
    _add_images(routes, door)
    _add_jobs(routes, door)
    _add_orders(routes, door)
    return routes


def _add_images(routes: Blueprint, door: JobsDoor) -> None:
    @routes.post("/images")
    async def upload_image() -> tuple[Response, int]:
        operator = await require_operator(door.identity)
        record = await _upload(door, operator, request.args.get("sha256"))
        return jsonify(_image(record)), 201

    @routes.get("/images")
    async def list_images() -> Response:
        operator = await require_operator(door.identity)
        page = page_from(request.args, door.pages)
        found = await door.database.read(
            queries.images_of, operator.provider_id, offset=page.offset, limit=page.limit
        )
        shown = [_image(record) for record in found.items]
        return jsonify(
            {"result": shown, "total": found.total, "offset": page.offset, "limit": page.limit}
        )

    @routes.get("/images/<sha256>")
    async def get_image(sha256: str) -> Response:
        operator = await require_operator(door.identity)
        record = await door.database.read(queries.find_image, operator.provider_id, sha256.lower())
        if record is None:
            raise NotFound("image.unknown", "There is no image of this hash. Upload it.")
        return jsonify(_image(record))


def _add_jobs(routes: Blueprint, door: JobsDoor) -> None:
    @routes.get("/jobs")
    async def list_jobs() -> Response:
        operator = await require_operator(door.identity)
        return await _list(door, operator, None)

    @routes.get("/jobs/<job>")
    async def get_job(job: str) -> Response:
        operator = await require_operator(door.identity)
        return jsonify(describe(*await door.jobs.find(operator, job)))

    @routes.get("/jobs/<job>/result")
    async def get_result(job: str) -> Response:
        operator = await require_operator(door.identity)
        record, report = await door.jobs.find(operator, job)
        if record.result is None:
            raise Conflict(
                "job.no_result",
                "There is nothing to fetch: a download has no result, and an upload has one when "
                "`result` names it.",
            )
        return _result(door, record, record.result, report.result_size)


def _add_orders(routes: Blueprint, door: JobsDoor) -> None:
    async def session_of(session_id: str) -> tuple[OperatorPrincipal, Session]:
        operator = await require_operator(door.identity)
        return operator, door.sessions.find(operator, session_id)

    @routes.post("/sessions/<session_id>/jobs")
    async def start_job(session_id: str) -> tuple[Response, int]:
        operator, session = await session_of(session_id)
        body = await read_json(request, JobBody)
        going = await door.jobs.start(operator, session, body)
        return jsonify(describe(going.record, going.report)), 201

    @routes.get("/sessions/<session_id>/jobs")
    async def list_jobs_of_session(session_id: str) -> Response:
        operator, session = await session_of(session_id)
        return await _list(door, operator, session.connector_id)

    @routes.get("/sessions/<session_id>/jobs/<job>")
    async def get_job_of_session(session_id: str, job: str) -> Response:
        operator, session = await session_of(session_id)
        record, report = await door.jobs.find(operator, job)
        if record.connector_id != session.connector_id:
            raise NotFound("job.unknown", "This session's vehicle has no job of this id.")
        return jsonify(describe(record, report))

    @routes.post("/sessions/<session_id>/jobs/<job>/key")
    async def give_key(session_id: str, job: str) -> tuple[Response, int]:
        _, session = await session_of(session_id)
        body = await read_json(request, KeyBody)
        going = door.jobs.give_key(session, job, to_key(body.key))
        return jsonify(describe(going.record, going.report)), 202

    @routes.post("/sessions/<session_id>/jobs/<job>/<any(pause, resume, abort):action>")
    async def control_job(session_id: str, job: str, action: str) -> tuple[Response, int]:
        _, session = await session_of(session_id)
        going = door.jobs.control(session, job, Control(action))
        return jsonify(describe(going.record, going.report)), 202


async def _list(door: JobsDoor, operator: OperatorPrincipal, connector: int | None) -> Response:
    page = page_from(request.args, door.pages)
    found = await door.database.read(
        queries.of_operator,
        operator.client_id,
        connector_id=connector,
        offset=page.offset,
        limit=page.limit,
    )
    shown = [describe(record, door.jobs.as_it_stands(record)) for record in found.items]
    return jsonify(
        {"result": shown, "total": found.total, "offset": page.offset, "limit": page.limit}
    )


# --- images ------------------------------------------------------------------------------------


@contextmanager
def _place(door: JobsDoor) -> Iterator[None]:
    try:
        door.uploads.acquire_on_behalf_of_nowait(request)
    except trio.WouldBlock:
        raise Throttled(
            "image.busy", "Too many images are being uploaded. Try again soon.", retry_after=5.0
        ) from None
    try:
        yield
    finally:
        door.uploads.release_on_behalf_of(request)


async def _upload(door: JobsDoor, operator: OperatorPrincipal, wanted: str | None) -> ImageRecord:
    with _place(door):
        draft = await door.jobs.store.draft()
        try:
            await _fill(door, draft)
            if draft.size == 0:
                raise Invalid(
                    "image.empty", "The body is the image's bytes; it has none.", field="body"
                )
            if wanted is not None and draft.name != wanted.lower():
                raise Invalid(
                    "image.hash",
                    f"What came has the SHA-256 {draft.name}. Send it again.",
                    field="sha256",
                )
            record = ImageRecord(draft.name, draft.size, operator.client_id, door.clock())
            await draft.keep()
        finally:
            with trio.move_on_after(DROPPING, shield=True):
                await draft.drop()
    return await door.database.write(queries.add_image, operator.provider_id, record)


async def _fill(door: JobsDoor, draft: Draft) -> None:
    too_large: GatewayError = TooLarge(
        "image.too_large", f"An image has at most {door.largest_image} bytes."
    )
    try:
        async for chunk in request.body:
            await draft.write(chunk)
            if draft.size > door.largest_image:
                raise too_large
    except RequestEntityTooLarge:
        raise too_large from None


def _image(record: ImageRecord) -> dict[str, object]:
    return {
        "sha256": record.sha256,
        "size": record.size,
        "uploaded_by": record.uploaded_by,
        "uploaded_at": record.uploaded_at.isoformat(),
    }


# --- results -----------------------------------------------------------------------------------


def _result(door: JobsDoor, record: JobRecord, name: str, size: int) -> Response:
    async def pieces() -> AsyncIterator[bytes]:
        for offset in range(0, size, PIECE):
            yield await door.jobs.store.read(name, offset, PIECE)

    response = Response(pieces(), mimetype="application/octet-stream")
    response.content_length = size
    # RFC 9530: the hash of what is sent, for whoever wants to know that it came whole.
    digest = base64.b64encode(bytes.fromhex(name)).decode()
    response.headers["Repr-Digest"] = f"sha-256=:{digest}:"
    response.headers["Content-Disposition"] = f'attachment; filename="{record.id}.bin"'
    return response
