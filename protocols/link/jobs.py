"""Whole transfers handed to a connector, and the files that go with them.

A job is an order with everything in it but the image: which control unit, what to do before,
between and after, where the image's bytes belong. The connector owns it from its start until the
gateway says :class:`JobForget`, whatever happens to the link; each report is a full picture, so
that only the latest matters.

Files are fetched by whoever needs them: one :class:`FileRequest` asks for one range, and as many
chunks come as that range needs. What is asked for is the credit of the file, beside the channel's
own; after a cut the next request begins where the last chunk ended.
"""

from __future__ import annotations

from enum import StrEnum

import msgspec

from protocols.link.channels import Channel, Message
from protocols.link.vehicle import FunctionalTarget, Target

#: Bytes of a piece: what has a hash of its own and may go to a control unit before the rest is
#: there. 64 KiB are 16 blocks of classic ISO-TP, or two seconds on a 500 kbit/s bus.
PIECE_SIZE = 1 << 16

#: Bytes of a chunk: an exchange never waits behind more than one of them.
CHUNK_SIZE = 1 << 14

#: Bytes one request may ask for.
MAX_RANGE = 1 << 18


class Direction(StrEnum):
    """Which way the bytes of a transfer go."""

    DOWNLOAD = "download"  # to the control unit: RequestDownload
    UPLOAD = "upload"  # from it: RequestUpload


class Start(StrEnum):
    """When a download begins."""

    WHOLE = "whole"  # the whole image is there and its hash is right
    AHEAD = "ahead"  # enough pieces are there, each of the right hash


class Recovery(StrEnum):
    """What a job does when the control unit has lost the thread, or the connector its power."""

    WHOLE = "whole"  # everything again from the first step
    SEGMENT = "segment"  # sessions and security again, then the segment it was in
    NONE = "none"  # it fails, and the vehicle goes to its safe state


class Control(StrEnum):
    """What can be done with a job that runs."""

    PAUSE = "pause"
    RESUME = "resume"
    ABORT = "abort"
    REPORT = "report"


class StepKind(StrEnum):
    """What a step of a procedure does."""

    REQUEST = "request"
    POLL = "poll"  # the same request until its answer says that something is done
    SECURITY = "security"
    WAIT = "wait"


class Step(msgspec.Struct, frozen=True, array_like=True):
    """One declared step.

    Attributes:
        kind: a ``StepKind``.
        name: what progress calls it.
        request: UDS bytes, for ``request`` and ``poll``.
        expect: the positive answer begins with this; empty: any positive answer will do. That of a
            ``poll`` is its last one.
        functional: it goes to everybody on the bus.
        optional: a refusal or silence does not end the job.
        again: it is run again when a job goes on with a later segment (``Recovery.SEGMENT``);
            sessions, security, communication control and DTC setting always are, and an erase
            of everything must not be.
        level: the odd number of a security level (ISO 14229-1, 9.4), for ``security``.
        wait_ms: for ``wait``; from one ``poll`` to the next.
        running: an answer to a ``poll`` that begins with this, positive or negative, says that
            what is asked for goes on.
        limit_ms: how long it may go on.
    """

    kind: str
    name: str = ""
    request: bytes = b""
    expect: bytes = b""
    functional: bool = False
    optional: bool = False
    again: bool = False
    level: int = 0
    wait_ms: int = 0
    running: bytes = b""
    limit_ms: int = 0


class Segment(msgspec.Struct, frozen=True, array_like=True):
    """A piece of memory.

    Attributes:
        address: where it begins in the control unit.
        length: bytes.
        offset: where it begins in the image, or in the result of an upload.
        address_size: bytes that state the address (addressAndLengthFormatIdentifier).
        length_size: bytes that state the length.
        data_format: dataFormatIdentifier; 0 is neither compressed nor encrypted.
        before: steps before its request, run again whenever the segment is (erase it).
        after: steps after its exit (check it).
    """

    address: int
    length: int
    offset: int = 0
    address_size: int = 4
    length_size: int = 4
    data_format: int = 0
    before: tuple[Step, ...] = ()
    after: tuple[Step, ...] = ()


