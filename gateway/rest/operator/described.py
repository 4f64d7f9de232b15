"""Every operation of the operator API, for its OpenAPI document.

A test holds this table to what is mounted: each has the other's addresses and methods.
"""

from __future__ import annotations

from collections.abc import Mapping

from gateway.rest.operator.answers import FORMATS, answers
from gateway.rest.operator.described_tickets import PAGE, PREFIX, TICKETS, doing, reading
from gateway.rest.operator.doors import DoorBody
from gateway.rest.operator.jobs import KeyBody
from gateway.rest.operator.leases import LeaseBody
from gateway.rest.operator.sessions import ExchangeBody, OpenSession
from gateway.sessions.buses import BusOrder
from gateway.sessions.job_orders import JobBody
from gateway.web.openapi import NUMBER, TEXT, UUID_TEXT, Described, Operation, Query, Schema

_SESSION, _BYTES = "/sessions/{session_id}", "application/octet-stream"


_SCHEMAS: Mapping[str, Schema] = dict(answers())


_SESSIONS = (
    doing(
        "openSession",
        "POST",
        "/sessions",
        "Open a session",
        "Sessions",
        OpenSession,
        "Session",
        201,
    ),
    reading("listSessions", "/sessions", "Your sessions", "Sessions", "Sessions"),
    reading("getSession", _SESSION, "One session", "Sessions", "Session"),
    doing("endSession", "DELETE", _SESSION, "End a session", "Sessions"),
    doing(
        "exchange",
        "POST",
        f"{_SESSION}/exchanges",
        "Ask a control unit",
        "Sessions",
        ExchangeBody,
        "Exchange",
    ),
    reading("getLease", f"{_SESSION}/lease", "Who may send", "Sessions", "Lease"),
    Operation(
        "takeLease",
        "POST",
        f"{PREFIX}{_SESSION}/lease",
        "Ask for the lease",
        "Sessions",
        body=LeaseBody,
        optional_body=True,
        answer="Lease",
        also=(202,),
    ),
    doing("giveUpLease", "DELETE", f"{_SESSION}/lease", "Give the lease up", "Sessions"),
    reading("listBuses", f"{_SESSION}/buses", "The vehicle's buses", "Buses", "Buses"),
    doing(
        "configureBus",
        "PUT",
        f"{_SESSION}/buses/{{bus}}",
        "Run a bus otherwise",
        "Buses",
        BusOrder,
        "Bus",
    ),
    reading("listDoors", f"{_SESSION}/doors", "Open doors", "Doors", "Doors"),
    doing(
        "openDoor",
        "POST",
        f"{_SESSION}/doors",
        "Open a door for a tool",
        "Doors",
        DoorBody,
        "OpenedDoor",
        201,
    ),
    reading("getDoor", f"{_SESSION}/doors/{{kind}}", "One door", "Doors", "Door"),
    doing("closeDoor", "DELETE", f"{_SESSION}/doors/{{kind}}", "Close a door", "Doors"),
    reading("listRecordings", "/recordings", "Recordings", "Recordings", "Recordings", *PAGE),
    reading(
        "getRecording", "/recordings/{session_id}", "One recording", "Recordings", "Recording"
    ),
    Operation(
        "exportRecording",
        "GET",
        f"{PREFIX}{_SESSION}/recording",
        "A recording in the format of another tool",
        "Recordings",
        query=(Query("format", FORMATS),),
        answer={},
        answer_media="*/*",
    ),
)

_DESCRIPTIONS = (
    Operation(
        "uploadDescription",
        "POST",
        f"{PREFIX}/descriptions",
        "Upload what names and units are found in",
        "Descriptions",
        media=_BYTES,
        query=tuple(Query(name, TEXT) for name in ("name", "vin_prefix", "bus", "kind")),
        status=201,
        answer="Description",
    ),
    reading(
        "listDescriptions", "/descriptions", "Descriptions", "Descriptions", "Descriptions", *PAGE
    ),
    reading(
        "getDescription", "/descriptions/{number}", "One of them", "Descriptions", "Description"
    ),
    doing("deleteDescription", "DELETE", "/descriptions/{number}", "Delete it", "Descriptions"),
)

_JOBS = (
    Operation(
        "uploadImage",
        "POST",
        f"{PREFIX}/images",
        "Upload an image",
        "Jobs",
        media=_BYTES,
        query=(Query("sha256", {"type": "string", "pattern": "^[0-9a-f]{64}$"}),),
        status=201,
        answer="Image",
    ),
    reading("listImages", "/images", "Uploaded images", "Jobs", "Images", *PAGE),
    reading("getImage", "/images/{sha256}", "One image", "Jobs", "Image"),
    reading("listJobs", "/jobs", "Your transfer jobs", "Jobs", "Jobs", *PAGE),
    reading("getJob", "/jobs/{job}", "One transfer job", "Jobs", "Job"),
    Operation(
        "getJobResult",
        "GET",
        f"{PREFIX}/jobs/{{job}}/result",
        "What a job has read",
        "Jobs",
        answer={},
        answer_media=_BYTES,
    ),
    doing("startJob", "POST", f"{_SESSION}/jobs", "Order a transfer", "Jobs", JobBody, "Job", 201),
    reading("listJobsOfSession", f"{_SESSION}/jobs", "Jobs of a connector", "Jobs", "Jobs", *PAGE),
    reading("getJobOfSession", f"{_SESSION}/jobs/{{job}}", "One of them", "Jobs", "Job"),
    doing(
        "controlJob",
        "POST",
        f"{_SESSION}/jobs/{{job}}/{{action}}",
        "Pause, resume or abort",
        "Jobs",
        None,
        "Job",
        202,
    ),
    doing(
        "giveKey",
        "POST",
        f"{_SESSION}/jobs/{{job}}/key",
        "Answer a seed",
        "Jobs",
        KeyBody,
        "Job",
        202,
    ),
)

_PARAMETERS: Mapping[str, Schema] = {
    "ticket_id": NUMBER,
    "number": NUMBER,
    "uuid": UUID_TEXT,
    "action": {"type": "string", "enum": ["pause", "resume", "abort"]},
    "kind": {"type": "string", "enum": ["doip", "socketcand"]},
    "sha256": {"type": "string", "pattern": "^[0-9a-f]{64}$"},
}

#: Statuses that an operation may have instead of success; 405 where an ``action`` is none.
REFUSALS = (400, 401, 403, 404, 405, 409, 413, 429, 503, 504)


def describe() -> Described:
    """Return the operator API as its document shows it."""
    operations = (*_SESSIONS, *_DESCRIPTIONS, *_JOBS, *TICKETS)
    return Described("Operators", operations, _SCHEMAS, _PARAMETERS, REFUSALS)
