"""What other tools can show of a recording: frames, messages, remarks, in the order of time.

An exchange on CAN whose frames nobody saw is told as ISO-TP frames; every exchange is told as
messages too, for tools that know DoIP and UDS. Answers "pending" (0x78) are counted by connectors
rather than stamped; they are spread evenly over the time that the final answer took.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator, Mapping

import msgspec

from protocols.can.batch import decode_batch
from protocols.can.frame import CanFrame
from protocols.errors import RemoteProtocolError
from protocols.isotp.addressing import OBD_FUNCTIONAL_11
from protocols.link.vehicle import CanTarget, DoipTarget, FunctionalTarget
from protocols.recording.isotp_frames import FLOW_CONTROL, pad, segments
from protocols.recording.records import (
    Answered,
    Began,
    Exchange,
    Frames,
    Happened,
    Lost,
    Record,
)

#: Events that are held to bring them into order: an exchange is recorded when it is over, so
#: frames that came meanwhile stand before it. More than a bus makes while one lasts.
WINDOW = 32_768

#: The tester's logical address in told messages (ISO 13400-2 table 13: external test equipment).
TESTER = 0x0E00

#: Functional address of a bus in told messages (ISO 13400-2 table 13).
FUNCTIONAL = 0xE400

#: Most time between two made-up frames, microseconds.
_GAP = 500

#: "Pending" in a negative response (ISO 14229-1, annex A).
_PENDING = 0x78


class CanEvent(msgspec.Struct, frozen=True, gc=False):
    """A frame on a bus.

    Attributes:
        at: microseconds since 1970.
        bus: index among the buses of :class:`~protocols.recording.records.Began`.
        frame: the frame; its own time stamp is the connector's.
        sent: it came from the tester's side.
    """

    at: int
    bus: int
    frame: CanFrame
    sent: bool


class UdsEvent(msgspec.Struct, frozen=True, gc=False):
    """A request or an answer.

    Attributes:
        at: microseconds since 1970.
        source: logical address; for CAN the lower 16 bits of the control unit's identifier.
        target: likewise.
        data: the message.
        answer: it came from the vehicle.
    """

    at: int
    source: int
    target: int
    data: bytes
    answer: bool


class Remark(msgspec.Struct, frozen=True, gc=False):
    """Something that is neither: a door was opened, a lease moved, an exchange failed.

    Attributes:
        at: microseconds since 1970.
        text: one line.
    """

    at: int
    text: str


Event = CanEvent | UdsEvent | Remark


def story(records: Iterable[Record]) -> Iterator[Began | Event]:
    """Yield the beginning of each part as it comes, and events in the order of time."""
    waiting: list[tuple[int, int, Event]] = []
    count = 0
    began: Began | None = None
    for record in records:
        if isinstance(record, Began):
            began = record
            if record.part == 0:
                yield record
            continue
        for event in _events(record, began):
            count += 1
            heapq.heappush(waiting, (event.at, count, event))
        while len(waiting) > WINDOW:
            yield heapq.heappop(waiting)[2]
    while waiting:
        yield heapq.heappop(waiting)[2]


def _events(record: Record, began: Began | None) -> Iterator[Event]:
    match record:
        case Frames():
            yield from _frames(record)
        case Exchange():
            yield from _messages(record)
            if began is not None and not record.seen:
                yield from _made_up(record, began)
            if record.failure is not None:
                yield _remark(
                    record.at, "exchange.failed", {"why": record.failure, "by": record.by}
                )
        case Happened():
            yield _remark(record.at, record.what, record.detail)
        case Lost():
            yield _remark(record.at, "recording.lost", {"frames": str(record.frames)})
        case Began():
            return


def _remark(at: int, what: str, detail: Mapping[str, str]) -> Remark:
    told = (f"{name}={value}" for name, value in detail.items())
    # Values come from anywhere, and a line of a log is one line.
    line = " ".join(" ".join((what, *told)).split())
    return Remark(at, "".join(letter if letter.isprintable() else "?" for letter in line))


def _frames(record: Frames) -> Iterator[CanEvent]:
    if record.seen:
        return  # it comes once more, with the time at which it was on the bus
    try:
        batch = decode_batch(record.batch)
    except RemoteProtocolError:
        return  # an operator's own; the connector has refused it
    for frame in batch.frames:
        at = record.at if record.sent else frame.timestamp_us + record.offset
        yield CanEvent(at, batch.bus, frame, record.sent)


# --- messages ------------------------------------------------------------------------------------


def _messages(record: Exchange) -> Iterator[UdsEvent]:
    target = _logical(record)
    yield UdsEvent(_began_at(record), TESTER, target, record.request, answer=False)
    for answer in record.answers:
        source = target
        if not isinstance(record.target, CanTarget) or record.target.response_id is None:
            source = answer.source & 0xFFFF
        for at, data in _said(record, answer):
            yield UdsEvent(at, source, TESTER, data, answer=True)


def _logical(record: Exchange) -> int:
    match record.target:
        case DoipTarget(logical_address=address):
            return address
        case CanTarget(request_id=identifier):
            return identifier & 0xFFFF
        case FunctionalTarget():
            return FUNCTIONAL


def _began_at(record: Exchange) -> int:
    return min((answer.sent_at for answer in record.answers), default=record.at)


def _said(record: Exchange, answer: Answered) -> Iterator[tuple[int, bytes]]:
    """Yield (time, message) of everything that a control unit said."""
    took = max(answer.received_at - answer.sent_at, 0)
    service = record.request[:1]
    for number in range(1, answer.pending + 1):
        at = answer.sent_at + took * number // (answer.pending + 1)
        yield at, b"\x7f" + service + bytes([_PENDING])
    yield answer.received_at, answer.data


# --- frames that nobody saw ----------------------------------------------------------------------


def _made_up(record: Exchange, began: Began) -> Iterator[CanEvent]:
    target = record.target
    if isinstance(target, DoipTarget):
        return
    name = target.bus or next(
        (bus for bus, kind in zip(began.buses, began.kinds, strict=False) if kind != "doip"), ""
    )
    if name not in began.buses:
        return
    bus = began.buses.index(name)
    kind = began.kinds[bus] if bus < len(began.kinds) else "can"
    if kind == "doip":
        return
    line = _Line(bus, target, fd=kind == "can-fd")
    yield from line.say(record.request, _began_at(record), 0, sent=True)
    for answer in record.answers:
        after = answer.sent_at
        for at, data in _said(record, answer):
            yield from line.say(data, at, after, sent=False, source=answer.source)
            after = at


class _Line:
    """Two identifiers on a bus, and how their frames look."""

    def __init__(self, bus: int, target: CanTarget | FunctionalTarget, *, fd: bool) -> None:
        self._bus = bus
        self._fd = fd
        self._asks, self._answers = OBD_FUNCTIONAL_11, b""
        self._extended, self._prefix = False, b""
        if isinstance(target, CanTarget):
            self._asks, self._extended = target.request_id, target.extended
            self._prefix = _byte(target.target_address if target.mode == "extended" else None)
            self._answers = _byte(target.source_address if target.mode == "extended" else None)
            if target.mode == "mixed":
                self._prefix = self._answers = _byte(target.address_extension)
            if target.isotp is not None and target.isotp.fd is not None:
                self._fd = target.isotp.fd

    def say(
        self, payload: bytes, at: int, after: int, *, sent: bool, source: int = 0
    ) -> Iterator[CanEvent]:
        """Yield a message's frames; a request begins at ``at``, an answer is complete then."""
        parts = list(
            segments(payload, self._prefix if sent else self._answers, 64 if self._fd else 8)
        )
        gap = min(_GAP, max(at - after, 0) // (len(parts) + 2)) if not sent else 1
        begins = at if sent else at - gap * len(parts)
        for number, data in enumerate(parts):
            last = number == len(parts) - 1
            moment = at if last and not sent else begins + gap * number
            yield self._frame(moment, data, source, sent=sent)
            if number == 0 and not last:
                other = self._answers if sent else self._prefix
                yield self._frame(moment, pad(other + FLOW_CONTROL), source, sent=not sent)

    def _frame(self, at: int, data: bytes, source: int, *, sent: bool) -> CanEvent:
        identifier = self._asks if sent else source
        frame = CanFrame(
            identifier,
            data,
            extended=self._extended or identifier > 0x7FF,
            fd=self._fd,
            brs=self._fd,
            timestamp_us=max(at, 0),
        )
        return CanEvent(at, self._bus, frame, sent)


def _byte(value: int | None) -> bytes:
    return b"" if value is None else bytes([value])