class TransferOrder(msgspec.Struct, frozen=True, array_like=True):
    """All that a connector needs to know of a transfer.

    Attributes:
        direction: a ``Direction``.
        target: the control unit.
        segments: in their order.
        image: SHA-256 of the image, 32 bytes; empty for an upload.
        size: bytes of the image.
        pieces: SHA-256 of each piece of the image.
        before: sessions, security, fingerprint, erase.
        after: check, reset, what brings the vehicle back to normal.
        restore: what brings it to a safe state after a failure or an abort; what is still open
            after it is closed in any case.
        functional: where functional steps go.
        start: a ``Start``.
        recovery: a ``Recovery``.
        block_limit: most bytes of data in a block; 0 leaves it to the control unit.
        repeats: times a request is repeated after a lost answer.
        restarts: times a job recovers before it fails.
        key_ms: how long it waits for a key.
        pause_ms: how long it may be paused.
        image_ms: how long it waits for its image.
    """

    direction: str
    target: Target
    segments: tuple[Segment, ...]
    image: bytes = b""
    size: int = 0
    pieces: tuple[bytes, ...] = ()
    before: tuple[Step, ...] = ()
    after: tuple[Step, ...] = ()
    restore: tuple[Step, ...] = ()
    functional: Target = FunctionalTarget()
    start: str = Start.WHOLE
    recovery: str = Recovery.WHOLE
    block_limit: int = 0
    repeats: int = 3
    restarts: int = 2
    key_ms: int = 60_000
    pause_ms: int = 3_600_000
    image_ms: int = 600_000


# --- jobs: numbered ------------------------------------------------------------------------


class JobStart(Message, frozen=True, tag=60):
    """Gateway: do this; the connector owns it from now on.

    Attributes:
        job: its id, up to 64 letters, digits, ``-`` and ``_``.
        session: on whose behalf; it must hold the lease.
        order: what to do.
    """

    channel = Channel.JOB
    numbered = True
    job: str
    session: str
    order: TransferOrder


class JobControl(Message, frozen=True, tag=61):
    """Gateway: pause, resume, abort or report it (``Control``).

    What has no meaning now changes nothing; a job that is not known has failed.
    """

    channel = Channel.JOB
    numbered = True
    job: str
    action: str


class JobKey(Message, frozen=True, tag=62):
    """Gateway: the key for the seed of the last report."""

    channel = Channel.JOB
    numbered = True
    job: str
    key: bytes


class JobForget(Message, frozen=True, tag=63):
    """Gateway: the end of this job is on record; nothing of it needs to be kept."""

    channel = Channel.JOB
    numbered = True
    job: str


class JobReport(Message, frozen=True, tag=64):
    """Connector: how a job stands, as a full picture.

    Attributes:
        job: its id.
        state: ``waiting``, ``running``, ``awaiting_key``, ``paused``, ``restoring``, ``done``,
            ``failed`` or ``aborted``.
        step: what it does now.
        segment: which segment, from 1; 0 before the first.
        segments: how many there are.
        block: which block of the segment, from 1; 0 before the first.
        blocks: how many the segment has.
        transferred: bytes of data that the control unit has taken or given.
        total: bytes of all segments.
        rate: bytes a second, of late.
        image: bytes of the image that are at the connector.
        restarts: times it has recovered.
        level: security level whose key is waited for.
        seed: what the key is to be made from.
        failure: empty, or a stable word: ``refused``, ``no_answer``, ``unexpected``,
            ``bad_image``, ``no_image``, ``no_key``, ``paused_too_long``, ``too_long``,
            ``interrupted``, ``busy``, ``bad_order``, ``storage``.
        detail: for people.
        safe: at its end: everything it had opened in the vehicle is closed.
        result: SHA-256 of what was read, at the end of an upload.
        result_size: its bytes.
        at_us: when, connector clock, microseconds.
    """

    channel = Channel.JOB
    numbered = True
    job: str
    state: str
    step: str = ""
    segment: int = 0
    segments: int = 0
    block: int = 0
    blocks: int = 0
    transferred: int = 0
    total: int = 0
    rate: int = 0
    image: int = 0
    restarts: int = 0
    level: int = 0
    seed: bytes = b""
    failure: str = ""
    detail: str = ""
    safe: bool = False
    result: bytes = b""
    result_size: int = 0
    at_us: int = 0


# --- files: numbered -----------------------------------------------------------------------


class FileRequest(Message, frozen=True, tag=80):
    """Whoever needs a file: send this range of it, 256 KiB at most.

    Attributes:
        sha256: the file's name, 32 bytes.
        offset: first byte.
        length: bytes; less come where the file ends before.
    """

    channel = Channel.FILE
    numbered = True
    sha256: bytes
    offset: int
    length: int


class FileChunk(Message, frozen=True, tag=81):
    """Whoever has it: the next bytes of a range, 16 KiB at most."""

    channel = Channel.FILE
    numbered = True
    sha256: bytes
    offset: int
    data: bytes


class FileRefused(Message, frozen=True, tag=82):
    """Whoever was asked: there is no such file here, or no such range of it."""

    channel = Channel.FILE
    numbered = True
    sha256: bytes
    detail: str = ""
