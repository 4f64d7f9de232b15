"""What a recording holds: one small frozen record for each thing that happened.

Times are microseconds since 1970 (UTC) on the gateway's time line; what a connector stamped has
been put there by its clock offset before it is recorded.
"""

from __future__ import annotations

import msgspec

from protocols.link.vehicle import Target


class Began(msgspec.Struct, frozen=True, array_like=True, tag=1):
    """The first record of a session's recording, and of each file that continues it.

    Attributes:
        at: when this file was begun.
        session: the session's id.
        part: 0 for the first file, counting up.
        connector: UUID of the connector.
        vin: of the vehicle, where the connector knows it.
        operator: client id of whoever opened the session.
        ticket: number of the ticket, if there is one.
        buses: names of the connector's buses, by index.
        kinds: ``can``, ``can-fd`` or ``doip`` for each of them.
    """

    at: int
    session: str
    part: int
    connector: str
    vin: str | None
    operator: str
    ticket: int | None
    buses: tuple[str, ...]
    kinds: tuple[str, ...] = ()


class Frames(msgspec.Struct, frozen=True, array_like=True, tag=2):
    """Raw frames of one bus, as one batch.

    Attributes:
        at: when the gateway had them.
        offset: what to add to the batch's own time stamps, microseconds.
        sent: the gateway put them on the bus; otherwise they were seen there.
        batch: as ``protocols.can.batch`` has it.
        seen: the same frames come once more, as they were seen on the bus.
    """

    at: int
    offset: int
    sent: bool
    batch: bytes
    seen: bool = False


class Answered(msgspec.Struct, frozen=True, array_like=True):
    """One control unit's final answer.

    Attributes:
        source: CAN identifier or logical address it came from.
        data: the whole answer.
        pending: how often it asked for more time before.
        sent_at: when the request was sent.
        received_at: when the answer was complete.
    """

    source: int
    data: bytes
    pending: int
    sent_at: int
    received_at: int


class Exchange(msgspec.Struct, frozen=True, array_like=True, tag=3):
    """A whole request and what came of it.

    Attributes:
        at: when the gateway had the outcome.
        target: whom the request was for.
        request: as the operator gave it.
        answers: final answers, in the order they came.
        failure: why there is none, or not every one; ``None`` where all went by the standard.
        by: what asked: ``rest``, ``ws``, a door or a job.
        seen: the frames that carried it are in the recording too.
    """

    at: int
    target: Target
    request: bytes
    answers: tuple[Answered, ...]
    failure: str | None
    by: str
    seen: bool = False


class Happened(msgspec.Struct, frozen=True, array_like=True, tag=4):
    """Something else that belongs to the story: lease, door, job step, end.

    Attributes:
        at: when.
        what: dotted name, as in events: ``session.lease_taken``, ``job.step``.
        detail: names and values, all text.
    """

    at: int
    what: str
    detail: dict[str, str]


class Lost(msgspec.Struct, frozen=True, array_like=True, tag=5):
    """Frames that could not be recorded because the disk was slower than the buses.

    Attributes:
        at: when the next batch could be written again.
        frames: how many were lost since the last record.
    """

    at: int
    frames: int


Record = Began | Frames | Exchange | Happened | Lost
