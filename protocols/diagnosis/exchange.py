"""One request on a CAN bus: its ISO-TP connections and its UDS timing, kept together.

Made when its turn has come and thrown away when it ends: so an answer that comes too late finds
nobody, and never a newer request. ISO-TP says that a payload is sent when its last frame is
*handed out*; P2 begins when that frame has *left*, hence :meth:`CanExchange.frames_sent`.
"""

from __future__ import annotations

from collections.abc import Iterator

from protocols.can.frame import CanFrame
from protocols.errors import LocalProtocolError
from protocols.isotp.addressing import IsoTpAddress
from protocols.isotp.connection import IsoTpConnection
from protocols.isotp.events import (
    FaultReason,
    IsoTpEvent,
    PayloadReceived,
    PayloadSent,
    ReceptionStarted,
    TransportFault,
)
from protocols.isotp.params import IsoTpParams
from protocols.uds.outcome import Finished
from protocols.uds.policy import ExchangePolicy
from protocols.uds.tester import TesterExchange


class Leg:
    """One control unit that may answer; its connection is made when a frame needs it."""

    __slots__ = ("address", "connection", "exchange", "source")

    def __init__(self, exchange: CanExchange, address: IsoTpAddress) -> None:
        self.exchange = exchange
        self.address = address
        self.source = address.rx.id
        self.connection: IsoTpConnection | None = None


class CanExchange:
    """One exchange; owned by :class:`protocols.diagnosis.exchanges.CanExchanges`.

    Args:
        number: how its owner calls it.
        addresses: who may answer; the request goes out with the first one's identifiers.
        request: what is asked.
        policy: how long to wait for what.
        functional: ask everybody with one frame.

    Attributes:
        outcome: how it ended, once it has.
        deadline: when :meth:`handle_deadline` is due, or ``None``.
        handed_out: the whole request is among the frames handed out, or about to be.
        legs: who may answer.

    Raises:
        LocalProtocolError: there is nobody to ask, or nothing to say.
    """

    __slots__ = (
        "_live",
        "_params",
        "_tester",
        "deadline",
        "handed_out",
        "legs",
        "number",
        "outcome",
    )

    def __init__(
        self,
        number: int,
        addresses: tuple[IsoTpAddress, ...],
        request: bytes,
        policy: ExchangePolicy,
        params: IsoTpParams,
        *,
        functional: bool,
    ) -> None:
        if not addresses:
            raise LocalProtocolError("no control unit is named that could answer")
        self.number = number
        self.legs = tuple(Leg(self, address) for address in addresses)
        self.outcome: Finished | None = None
        self.deadline: float | None = None
        self._params = params
        self._tester = TesterExchange(request, policy, functional=functional)
        self._live: list[Leg] = []
        self.handed_out = False

    def check(self) -> None:
        """Find out whether the request can be sent at all, without sending it.

        Raises:
            LocalProtocolError: it is too long, or everybody cannot be asked this way.
        """
        probe = IsoTpConnection(self.legs[0].address, self._params)
        probe.send(self._tester.request, 0.0, functional=self._tester.functional)

    def start(self, now: float) -> None:
        """Begin: the request is among the frames to send.

        Raises:
            LocalProtocolError: it cannot be sent; see :meth:`check`.
        """
        self._tester.start(now)
        self.settle(now)

    def receive(self, leg: Leg, frame: CanFrame, now: float) -> None:
        """Take a frame from one of the identifiers of ``leg``; :meth:`settle` comes after it."""
        connection = leg.connection
        if connection is None:
            if leg.address.target_of(frame) is None:
                return
            connection = self._connect(leg, now)
        connection.receive(frame, now)
        while (event := connection.next_event()) is not None:
            self._take_event(event, leg.source, now)

    def handle_deadline(self, now: float) -> None:
        """Act upon whatever is due; harmless where nothing is."""
        for leg, connection in self._connections():
            connection.handle_deadline(now)
            self._take_events(leg, connection, now)
        self._tester.handle_deadline(now)
        self.settle(now)

    def frames_to_send(self) -> list[CanFrame]:
        """Return the frames to put on the bus now, in order."""
        if len(self._live) == 1:
            return self._live[0].connection.frames_to_send() if self._live[0].connection else []
        found: list[CanFrame] = []
        for _, connection in self._connections():
            found += connection.frames_to_send()
        return found

    def frames_sent(self, now: float) -> None:
        """Take note that all frames handed out have left."""
        if self.handed_out:
            self.handed_out = False
            self._tester.sent(now)
            self.settle(now)

    def transport_failed(self, reason: str, now: float) -> None:
        """End it because the bus is not there; what ISO-TP knew of it is forgotten."""
        for _, connection in self._connections():
            connection.abort(now)
        self.handed_out = False
        self._tester.transport_failed(reason, now)
        self.settle(now)

    def _connections(self) -> Iterator[tuple[Leg, IsoTpConnection]]:
        for leg in self._live:
            if leg.connection is not None:
                yield leg, leg.connection

    def _connect(self, leg: Leg, now: float) -> IsoTpConnection:
        leg.connection = IsoTpConnection(leg.address, self._params, now=now)
        self._live.append(leg)
        return leg.connection

    def settle(self, now: float) -> None:
        """Send the request if it is time to, and see how everything stands."""
        tester = self._tester
        request = tester.data_to_send()
        if request is not None:
            leg = self.legs[0]
            connection = leg.connection or self._connect(leg, now)
            connection.send(request, now, functional=tester.functional)
            self._take_events(leg, connection, now)
        while (event := tester.next_event()) is not None:
            if isinstance(event, Finished):
                self.outcome = event
        self.deadline = self._next_deadline()

    def _next_deadline(self) -> float | None:
        earliest = self._tester.next_deadline()
        for _, connection in self._connections():
            due = connection.next_deadline()
            if due is not None and (earliest is None or due < earliest):
                earliest = due
        return earliest

    def _take_events(self, leg: Leg, connection: IsoTpConnection, now: float) -> None:
        while (event := connection.next_event()) is not None:
            self._take_event(event, leg.source, now)

    def _take_event(self, event: IsoTpEvent, source: int, now: float) -> None:
        match event:
            case PayloadReceived(payload):
                self._tester.receive(payload, source, now)
            case ReceptionStarted():
                self._tester.reception_started(source, now)
            case PayloadSent():
                self.handed_out = True
            case TransportFault(FaultReason.INTERRUPTED):
                return  # the answer that interrupted it counts
            case TransportFault(reason, detail):
                self._tester.transport_failed(f"{reason.value}: {detail}", now, source)
