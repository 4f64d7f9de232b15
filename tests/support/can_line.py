"""A bus in virtual time: the exchanges of one tester wired to ECUs that speak real ISO-TP.

line = Line(CanExchanges())
line.ecu(0x7E0, 0x7E8, answer=lambda request: [(0.004, b"\\x62" + request[1:])])
line.exchanges.start(1, IsoTpAddress.obd_11(0), b"\\x22\\xf1\\x90", POLICY, line.now)
line.run()
assert line.outcomes[1].failure is None
"""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable, Sequence

from protocols.can.frame import CanFrame
from protocols.diagnosis.exchanges import CanExchanges
from protocols.isotp.addressing import OBD_FUNCTIONAL_11, IsoTpAddress
from protocols.isotp.connection import IsoTpConnection
from protocols.isotp.events import PayloadReceived
from protocols.isotp.params import IsoTpParams
from protocols.uds.outcome import Finished

Answer = Callable[[bytes], Sequence[tuple[float, bytes]]]


class BusEcu:
    """Answers payloads after the seconds it says; ``asked`` has what reached it, and when."""

    def __init__(self, address: IsoTpAddress, answer: Answer, params: IsoTpParams) -> None:
        self.connection = IsoTpConnection(address, params)
        self.answer = answer
        self.asked: list[tuple[float, bytes]] = []
        self.sending: list[tuple[float, int, bytes]] = []
        self._order = itertools.count()

    def take(self, frame: CanFrame, now: float) -> None:
        self.connection.receive(frame, now)
        while (event := self.connection.next_event()) is not None:
            if isinstance(event, PayloadReceived):
                self.asked.append((now, event.payload))
                for delay, payload in self.answer(event.payload):
                    heapq.heappush(self.sending, (now + delay, next(self._order), payload))

    def proceed(self, now: float) -> list[CanFrame]:
        self.connection.handle_deadline(now)
        while self.sending and self.sending[0][0] <= now and not self.connection.sending:
            self.connection.send(heapq.heappop(self.sending)[2], now)
        return self.connection.frames_to_send()

    def next_deadline(self) -> float | None:
        due = [self.connection.next_deadline()]
        if self.sending and not self.connection.sending:
            due.append(self.sending[0][0])
        return min((moment for moment in due if moment is not None), default=None)


class Line:
    """Owns the clock; every frame takes ``way`` seconds, each way."""

    def __init__(self, exchanges: CanExchanges, way: float = 0.0) -> None:
        self.exchanges = exchanges
        self.way = way
        self.now = 100.0
        self.ecus: list[BusEcu] = []
        self.outcomes: dict[int, Finished] = {}
        self.finished_at: dict[int, float] = {}
        self.sent: list[CanFrame] = []
        self._flying: list[tuple[float, int, bool, CanFrame]] = []
        self._order = itertools.count()

    def ecu(self, request: int, response: int, answer: Answer, stmin: int = 0) -> BusEcu:
        address = IsoTpAddress.normal_11(request, response, OBD_FUNCTIONAL_11).mirrored()
        ecu = BusEcu(address, answer, IsoTpParams(stmin=stmin))
        self.ecus.append(ecu)
        return ecu

    def inject(self, frame: CanFrame) -> None:
        """Put a frame of somebody else on the bus."""
        self._fly(frame, to_tester=True)

    def run(self, until: float = float("inf")) -> None:
        """Let everything happen that is due by ``until``."""
        self._exchange_frames()
        while (due := self._next()) is not None and due <= until:
            self.now = max(self.now, due)
            while self._flying and self._flying[0][0] <= self.now:
                _, _, to_tester, frame = heapq.heappop(self._flying)
                self._arrive(frame, to_tester=to_tester)
            self.exchanges.handle_deadline(self.now)
            self._exchange_frames()
        if until != float("inf"):
            self.now = max(self.now, until)

    def _arrive(self, frame: CanFrame, *, to_tester: bool) -> None:
        if to_tester:
            self.exchanges.receive(frame, self.now)
        else:
            for ecu in self.ecus:
                ecu.take(frame, self.now)

    def _exchange_frames(self) -> None:
        busy = True
        while busy:
            frames = self.exchanges.frames_to_send()
            self.sent += frames
            for frame in frames:
                self._fly(frame, to_tester=False)
            self.exchanges.frames_sent(self.now)
            busy = self._tell() or bool(frames)
        for ecu in self.ecus:
            for frame in ecu.proceed(self.now):
                self._fly(frame, to_tester=True)

    def _tell(self) -> bool:
        told = False
        while (event := self.exchanges.next_event()) is not None:
            told = True
            assert event.number not in self.outcomes, "told twice"
            self.outcomes[event.number] = event.outcome
            self.finished_at[event.number] = self.now
        return told

    def _fly(self, frame: CanFrame, *, to_tester: bool) -> None:
        arrival = (self.now + self.way, next(self._order), to_tester, frame)
        heapq.heappush(self._flying, arrival)

    def _next(self) -> float | None:
        due = [self.exchanges.next_deadline(), *(ecu.next_deadline() for ecu in self.ecus)]
        if self._flying:
            due.append(self._flying[0][0])
        return min((moment for moment in due if moment is not None), default=None)
