"""An order as a flat list of operations, and where in it a job goes on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum, auto

from protocols.errors import LocalProtocolError
from protocols.link.jobs import (
    PIECE_SIZE,
    Direction,
    Recovery,
    Segment,
    Start,
    Step,
    StepKind,
    TransferOrder,
)

#: Bounds of an order; real procedures have some ten steps and, rarely, a hundred segments.
MAX_STEPS, MAX_SEGMENTS = 64, 256

#: Largest image, and largest result of an upload, bytes.
MAX_SIZE = 256 << 20

#: Services that the job itself sends in their place (ISO 14229-1, clause 15).
_TRANSFER_SERVICES = frozenset({0x34, 0x35, 0x36, 0x37, 0x38})

_SECURITY_ACCESS = 0x27

#: What a control unit forgets with its session: 10 session, 28 communication control, 29
#: authentication, 85 DTC setting.
_SESSION_SERVICES = frozenset({0x10, 0x28, 0x29, 0x85})


class Part(Enum):
    """What an operation does."""

    STEP = auto()
    REQUEST = auto()  # RequestDownload or RequestUpload
    DATA = auto()
    EXIT = auto()


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation.

    Attributes:
        part: what it does.
        name: for people.
        segment: which segment it belongs to, from 0; -1 before the first, and as many as there
            are segments after the last.
        step: what was declared, where it is a step.
    """

    part: Part
    name: str
    segment: int
    step: Step | None = None


def program(order: TransferOrder) -> tuple[Operation, ...]:
    """Return the operations of an order, in order."""
    return tuple(_operations(order))


def _operations(order: TransferOrder) -> Iterator[Operation]:
    yield from _steps(order.before, -1)
    for number, segment in enumerate(order.segments):
        yield from _steps(segment.before, number)
        yield Operation(Part.REQUEST, f"request {order.direction}", number)
        yield Operation(Part.DATA, "transfer data", number)
        yield Operation(Part.EXIT, "request transfer exit", number)
        yield from _steps(segment.after, number)
    yield from _steps(order.after, len(order.segments))


def _steps(steps: Sequence[Step], segment: int) -> Iterator[Operation]:
    for step in steps:
        yield Operation(Part.STEP, step.name or _name(step), segment, step)


def _name(step: Step) -> str:
    match step.kind:
        case StepKind.SECURITY:
            return f"security access {step.level:02X}"
        case StepKind.WAIT:
            return f"wait {step.wait_ms} ms"
        case StepKind.POLL:
            return f"poll {step.request[:4].hex(' ').upper()}"
        case _:
            return step.request[:4].hex(" ").upper()


def again(operations: Sequence[Operation], segment: int) -> tuple[int, ...]:
    """Return which operations a job runs that goes on with ``segment``, by their numbers.

    Of what comes before the first segment, that which a loss of the session has undone is run
    again, and what is declared ``again``; finished segments are left out; the segment itself
    begins with its own first step.
    """
    return tuple(
        number
        for number, operation in enumerate(operations)
        if operation.segment >= segment
        or (operation.step is not None and operation.segment < 0 and _is_again(operation.step))
    )


def _is_again(step: Step) -> bool:
    if step.kind in {StepKind.SECURITY, StepKind.WAIT}:
        return True
    return step.again or step.request[0] in _SESSION_SERVICES


def check(order: TransferOrder) -> None:
    """Find out whether an order makes sense, before anything is sent.

    Raises:
        LocalProtocolError: it does not; the text says what to change.
    """
    for word, known in (
        (order.direction, Direction),
        (order.start, Start),
        (order.recovery, Recovery),
    ):
        _require(word in set(known), f"{word!r} is none of {', '.join(known)}")
    _require(0 < len(order.segments) <= MAX_SEGMENTS, f"an order has 1 to {MAX_SEGMENTS} segments")
    _require(0 <= order.repeats <= 20, "repeats go from 0 to 20")
    _require(0 <= order.restarts <= 20, "restarts go from 0 to 20")
    _require(order.block_limit >= 0, "block_limit is a number of bytes, or 0 for no limit")
    for waiting in (order.key_ms, order.pause_ms, order.image_ms):
        _require(0 < waiting <= 86_400_000, "a wait has 1 ms to one day")
    _check_image(order)
    for segment in order.segments:
        _check_segment(order, segment)
    for steps in (order.before, order.after, order.restore):
        _check_steps(steps)
    _require(
        all(step.kind != StepKind.SECURITY for step in order.restore),
        "nobody is there to give a key while the vehicle is restored",
    )
    _require(
        all(step.kind != StepKind.POLL for step in order.restore),
        "the way to the safe state waits for nothing to be done: it has no polls",
    )


