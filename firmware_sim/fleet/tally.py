"""What happened to a fleet, in numbers."""

from __future__ import annotations

from collections import Counter

import msgspec

from firmware_sim.fleet.percentiles import Percentiles, Times
from firmware_sim.fleet.scenario import FaultKind
from firmware_sim.fleet.wire import Meter
from protocols.link.messages import CloseCode

#: Reasons for failed dials that are kept apart; the rest counts as "other".
_REASONS = 16


class Fates(msgspec.Struct):
    """What came of one kind of fault.

    Attributes:
        injected: how often it befell somebody.
        resumed: the link broke and went on where it was.
        renewed: the link broke and began anew.
        survived: it passed without breaking the link.
        refused: the gateway let the connector in no more.
        open: not over when this was counted.
    """

    injected: int = 0
    resumed: int = 0
    renewed: int = 0
    survived: int = 0
    refused: int = 0
    open: int = 0


class Progress(msgspec.Struct, frozen=True, tag=True):
    """How far a fleet is; members as in `Summary`, with all faults in one number."""

    connectors: int = 0
    connected: int = 0
    ever_connected: int = 0
    given_up: int = 0
    links: int = 0
    exchanges_answered: int = 0
    frames_sent: int = 0
    faults: int = 0

    @property
    def reconnects(self) -> int:
        """Links after the first one of each connector."""
        return self.links - self.ever_connected


class Summary(msgspec.Struct, frozen=True):
    """A fleet's numbers at one moment; what ``--json`` prints.

    Attributes:
        connectors: how many there are.
        connected: online now.
        ever_connected: were online at some time.
        given_up: refused for good by the gateway.
        links: how often somebody came online; ``resumed`` of them went on with an old link.
        resumed: see there.
        dials: TCP connections tried.
        failed_dials: those that did not become a websocket, by reason.
        refusals: goodbyes of the gateway before the link was up, by code.
        endings: ends of links that were up, by code and who said it.
        first_dial_in: from dialling to the link being up, for the first link of each connector.
        later_dial_in: the same for all others.
        exchanges_answered: results handed to the link.
        exchanges_refused: those among them without a session's lease.
        exchanges_unsent: results for which the link had no room any more.
        exchanges_twice: requests that arrived a second time; must be 0.
        status_reports: sent.
        frames_sent: raw frames the link took.
        frames_lost: raw frames it had no room for.
        batches_received: batches of raw frames for the vehicle.
        bytes_sent: on the wire, websocket and TLS included.
        bytes_received: likewise.
        faults: by kind.
    """

    connectors: int
    connected: int
    ever_connected: int
    given_up: int
    links: int
    resumed: int
    dials: int
    failed_dials: dict[str, int]
    refusals: dict[str, int]
    endings: dict[str, int]
    first_dial_in: Times
    later_dial_in: Times
    exchanges_answered: int
    exchanges_refused: int
    exchanges_unsent: int
    exchanges_twice: int
    status_reports: int
    frames_sent: int
    frames_lost: int
    batches_received: int
    bytes_sent: int
    bytes_received: int
    faults: dict[str, Fates]

    @property
    def reconnects(self) -> int:
        """Links after the first one of each connector."""
        return self.links - self.ever_connected


class Tally:
    """Counts while a fleet runs; every member writes into the same one."""

    def __init__(self, connectors: int) -> None:
        self.connectors = connectors
        self.connected = 0
        self.ever_connected = 0
        self.given_up = 0
        self.links = 0
        self.resumed = 0
        self.dials = 0
        self.answered = 0
        self.refused = 0
        self.unsent = 0
        self.twice = 0
        self.status_reports = 0
        self.frames_sent = 0
        self.frames_lost = 0
        self.batches_received = 0
        self.meter = Meter()
        self.first_dial_in = Percentiles()
        self.later_dial_in = Percentiles()
        self.faults: dict[FaultKind, Fates] = {}
        self._failed_dials: Counter[str] = Counter()
        self._refusals: Counter[str] = Counter()
        self._endings: Counter[str] = Counter()

    def failed_dial(self, reason: str) -> None:
        """Count a dial that did not become a websocket."""
        known = reason in self._failed_dials or len(self._failed_dials) < _REASONS
        self._failed_dials[reason if known else "other"] += 1

    def refusal(self, code: int) -> None:
        """Count a goodbye of the gateway to somebody who was not let in."""
        self._refusals[_name(code)] += 1

    def ending(self, code: int, *, by_gateway: bool) -> None:
        """Count the end of a link that was up."""
        self._endings[f"{_name(code)} by {'gateway' if by_gateway else 'connector'}"] += 1

    def fates(self, kind: FaultKind) -> Fates:
        """Return the counters of one kind of fault."""
        return self.faults.setdefault(kind, Fates())

    def progress(self) -> Progress:
        """Return how far the fleet is."""
        return Progress(
            connectors=self.connectors,
            connected=self.connected,
            ever_connected=self.ever_connected,
            given_up=self.given_up,
            links=self.links,
            exchanges_answered=self.answered,
            frames_sent=self.frames_sent,
            faults=sum(fates.injected for fates in self.faults.values()),
        )

    def summary(self) -> Summary:
        """Return the numbers as they stand."""
        return Summary(
            connectors=self.connectors,
            connected=self.connected,
            ever_connected=self.ever_connected,
            given_up=self.given_up,
            links=self.links,
            resumed=self.resumed,
            dials=self.dials,
            failed_dials=dict(self._failed_dials),
            refusals=dict(self._refusals),
            endings=dict(self._endings),
            first_dial_in=self.first_dial_in.times(),
            later_dial_in=self.later_dial_in.times(),
            exchanges_answered=self.answered,
            exchanges_refused=self.refused,
            exchanges_unsent=self.unsent,
            exchanges_twice=self.twice,
            status_reports=self.status_reports,
            frames_sent=self.frames_sent,
            frames_lost=self.frames_lost,
            batches_received=self.batches_received,
            bytes_sent=self.meter.sent,
            bytes_received=self.meter.received,
            faults={kind.value: msgspec.structs.replace(it) for kind, it in self.faults.items()},
        )


def _name(code: int) -> str:
    try:
        return CloseCode(code).name.lower()
    except ValueError:
        return f"code {code}"
