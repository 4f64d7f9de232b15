"""Transfer jobs as operators order them, and the orders that connectors get.

{"kind": "transfer", "ecu": {...}, "image": "SHA-256", "procedure": {
    "before":   [{"request": "1003"}, {"security": 1}, {"request": "3101FF00"}],
    "segments": [{"address": "0x80000", "length": 65536, "offset": 0}],
    "after":    [{"request": "1101"}, {"wait": 0.5}]}}
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from gateway.domain.errors import Invalid
from gateway.sessions.targets import EcuAddress, Number, to_request, to_target
from protocols.diagnosis.transfer_conflict import is_functional, target_bus
from protocols.diagnosis.transfer_program import MAX_SEGMENTS, MAX_STEPS, check
from protocols.errors import LocalProtocolError
from protocols.link.jobs import Direction, Segment, Step, StepKind, TransferOrder
from protocols.link.vehicle import FunctionalTarget, Target

#: Largest request of a step, bytes.
MAX_STEP = 4095

Seconds = Annotated[float, msgspec.Meta(gt=0, le=86_400)]


class StepBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One step: exactly one of ``request``, ``poll``, ``security`` and ``wait``.

    Attributes:
        request: hexadecimal.
        poll: hexadecimal; sent again and again while its answer begins with ``running``.
        running: hexadecimal; begins the answer, positive or negative, until the thing is done.
        every: seconds from one poll to the next.
        limit: seconds within which the thing must be done.
        security: odd number of a security level; its key is asked for when it is its turn.
        wait: seconds.
        name: what progress calls it.
        expect: hexadecimal; the positive answer begins with this, of a poll the last one.
        functional: the request goes to everybody on the bus.
        optional: a refusal or silence does not end the job.
        again: it is repeated when the job goes on with a later segment.
    """

    request: str | None = None
    poll: str | None = None
    running: str = ""
    every: Annotated[float, msgspec.Meta(gt=0, le=600)] = 1.0
    limit: Annotated[float, msgspec.Meta(gt=0, le=86_400)] = 60.0
    security: Number | None = None
    wait: Annotated[float, msgspec.Meta(gt=0, le=600)] | None = None
    name: Annotated[str, msgspec.Meta(max_length=80)] = ""
    expect: str = ""
    functional: bool = False
    optional: bool = False
    again: bool = False


Steps = Annotated[tuple[StepBody, ...], msgspec.Meta(max_length=MAX_STEPS)]


class SegmentBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A piece of memory; see :class:`protocols.link.jobs.Segment`."""

    address: Number
    length: Number
    offset: Number = 0
    address_size: int = 4
    length_size: int = 4
    data_format: Number = 0
    before: Steps = ()
    after: Steps = ()


class Procedure(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is done, in order; see :class:`protocols.link.jobs.TransferOrder`.

    Attributes:
        segments: which memory.
        before: sessions, security, fingerprint, erase.
        after: check, reset, what brings the vehicle back to normal.
        restore: what brings it to a safe state after a failure or an abort.
        functional: where functional steps go; everybody on the control unit's bus if left out.
        start: ``whole`` begins with the whole image at the connector, ``ahead`` with a part.
        recovery: ``whole``, ``segment`` or ``none``.
        block_limit: most bytes of data in a block.
        repeats: times a request is repeated after a lost answer.
        restarts: times the job recovers before it fails.
        key_timeout: seconds it waits for a key.
        pause_timeout: seconds it may be paused.
        image_timeout: seconds the connector waits for the image.
    """

    segments: Annotated[
        tuple[SegmentBody, ...], msgspec.Meta(min_length=1, max_length=MAX_SEGMENTS)
    ]
    before: Steps = ()
    after: Steps = ()
    restore: Steps = ()
    functional: EcuAddress | None = None
    start: Literal["whole", "ahead"] = "whole"
    recovery: Literal["whole", "segment", "none"] = "whole"
    block_limit: Annotated[int, msgspec.Meta(ge=0, le=0xFFFF)] = 0
    repeats: Annotated[int, msgspec.Meta(ge=0, le=20)] = 3
    restarts: Annotated[int, msgspec.Meta(ge=0, le=20)] = 2
    key_timeout: Seconds = 60.0
    pause_timeout: Seconds = 3_600.0
    image_timeout: Seconds = 600.0


class JobBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Body of ``POST .../jobs``.

    Attributes:
        kind: ``transfer``.
        ecu: the control unit.
        procedure: what is done.
        direction: ``download`` to the control unit, or ``upload`` from it.
        image: SHA-256 of an uploaded image, hexadecimal; for a download.
    """

    kind: Literal["transfer"]
    ecu: EcuAddress
    procedure: Procedure
    direction: Direction = Direction.DOWNLOAD
    image: str | None = None


def to_order(body: JobBody, size: int, pieces: tuple[bytes, ...]) -> TransferOrder:
    """Return the order that a connector gets.

    Args:
        body: what the operator ordered.
        size: bytes of the image; 0 where there is none.
        pieces: SHA-256 of each of its pieces.

    Raises:
        Invalid: it makes no sense; the text says what to change.
    """
    target = to_target(body.ecu)
    if is_functional(target):
        raise Invalid("job.ecu", "A job works on one control unit: name its ids.", field="ecu")
    how = body.procedure
    order = TransferOrder(
        direction=body.direction.value,
        target=target,
        segments=tuple(_segment(segment, target) for segment in how.segments),
        image=bytes.fromhex(body.image) if body.image else b"",
        size=size,
        pieces=pieces,
        before=_steps(how.before, target),
        after=_steps(how.after, target),
        restore=_steps(how.restore, target),
        functional=_everybody(how, target),
        start=how.start,
        recovery=how.recovery,
        block_limit=how.block_limit,
        repeats=how.repeats,
        restarts=how.restarts,
        key_ms=round(how.key_timeout * 1000),
        pause_ms=round(how.pause_timeout * 1000),
        image_ms=round(how.image_timeout * 1000),
    )
    try:
        check(order)
    except LocalProtocolError as error:
        raise Invalid("job.order", f"This is no transfer: {error}.", field="procedure") from error
    return order


def _everybody(how: Procedure, target: Target) -> Target:
    if how.functional is None:
        return FunctionalTarget(target_bus(target))
    everybody = to_target(how.functional)
    if not is_functional(everybody):
        raise Invalid(
            "job.functional",
            "This address reaches one control unit only; functional steps go to everybody.",
            field="procedure.functional",
        )
    return everybody


def _segment(body: SegmentBody, target: Target) -> Segment:
    return Segment(
        address=_number(body.address, "address"),
        length=_number(body.length, "length"),
        offset=_number(body.offset, "offset"),
        address_size=body.address_size,
        length_size=body.length_size,
        data_format=_number(body.data_format, "data_format"),
        before=_steps(body.before, target),
        after=_steps(body.after, target),
    )


def _steps(bodies: tuple[StepBody, ...], target: Target) -> tuple[Step, ...]:
    return tuple(_step(body, target) for body in bodies)


def _step(body: StepBody, target: Target) -> Step:
    ways = (body.request, body.poll, body.security, body.wait)
    if sum(way is not None for way in ways) != 1:
        raise Invalid(
            "job.step",
            "A step does one thing: request or poll (hexadecimal), security (a level) or wait "
            "(seconds).",
            field="procedure",
        )
    if body.security is not None:
        level = _number(body.security, "security")
        return Step(StepKind.SECURITY.value, body.name, level=level)
    if body.wait is not None:
        return Step(StepKind.WAIT.value, body.name, wait_ms=_milliseconds(body.wait))
    step = Step(
        StepKind.REQUEST.value,
        body.name,
        to_request(body.request or body.poll or "", target, limit=MAX_STEP),
        _answer(body.expect, target),
        functional=body.functional,
        optional=body.optional,
        again=body.again,
    )
    return step if body.poll is None else _polling(step, body, target)


def _polling(step: Step, body: StepBody, target: Target) -> Step:
    return msgspec.structs.replace(
        step,
        kind=StepKind.POLL.value,
        running=_answer(body.running, target),
        wait_ms=_milliseconds(body.every),
        limit_ms=_milliseconds(body.limit),
    )


def _answer(text: str, target: Target) -> bytes:
    return to_request(text, target, limit=MAX_STEP) if text else b""


def _milliseconds(seconds: float) -> int:
    return max(1, round(seconds * 1000))


def _number(value: Number, field: str) -> int:
    try:
        number = int(value, 0) if isinstance(value, str) else value
    except ValueError:
        number = -1
    if not 0 <= number < 1 << 64:
        raise Invalid(
            "job.number", f'{field} is a number from 0, or text such as "0x80000".', field=field
        )
    return number


def to_key(text: str) -> bytes:
    """Return the key in hexadecimal text; the text is a secret, and is not repeated.

    Raises:
        Invalid: it is none.
    """
    try:
        key = bytes.fromhex(text)
    except ValueError:
        key = b""
    if not key:
        raise Invalid("job.key", "A key is hexadecimal text, two digits a byte.", field="key")
    return key
