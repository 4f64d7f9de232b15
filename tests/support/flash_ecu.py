"""A control unit that can be flashed and read, strict as ISO 14229-1 has it, in memory.

Nothing is written without programming session, security, and an erase before; a block's counter
must be the next one, or that of the last block, which is then not written again.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from protocols.link.messages import ExchangeResponse, ExchangeResult

PROGRAMMING = 2

#: What the control unit's memory reads before anything is written.
ERASED = 0xFF


def key_of(seed: bytes) -> bytes:
    return bytes(byte ^ 0x5A for byte in seed)


@dataclass
class FlashEcu:
    """One control unit.

    Attributes:
        memory: what is in it, from address 0.
        block: maxNumberOfBlockLength that it states.
        log: every request that reached it.
        written: (address, data) of every write, to see that none happens twice by mistake.
    """

    memory: bytearray
    block: int = 34
    session: int = 1
    unlocked: bool = False
    erased: bool = False
    silenced: bool = False
    dtc_off: bool = False
    log: list[bytes] = field(default_factory=list)
    written: list[tuple[int, bytes]] = field(default_factory=list)
    counter: int = 0
    going: bytes = b""  # 34 or 35 while a transfer is on
    start: int = 0
    place: int = 0
    end: int = 0
    last: bytes = b""
    seed: bytes = b""
    asks_until_checked: int = 0  # how often the results of the check are not there yet
    results: bytes = b"\x02\x00"

    def reset(self) -> None:
        """Forget everything that a loss of power forgets."""
        self.session, self.unlocked, self.erased = 1, False, False
        self.silenced = self.dtc_off = False
        self.going = self.last = b""

    def ask(self, request: bytes) -> bytes:
        """Return the answer to a request; empty where a positive one is suppressed."""
        self.log.append(request)
        answer = self._answers(request)
        if isinstance(answer, int):
            return bytes((0x7F, request[0], answer))
        suppressed = request[0] in {0x10, 0x28, 0x3E, 0x85} and request[1] & 0x80
        return b"" if suppressed else answer

    def _answers(self, request: bytes) -> bytes | int:
        if self.session == 1 and request[0] not in {0x10, 0x11, 0x22, 0x3E}:
            return 0x7F
        services: dict[int, Callable[[bytes], bytes | int]] = {
            0x10: self._change_session,
            0x11: self._restart,
            0x27: self._security,
            0x28: self._communication,
            0x31: self._routine,
            0x34: self._begin,
            0x35: self._begin,
            0x36: self._block,
            0x37: self._exit,
            0x3E: lambda _request: b"\x7e\x00",
            0x85: self._dtc_setting,
        }
        service = services.get(request[0])
        return 0x11 if service is None else service(request)

    def _restart(self, request: bytes) -> bytes:
        self.reset()
        return b"\x51" + request[1:]

    def _communication(self, request: bytes) -> bytes:
        self.silenced = request[1] & 0x7F != 0
        return bytes((0x68, request[1] & 0x7F))

    def _dtc_setting(self, request: bytes) -> bytes:
        self.dtc_off = request[1] & 0x7F == 2
        return bytes((0xC5, request[1] & 0x7F))

    def _change_session(self, request: bytes) -> bytes:
        kind = request[1] & 0x7F
        self.session = kind
        self.going = b""
        self.unlocked = False
        if kind == 1:
            self.silenced = self.dtc_off = False
        return bytes((0x50, kind, 0, 50, 1, 244))

    def _security(self, request: bytes) -> bytes | int:
        if request[1] == 1:
            self.seed = b"\0\0" if self.unlocked else bytes((len(self.log) & 0xFF or 1, 0x21))
            return b"\x67\x01" + self.seed
        if request[2:] != key_of(self.seed):
            return 0x35
        self.unlocked = True
        return b"\x67\x02"

    def _routine(self, request: bytes) -> bytes | int:
        if not self.unlocked:
            return 0x33
        if request[2:4] == b"\xff\x00":
            self.erased = True
            self.memory[:] = bytes((ERASED,)) * len(self.memory)
        if request[1] == 3:
            self.asks_until_checked -= 1
            return (
                b"\x71" + request[1:4] + (b"\1" if self.asks_until_checked > 0 else self.results)
            )
        return b"\x71" + request[1:4] + b"\x00"

    def _begin(self, request: bytes) -> bytes | int:
        if self.session != PROGRAMMING or not self.unlocked:
            return 0x33
        if request[0] == 0x34 and not self.erased:
            return 0x22
        sizes = request[2]
        split = 3 + (sizes & 0xF)
        self.start = self.place = int.from_bytes(request[3:split], "big")
        self.end = self.place + int.from_bytes(request[split:], "big")
        if self.end > len(self.memory):
            return 0x31
        self.going, self.counter, self.last = request[:1], 1, b""
        return bytes((request[0] + 0x40, 0x20)) + self.block.to_bytes(2, "big")

    def _block(self, request: bytes) -> bytes | int:
        if not self.going:
            return 0x24
        if self.last and request[1] == self.last[1]:
            return self.last  # its answer was lost: nothing is written twice
        if request[1] != self.counter:
            return 0x73
        answer = self._write(request) if self.going == b"\x34" else self._read(request)
        if isinstance(answer, bytes):
            self.counter = self.counter + 1 & 0xFF
            self.last = answer
        return answer

    def _write(self, request: bytes) -> bytes | int:
        data = request[2:]
        if len(request) > self.block or not data or self.place + len(data) > self.end:
            return 0x71
        self.memory[self.place : self.place + len(data)] = data
        self.written.append((self.place, data))
        self.place += len(data)
        return bytes((0x76, request[1]))

    def _read(self, request: bytes) -> bytes | int:
        data = bytes(self.memory[self.place : min(self.end, self.place + self.block - 2)])
        if not data:
            return 0x71
        self.place += len(data)
        return bytes((0x76, request[1])) + data

    def _exit(self, _request: bytes) -> bytes | int:
        if not self.going or self.place != self.end:
            return 0x24
        self.going = b""
        return b"\x77"


def result_of(answer: bytes) -> ExchangeResult:
    """Return an answer as an exchange has it."""
    if not answer:
        return ExchangeResult(0)
    return ExchangeResult(0, (ExchangeResponse(0x7E8, answer, 0, 0, 0),))
