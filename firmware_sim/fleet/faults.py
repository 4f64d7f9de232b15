"""A stream that does to the bytes what a bad network, or a bad device, does to them.

One fault at a time; :meth:`FaultyStream.begin` and :meth:`FaultyStream.end` are synchronous, so
that one task can plague ten thousand connections.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random

import trio
from typing_extensions import override

from firmware_sim.fleet.scenario import FaultKind
from firmware_sim.fleet.schedule import Fault


class FaultyStream(trio.abc.Stream):
    """Wraps one connection.

    Args:
        stream: the real one.
        bury: takes the real stream of a connection that is half open, instead of closing it: the
            other end must not hear that it is over. Whoever takes it closes it some time.
    """

    def __init__(self, stream: trio.abc.Stream, bury: Callable[[trio.abc.Stream], None]) -> None:
        self._stream = stream
        self._bury = bury
        self._reading = trio.CancelScope()
        self._writing = trio.CancelScope()
        self._broken = False
        self._silent = False
        self._buried = False
        self._stalled: trio.Event | None = None
        self._delay = 0.0
        self._left: int | None = None
        self._flips = 0
        self._random: Random | None = None

    # --- what befalls it ---------------------------------------------------------------------

    def begin(self, fault: Fault) -> None:
        """Let a fault begin."""
        match fault.kind:
            case FaultKind.CUT:
                self._cut_after(fault.at_byte)
            case FaultKind.REBOOT:
                self._cut_after(0)
            case FaultKind.DELAY:
                self._delay = fault.delay
            case FaultKind.HALF_OPEN:
                self._silent = True
            case FaultKind.SLOW_READER:
                self._stalled = trio.Event()
            case FaultKind.CORRUPT:
                self._flips = fault.flips
                self._random = Random(fault.salt)

    def end(self) -> None:
        """Let a fault be over that lasts a while; what is cut or silent stays so."""
        self._delay, self._flips = 0.0, 0
        if self._stalled is not None:
            self._stalled.set()
            self._stalled = None

    def _cut_after(self, count: int) -> None:
        self._left = count
        if count == 0:
            self._break()

    def _break(self) -> None:
        self._broken = True
        self._reading.cancel()
        self._writing.cancel()

    # --- what its user sees ------------------------------------------------------------------

    @override
    async def receive_some(self, max_bytes: int | None = None) -> bytes | bytearray:
        self._check()
        with trio.CancelScope() as self._reading:
            data = await self._stream.receive_some(max_bytes)
            await self._hold_back()
            return self._counted(self._garbled(data))
        raise trio.BrokenResourceError("the connection was cut")

    async def _hold_back(self) -> None:
        if self._silent:
            await trio.sleep_forever()  # until the user gives up, or closes
        if self._stalled is not None:
            await self._stalled.wait()
        if self._delay:
            await trio.sleep(self._delay)

    def _garbled(self, data: bytes | bytearray) -> bytes | bytearray:
        if not self._flips or self._random is None or not data:
            return data
        self._flips -= 1
        changed = bytearray(data)
        changed[self._random.randrange(len(changed))] ^= 1 << self._random.randrange(8)
        return changed

    def _counted(self, data: bytes | bytearray) -> bytes | bytearray:
        """Return what still passes before the cut; what is cut off breaks the next call."""
        if self._left is None:
            return data
        passed = data[: self._left]
        self._left -= len(passed)
        if self._left == 0:
            self._break()
        if data and not passed:
            raise trio.BrokenResourceError("the connection was cut")
        return passed

    @override
    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        self._check()
        with trio.CancelScope() as self._writing:
            if self._delay:
                await trio.sleep(self._delay)
            if self._silent:
                await trio.lowlevel.checkpoint()
                return  # into the void: nobody tells a sender that nobody listens
            passed = data[: self._left]
            await self._stream.send_all(passed)
            if self._left is None:
                return
            self._left -= len(passed)
            if self._left > 0:
                return
            self._break()
        raise trio.BrokenResourceError("the connection was cut")

    def _check(self) -> None:
        if self._broken:
            raise trio.BrokenResourceError("the connection was cut")

    @override
    async def wait_send_all_might_not_block(self) -> None:
        await self._stream.wait_send_all_might_not_block()

    @override
    async def aclose(self) -> None:
        self._break()
        if not self._silent:
            await self._stream.aclose()
            return
        if not self._buried:
            self._buried = True
            self._bury(self._stream)
        await trio.lowlevel.checkpoint()
