"""A transfer job against a control unit in memory, with everything that can go wrong."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field

import msgspec

from protocols.diagnosis.transfer import TransferJob
from protocols.diagnosis.transfer_records import Journal
from protocols.diagnosis.transfer_state import JobState
from protocols.link.jobs import (
    PIECE_SIZE,
    Direction,
    Segment,
    Step,
    StepKind,
    TransferOrder,
)
from protocols.link.messages import ExchangeResult
from protocols.link.vehicle import CanTarget, FunctionalTarget
from tests.support.flash_ecu import FlashEcu, key_of, result_of

TARGET = CanTarget(0x7E0, 0x7E8, "can0")
EVERYBODY = FunctionalTarget("can0")

#: Two places in the control unit's memory; the second one is first in the image.
SEGMENTS = (Segment(0x40, 300, offset=100), Segment(0x400, 100, offset=0))
IMAGE = bytes(range(256)) + bytes(144 * (7,))
IMAGE_MEMORY = {0x40: IMAGE[100:400], 0x400: IMAGE[:100]}

ERASE = Step(
    StepKind.REQUEST, "erase", bytes.fromhex("3101ff00"), expect=bytes.fromhex("7101ff00")
)
CHECK = Step(
    StepKind.REQUEST, "check", bytes.fromhex("3101ff01"), expect=bytes.fromhex("7101ff0100")
)
#: Asks for the results of a check that has been started.
POLL = Step(
    StepKind.POLL,
    "check",
    bytes.fromhex("3103ff01"),
    expect=bytes.fromhex("7103ff010200"),
    running=bytes.fromhex("7103ff0101"),
    wait_ms=500,
    limit_ms=10_000,
)
SECURITY = Step(StepKind.SECURITY, level=1)


def request(text: str, *, functional: bool = False, optional: bool = False) -> Step:
    return Step(
        StepKind.REQUEST, request=bytes.fromhex(text), functional=functional, optional=optional
    )


BEFORE = (
    request("1083", functional=True),
    request("8582", functional=True),
    request("288301", functional=True),
    request("1002"),
    SECURITY,
    ERASE,
)


def pieces(image: bytes) -> tuple[bytes, ...]:
    return tuple(
        hashlib.sha256(image[at : at + PIECE_SIZE]).digest()
        for at in range(0, len(image), PIECE_SIZE)
    )


def download(image: bytes = IMAGE, **changes: object) -> TransferOrder:
    """Return the order for a whole flash."""
    order = TransferOrder(
        Direction.DOWNLOAD,
        TARGET,
        SEGMENTS,
        image=hashlib.sha256(image).digest(),
        size=len(image),
        pieces=pieces(image),
        before=BEFORE,
        after=(CHECK, request("1101")),
        functional=EVERYBODY,
    )
    return msgspec.structs.replace(order, **changes)


def upload(**changes: object) -> TransferOrder:
    """Return the order to read two places."""
    order = TransferOrder(
        Direction.UPLOAD,
        TARGET,
        SEGMENTS,
        before=(request("1002"), SECURITY),
        functional=EVERYBODY,
    )
    return msgspec.structs.replace(order, **changes)


@dataclass
class Bench:
    """One job and its control unit; ``troubles`` says what happens at which request.

    Attributes:
        troubles: by the number of the request: ``lost`` (it does not arrive), ``unheard`` (its
            answer does not), ``reset`` (the control unit restarts before it), ``power`` (the
            connector does, after it), ``pause``, ``abort``, ``counter`` (a block is refused).
        keys: ``None`` keeps the key back.
    """

    order: TransferOrder = field(default_factory=download)
    image: bytes = IMAGE
    ecu: FlashEcu = field(default_factory=lambda: FlashEcu(bytearray(0x600)))
    troubles: dict[int, str] = field(default_factory=dict)
    give_keys: bool = True
    now: float = 100.0
    asked: int = 0
    result: bytearray = field(default_factory=lambda: bytearray(400))
    kept: bytes = b""

    def __post_init__(self) -> None:
        self.job = self.make()

    def make(self, journal: Journal | None = None) -> TransferJob:
        return TransferJob(self.order, self.read, self.write, self.now, journal)

    def read(self, offset: int, length: int) -> bytes:
        return self.image[offset : offset + length]

    def write(self, offset: int, data: bytes) -> None:
        self.result[offset : offset + len(data)] = data

    def lose_power(self) -> None:
        """Begin again with what was on the disk."""
        journal = msgspec.msgpack.decode(self.kept, type=Journal)
        self.job = self.make(journal)
        self.job.image_at(len(self.image), self.now)

    def run(self, steps: int = 2_000) -> TransferJob:
        """Run to the end, or until nothing moves any more."""
        self.job.image_at(len(self.image), self.now)
        for _ in range(steps):
            if self.job.finished or not self.once():
                return self.job
        raise AssertionError("it goes on for ever")

    def once(self) -> bool:
        """Run one request, or let time pass to the next; tell whether anything happened."""
        job = self.job
        if job.state is JobState.AWAITING_KEY and self.give_keys:
            job.take_key(key_of(job.progress().seed), self.now)
        if job.state is JobState.PAUSED:
            job.resume(self.now)
        asked = job.next_request(self.now)
        self.kept = msgspec.msgpack.encode(job.journal())
        if asked is None:
            return job.finished or self._wait()
        number, self.asked = self.asked, self.asked + 1
        self.now += 0.01
        trouble = self.troubles.get(number, "")
        if trouble == "pause" and job.state is JobState.RUNNING:
            job.pause(self.now)
        if trouble == "abort" and job.state is not JobState.RESTORING:
            job.abort("so it was asked")
        result = self._reach(asked.request, trouble)
        job.answered(result, self.now)
        if trouble == "power":
            self.lose_power()
        return True

    def _reach(self, asked: bytes, trouble: str) -> ExchangeResult:
        if trouble == "lost":
            return ExchangeResult(0, failure="no_response")
        if trouble == "reset":
            self.ecu.reset()
        if trouble == "counter" and asked[0] == 0x36:
            return result_of(b"\x7f\x36\x73")
        answer = self.ecu.ask(asked)
        return (
            ExchangeResult(0, failure="no_response") if trouble == "unheard" else result_of(answer)
        )

    def _wait(self) -> bool:
        due = self.job.next_deadline()
        if due is None or self.job.state is JobState.WAITING:
            return False
        if due > self.now:
            self.now = due
            self.job.handle_deadline(self.now)
        return True
