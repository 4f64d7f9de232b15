"""What nodes tell each other, as typed records: each kind has one speaker and one listener.

A notice is of the moment. Who was cut off is told by :attr:`Notices.on_up` and asks again.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import msgspec
import trio
from structlog.typing import FilteringBoundLogger

from gateway.bus.line import Line

T = TypeVar("T")

#: Called with the name of the node that spoke, and what it said; must not block or raise.
Take = Callable[[str, T], None]


class _Envelope(msgspec.Struct, array_like=True, frozen=True):
    """A notice on its way.

    Attributes:
        node: who speaks.
        to: whom it is for; empty for everybody.
        kind: what it is.
        body: as its kind has it.
    """

    node: str
    to: str
    kind: str
    body: msgspec.Raw


_encoder = msgspec.msgpack.Encoder()
_envelopes = msgspec.msgpack.Decoder(_Envelope)


class Notices:
    """Owned by the application; :meth:`run` is its service.

    Args:
        line: to the other nodes.
        node: name of this one; no other has it.
        log: told of what nobody understands.

    Attributes:
        on_up: called when the line carries again.
        on_down: called when it does not any more.
    """

    def __init__(self, line: Line, node: str, log: FilteringBoundLogger) -> None:
        self.node = node
        self.is_up = False
        self.on_up: list[Callable[[], None]] = []
        self.on_down: list[Callable[[], None]] = []
        self._line = line
        self._log = log
        self._takers: dict[str, Callable[[str, msgspec.Raw], None]] = {}

    def hear(self, kind: str, record: type[T], take: Take[T]) -> None:
        """Let ``take`` have every notice of this kind from other nodes."""
        decoder = msgspec.msgpack.Decoder(record)

        def decode(node: str, body: msgspec.Raw) -> None:
            take(node, decoder.decode(body))

        self._takers[kind] = decode

    def say(self, kind: str, body: msgspec.Struct, *, to: str = "") -> bool:
        """Tell the others, or one of them; return whether the line is up."""
        if not self.is_up:
            return False
        raw = msgspec.Raw(_encoder.encode(body))
        return self._line.say(_encoder.encode(_Envelope(self.node, to, kind, raw)))

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Listen until cancelled."""
        await self._line.run(self, task_status=task_status)

    # --- for the line ------------------------------------------------------------------------

    def heard(self, message: bytes) -> None:
        """Take a message off the line."""
        try:
            envelope = _envelopes.decode(message)
            if envelope.node == self.node or envelope.to not in {"", self.node}:
                return
            take = self._takers.get(envelope.kind)
            if take is not None:  # a newer program may say more
                take(envelope.node, envelope.body)
        except msgspec.DecodeError as error:
            self._log.warning("notice not understood", error=str(error))

    def up(self) -> None:
        """The line carries again."""
        self.is_up = True
        for tell in self.on_up:
            tell()

    def down(self) -> None:
        """The line carries no more."""
        self.is_up = False
        for tell in self.on_down:
            tell()