def _require(fine: bool, otherwise: str) -> None:
    if not fine:
        raise LocalProtocolError(otherwise)


def _check_image(order: TransferOrder) -> None:
    if order.direction == Direction.UPLOAD:
        _require(not order.image, "an upload has no image")
        return
    _require(len(order.image) == 32, "a download names its image by SHA-256")
    _require(0 < order.size <= MAX_SIZE, f"an image has 1 to {MAX_SIZE} bytes")
    pieces = -(-order.size // PIECE_SIZE)
    _require(
        len(order.pieces) == pieces and all(len(piece) == 32 for piece in order.pieces),
        f"an image of {order.size} bytes has {pieces} pieces with a SHA-256 each",
    )


def _check_segment(order: TransferOrder, segment: Segment) -> None:
    where = f"segment at {segment.address:X}"
    _require(1 <= segment.address_size <= 8, f"{where}: an address has 1 to 8 bytes")
    _require(1 <= segment.length_size <= 8, f"{where}: a length has 1 to 8 bytes")
    _require(
        0 <= segment.address < 1 << 8 * segment.address_size,
        f"{where}: does not fit into {segment.address_size} bytes",
    )
    _require(
        0 < segment.length < 1 << 8 * segment.length_size,
        f"{where}: {segment.length} is no length of {segment.length_size} bytes",
    )
    _require(0 <= segment.data_format <= 0xFF, f"{where}: data_format is one byte")
    most = order.size if order.direction == Direction.DOWNLOAD else MAX_SIZE
    _require(
        segment.offset >= 0 and segment.offset + segment.length <= most,
        f"{where}: offset {segment.offset} and length {segment.length} exceed {most} bytes",
    )
    _check_steps((*segment.before, *segment.after))


def _check_steps(steps: Sequence[Step]) -> None:
    _require(len(steps) <= MAX_STEPS, f"a procedure has {MAX_STEPS} steps at most")
    for step in steps:
        match step.kind:
            case StepKind.REQUEST:
                _check_request(step)
            case StepKind.POLL:
                _check_poll(step)
            case StepKind.SECURITY:
                _require(
                    step.level % 2 == 1 and 0 < step.level < 0x7F,
                    f"{step.level} is no security level: those are odd, 1 to 7D",
                )
            case StepKind.WAIT:
                _require(0 < step.wait_ms <= 600_000, "a step waits 1 ms to ten minutes")
            case _:
                kinds = ", ".join(StepKind)
                raise LocalProtocolError(f"{step.kind!r} is no kind of step: {kinds}")


def _check_request(step: Step) -> None:
    _require(bool(step.request), "a step of kind request or poll needs its request")
    service = step.request[0]
    _require(
        service not in _TRANSFER_SERVICES,
        f"service {service:02X} is sent by the job itself: declare a segment instead",
    )
    _require(
        service != _SECURITY_ACCESS, "security access is a step of its own kind: security, level"
    )
    _require(len(step.request) <= 4095, "a step's request has 4095 bytes at most")


def _check_poll(step: Step) -> None:
    _check_request(step)
    _require(bool(step.running), "a poll needs running: how an answer begins until it is done")
    _require(
        not step.expect.startswith(step.running),
        "what a poll expects at its end begins as its answers do while it is running",
    )
    _require(not step.functional, "a poll asks one control unit")
    _require(0 < step.wait_ms <= 600_000, "a poll comes every 1 ms to ten minutes")
    _require(0 < step.limit_ms <= 86_400_000, "a poll has a limit of 1 ms to one day")
