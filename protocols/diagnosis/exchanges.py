"""Many exchanges over one stream of CAN frames.

Theory of operation. A driver brings frames and time, and takes frames and outcomes; after every
call it

    1. puts ``frames_to_send()`` on the bus, in order,
    2. says ``frames_sent(now)`` when they have left, or ``bus_failed(reason, now)``,
    3. reads ``next_event()`` until ``None``, and goes back to 1 if there was one, because the
       next in line may have begun,
    4. sleeps until a frame comes or ``next_deadline()``.

Rules:

* One exchange at a time for each control unit, first come first served; different control units
  side by side. A functional exchange takes the turns of all that may answer it.
* Frames find their exchange by identifier, and only while it runs: an answer that comes too late
  is nobody's. What comes before a request has left is not its answer either.
* What is cancelled is gone with all its frames that were not handed out.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

from protocols.can.frame import CanFrame
from protocols.diagnosis.exchange import CanExchange, Leg
from protocols.diagnosis.route import CanRoute
from protocols.diagnosis.sessions import TESTER_PRESENT
from protocols.diagnosis.turns import Turns
from protocols.errors import LocalProtocolError
from protocols.isotp.addressing import IsoTpAddress
from protocols.isotp.params import IsoTpParams
from protocols.uds.outcome import Finished
from protocols.uds.policy import ExchangePolicy

#: Exchanges at work and waiting for their turn together; more are refused.
MAX_EXCHANGES = 256


@dataclass(frozen=True, slots=True)
class ExchangeFinished:
    """The exchange ``number`` is over."""

    number: int
    outcome: Finished


class CanExchanges:
    """The exchanges of one bus.

    Bounds: :data:`MAX_EXCHANGES` exchanges, each with the bounds of its connections; one event
    for each exchange.

    Args:
        params: how ISO-TP is spoken on this bus.
    """

    def __init__(self, params: IsoTpParams | None = None) -> None:
        self.params = params if params is not None else IsoTpParams()
        self._turns = Turns()
        self._waiting: dict[int, CanExchange] = {}
        self._running: dict[int, CanExchange] = {}
        self._fed: dict[int, CanExchange] = {}
        self._fed_at = 0.0
        self._ready: dict[int, CanExchange] = {}
        self._leaving: list[CanExchange] = []
        self._routes: dict[tuple[int, bool], tuple[Leg, ...]] = {}
        self._events: deque[ExchangeFinished] = deque()

    def __len__(self) -> int:
        """Return how many exchanges run or wait for their turn."""
        return len(self._turns)

    # ------------------------------------------------------------ beginning and giving up

    def start(
        self,
        number: int,
        address: IsoTpAddress,
        request: bytes,
        policy: ExchangePolicy,
        now: float,
        params: IsoTpParams | None = None,
    ) -> None:
        """Ask one control unit, when it is its turn.

        Args:
            number: the caller's name for this exchange; no other one under way has it.
            address: of the control unit, as the tester sees it.
            request: what to ask, service identifier first.
            policy: how long to wait for what.
            now: seconds.
            params: how ISO-TP is spoken with it; as on this bus where left out.

        Raises:
            LocalProtocolError: no such request can be sent, or too many wait.
        """
        exchange = CanExchange(
            number, (address,), request, policy, params or self.params, functional=False
        )
        self._enter(exchange, now)

    def start_functional(
        self,
        number: int,
        addresses: Sequence[IsoTpAddress],
        request: bytes,
        policy: ExchangePolicy,
        now: float,
        params: IsoTpParams | None = None,
    ) -> None:
        """Ask everybody with one frame and gather the answers of ``addresses``.

        Args:
            number: as for :meth:`start`.
            addresses: who may answer; the functional identifier is taken from the first. Flow
                control for long answers goes to each one's own request identifier.
            request: what fits into one frame.
            policy: how long to wait for what.
            now: seconds.
            params: as for :meth:`start`.

        Raises:
            LocalProtocolError: no such request can be sent to everybody, or too many wait.
        """
        exchange = CanExchange(
            number, tuple(addresses), request, policy, params or self.params, functional=True
        )
        self._enter(exchange, now)

    def ask(
        self, number: int, route: CanRoute, request: bytes, policy: ExchangePolicy, now: float
    ) -> None:
        """Ask whom ``route`` leads to: :meth:`start`, or :meth:`start_functional`."""
        if route.functional:
            self.start_functional(number, route.addresses, request, policy, now, route.params)
        else:
            self.start(number, route.addresses[0], request, policy, now, route.params)

    def _enter(self, exchange: CanExchange, now: float) -> None:
        number = exchange.number
        if len(self._turns) >= MAX_EXCHANGES:
            raise LocalProtocolError(f"{MAX_EXCHANGES} requests are under way on this bus already")
        if number in self._running or number in self._waiting:
            raise LocalProtocolError(f"an exchange {number} is under way already")
        try:
            if self._turns.enter(number, (_ecu_key(leg.address) for leg in exchange.legs)):
                self._begin(exchange, now)
            else:
                exchange.check()
                self._waiting[number] = exchange
        except LocalProtocolError:
            self.cancel(number, now)
            raise

    def cancel(self, number: int, now: float) -> None:
        """Give up an exchange; whoever waited for its control unit begins. Unknown is fine."""
        exchange = self._running.pop(number, None)
        if exchange is not None:
            self._withdraw(exchange)
        self._waiting.pop(number, None)
        self._admit(number, now)

    def interject(self, route: CanRoute, request: bytes, now: float) -> bool:
        """Send tester present past everybody's turn to a control unit at work on a request.

        It has to go on while a control unit asks for more time (0x78), and wants no answer; in
        turn the control unit would hear it afterwards.

        Returns:
            False for any other request, for everybody, and where the control unit is not at work:
            ask it in the ordinary way.
        """
        if request != TESTER_PRESENT or route.functional:
            return False
        key = _ecu_key(route.addresses[0])
        for exchange in self._running.values():
            if _ecu_key(exchange.legs[0].address) == key and exchange.interject(request):
                self._touched(exchange, now)
                return True
        return False

    # ------------------------------------------------------------ frames and time

    def wants(self, frame: CanFrame) -> bool:
        """Tell whether a frame concerns an exchange now; cheap, for every frame of a busy bus."""
        return (frame.id, frame.extended) in self._routes and not (frame.error or frame.remote)

    def receive(self, frame: CanFrame, now: float) -> bool:
        """Take a frame from the bus; return whether somebody waits for its identifier."""
        legs = self._routes.get((frame.id, frame.extended))
        if legs is None:
            return False
        for leg in legs:
            exchange = leg.exchange
            exchange.receive(leg, frame, now)
            self._fed[exchange.number] = exchange
        self._fed_at = now
        return True

    def frames_to_send(self) -> list[CanFrame]:
        """Return the frames to put on the bus now, in order; the list is the caller's."""
        self._settle()
        if not self._ready:
            return []
        found: list[CanFrame] = []
        for exchange in self._ready.values():
            found += exchange.frames_to_send()
            if exchange.handed_out or exchange.is_paced:
                self._leaving.append(exchange)
        self._ready.clear()
        return found

    def frames_sent(self, now: float) -> None:
        """Take note that everything handed out has left: only now does P2 begin."""
        if not self._leaving:
            return
        leaving, self._leaving = self._leaving, []
        for exchange in leaving:
            if exchange.number in self._running:
                exchange.frames_sent(now)
                self._touched(exchange, now)

    def bus_failed(self, reason: str, now: float) -> None:
        """End everything that runs: its frames did not leave. Who waits for a turn begins."""
        self._leaving.clear()
        for exchange in list(self._running.values()):
            exchange.transport_failed(reason, now)
        for exchange in list(self._running.values()):
            if exchange.outcome is not None:
                self._touched(exchange, now)

    def next_deadline(self) -> float | None:
        """Return when :meth:`handle_deadline` is due, or ``None``."""
        self._settle()
        due = [it.deadline for it in self._running.values() if it.deadline is not None]
        return min(due, default=None)

    def handle_deadline(self, now: float) -> None:
        """Act upon whatever is due; harmless where nothing is."""
        self._settle()
        late = [
            it for it in self._running.values() if it.deadline is not None and it.deadline <= now
        ]
        for exchange in late:
            exchange.handle_deadline(now)
            self._touched(exchange, now)

    def next_event(self) -> ExchangeFinished | None:
        """Return the oldest event that was not read yet."""
        self._settle()
        return self._events.popleft() if self._events else None

    # ------------------------------------------------------------ small parts

    def _begin(self, exchange: CanExchange, now: float) -> None:
        self._running[exchange.number] = exchange
        for leg in exchange.legs:
            for key in leg.address.rx_keys:
                self._routes[key] = (*self._routes.get(key, ()), leg)
        exchange.start(now)
        self._touched(exchange, now)

    def _settle(self) -> None:
        """See what came of the frames that were received: once for all of them, not for each."""
        while self._fed:
            fed, self._fed = self._fed, {}
            for exchange in fed.values():
                if exchange.number in self._running:
                    exchange.settle(self._fed_at)
                    self._touched(exchange, self._fed_at)

    def _touched(self, exchange: CanExchange, now: float) -> None:
        """Note what is new about an exchange that was just used."""
        outcome = exchange.outcome
        if outcome is None:
            self._ready[exchange.number] = exchange
            return
        if self._running.pop(exchange.number, None) is not None:
            self._withdraw(exchange)
            self._events.append(ExchangeFinished(exchange.number, outcome))
            self._admit(exchange.number, now)

    def _withdraw(self, exchange: CanExchange) -> None:
        """Let no frame find it and send none of it any more."""
        self._ready.pop(exchange.number, None)
        for key in {key for leg in exchange.legs for key in leg.address.rx_keys}:
            left = tuple(leg for leg in self._routes[key] if leg.exchange is not exchange)
            if left:
                self._routes[key] = left
            else:
                del self._routes[key]

    def _admit(self, number: int, now: float) -> None:
        for other in self._turns.leave(number):
            self._begin(self._waiting.pop(other), now)


def _ecu_key(address: IsoTpAddress) -> tuple[bool, int, int | None, int, int | None]:
    """Return what tells a control unit from others on its bus: how it is asked and answers."""
    tx, rx = address.tx, address.rx
    return (address.extended, tx.id, tx.prefix, rx.id, rx.prefix)
