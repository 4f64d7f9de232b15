"""One request on a CAN bus: its ISO-TP connections and its UDS timing, kept together.

Made when its turn has come and thrown away when it ends: so an answer that comes too late finds
nobody, and never a newer request. ISO-TP says that a payload is sent when its last frame is
*handed out*; P2 begins when that frame has *left*, hence :meth:`CanExchange.frames_sent`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

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

#: How often a control unit may begin its answer anew before it is given up.
MAX_INTERRUPTIONS = 8

#: Where the first byte of an address stands in a source, above the identifier's 29 bits.
_PREFIX_SHIFT = 32


class Leg:
    """One control unit that may answer; its connection is made when a frame needs it.

    ``source`` tells it from the others: control units behind a gateway may share an identifier
    and differ in the first byte (mixed addressing).
    """

    __slots__ = ("address", "connection", "exchange", "interrupted", "source")

    def __init__(self, exchange: CanExchange, address: IsoTpAddress) -> None:
        self.exchange = exchange
        self.address = address
        self.source = address.rx.id | (address.rx.prefix or 0) << _PREFIX_SHIFT
        self.interrupted = 0
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
            connection = self._connect(leg)
        connection.receive(frame, now)
        while (event := connection.next_event()) is not None:
            self._take_event(event, leg, now)

    def interject(self, payload: bytes) -> bool:
        """Send a single frame to the control unit while it works on the request.

        Returns:
            False where it has not asked for more time, or is answering: nothing was sent.
        """
        leg = self.legs[0]
        if not self._tester.pending or leg.connection is None:
            return False
        return leg.connection.send_aside(payload)

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

    @property
    def is_paced(self) -> bool:
        """Tell whether a separation time holds back what is being sent."""
        return any(connection.is_paced for _, connection in self._connections())

    def frames_sent(self, now: float) -> None:
        """Take note that all frames handed out have left."""
        for _, connection in self._connections():
            connection.frames_sent(now)
        if not self.handed_out:
            self.deadline = self._next_deadline()
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

    def _connect(self, leg: Leg) -> IsoTpConnection:
        leg.connection = IsoTpConnection(leg.address, self._params)
        self._live.append(leg)
        return leg.connection

    def settle(self, now: float) -> None:
        """Send the request if it is time to, and see how everything stands."""
        tester = self._tester
        request = tester.data_to_send()
        if request is not None:
            leg = self.legs[0]
            connection = leg.connection or self._connect(leg)
            connection.send(request, now, functional=tester.functional)
            self._take_events(leg, connection, now)
        while (event := tester.next_event()) is not None:
            if isinstance(event, Finished):
                self.outcome = _by_identifier(event)
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
            self._take_event(event, leg, now)

    def _take_event(self, event: IsoTpEvent, leg: Leg, now: float) -> None:
        source = leg.source
        match event:
            case PayloadReceived(payload):
                self._tester.receive(payload, source, now)
            case ReceptionStarted():
                self._tester.reception_started(source, now)
            case PayloadSent():
                self.handed_out = True
            case TransportFault(FaultReason.INTERRUPTED) if leg.interrupted < MAX_INTERRUPTIONS:
                leg.interrupted += 1  # the answer that interrupted it counts
            case TransportFault(reason, detail):
                self._tester.transport_failed(f"{reason.value}: {detail}", now, source)


def _by_identifier(outcome: Finished) -> Finished:
    """Return an outcome that names who answered by identifier alone, as people do."""
    if all(response.source >> _PREFIX_SHIFT == 0 for response in outcome.responses):
        return outcome
    named = (
        replace(response, source=response.source & (1 << _PREFIX_SHIFT) - 1)
        for response in outcome.responses
    )
    return replace(outcome, responses=tuple(named))
