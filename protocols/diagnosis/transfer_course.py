"""Where a transfer job is in its procedure."""

from __future__ import annotations

from protocols.diagnosis.transfer_program import Operation, Part, again, program
from protocols.diagnosis.transfer_records import Place
from protocols.diagnosis.transfer_segment import Read, SegmentTransfer
from protocols.link.jobs import PIECE_SIZE, Direction, Recovery, Start, TransferOrder

#: Pieces that are there before a job begins ahead of its image, and before it goes on again.
AHEAD_PIECES = 4


class Course:
    """The operations of one order, and how far they have come.

    Attributes:
        transfer: the segment on its way, if there is one.
    """

    def __init__(self, order: TransferOrder) -> None:
        self.transfer: SegmentTransfer | None = None
        self._order = order
        self._program = program(order)
        self._queue: tuple[int, ...] = tuple(range(len(self._program)))
        self._cursor = 0

    @property
    def operation(self) -> Operation | None:
        """What is to be done now; ``None`` at the end."""
        if self._cursor >= len(self._queue):
            return None
        return self._program[self._queue[self._cursor]]

    @property
    def segment(self) -> int:
        """The segment it is in: -1 before the first, as many as there are after the last."""
        operation = self.operation
        return len(self._order.segments) if operation is None else operation.segment

    def place(self) -> Place:
        """Return where it is, for people."""
        segments, number, going = self._order.segments, self.segment, self.transfer
        inside = going is not None and going.segment in segments[max(number, 0) : number + 1]
        done = sum(segment.length for segment in segments[: max(number, 0)])
        return Place(
            step="" if self.operation is None else self.operation.name,
            segment=min(number + 1, len(segments)),
            segments=len(segments),
            block=going.block if going is not None and inside and going.blocks else 0,
            blocks=going.blocks if going is not None and inside else 0,
            transferred=done + (going.position if going is not None and inside else 0),
            total=sum(segment.length for segment in segments),
        )

    def advance(self) -> None:
        """The present operation is done."""
        self._cursor += 1

    def rewind(self, segment: int) -> None:
        """Go back to where the order's recovery says, being in this segment."""
        if self._order.recovery == Recovery.SEGMENT:
            self._queue = again(self._program, segment)
        else:
            self._queue = tuple(range(len(self._program)))
        self._cursor = 0
        self.transfer = None

    def begin_segment(self, number: int) -> None:
        """Begin a segment anew: its first block is the next."""
        order = self._order
        self.transfer = SegmentTransfer(order.segments[number], order.direction, order.block_limit)

    def going(self) -> SegmentTransfer:
        """Return the segment on its way."""
        if self.transfer is None:
            raise AssertionError("a program requests a segment before its data")
        return self.transfer

    def request(self, operation: Operation, read: Read) -> bytes:
        """Return what the segment's operation sends."""
        going = self.going()
        match operation.part:
            case Part.REQUEST:
                return going.request()
            case Part.DATA:
                return going.next_block(read)
            case _:
                return going.exit()

    def enough(self) -> int:
        """Return how many bytes of the image must be there before it goes on."""
        order = self._order
        if order.direction == Direction.UPLOAD:
            return 0
        if order.start == Start.WHOLE:
            return order.size
        needed = 0 if self.transfer is None else self.transfer.needs()
        return min(order.size, needed + AHEAD_PIECES * PIECE_SIZE)
