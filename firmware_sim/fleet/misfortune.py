"""One connector's faults, one after the other, and what came of each.

A fault waits until the link is up for its time, befalls the connection that is up then, and is
over when the next link is up (the connection broke) or when its time has passed (it did not).
Then the next one waits.
"""

from __future__ import annotations

from collections.abc import Callable

import trio

from firmware_sim.fleet.agenda import Agenda, Appointment
from firmware_sim.fleet.faults import FaultyStream
from firmware_sim.fleet.scenario import FaultKind
from firmware_sim.fleet.schedule import Fault, Schedule
from firmware_sim.fleet.tally import Fates, Tally

#: Faults that end with the connection, whenever it notices.
_UNTIL_BROKEN = frozenset({FaultKind.CUT, FaultKind.HALF_OPEN, FaultKind.REBOOT})


class Misfortune:
    """Owned by its member.

    Args:
        schedule: says what, and when.
        connector: the member's place in the fleet.
        agenda: keeps the appointments.
        tally: counts what came of it.
        reboot: takes power and memory from the member for so many seconds.
    """

    def __init__(
        self,
        schedule: Schedule,
        connector: int,
        agenda: Agenda,
        tally: Tally,
        reboot: Callable[[float], None],
    ) -> None:
        self._schedule = schedule
        self._connector = connector
        self._agenda = agenda
        self._tally = tally
        self._reboot = reboot
        self._number = 0
        self._stream: FaultyStream | None = None
        self._now: Fault | None = None
        self._next: Appointment | None = None

    def wrap(
        self, stream: trio.abc.Stream, bury: Callable[[trio.abc.Stream], None]
    ) -> trio.abc.Stream:
        """Return the stream of a new connection, ready for what is to come."""
        self._stream = FaultyStream(stream, bury)
        return self._stream

    def link_up(self, *, resumed: bool) -> None:
        """The link is up: what befell the one before is over, the next fault waits."""
        fates = self._over()
        if fates is not None and resumed:
            fates.resumed += 1
        elif fates is not None:
            fates.renewed += 1
        self._wait()

    def link_down(self) -> None:
        """The link is down: nothing more befalls it."""
        if self._next is not None:
            self._next.cancel()
            self._next = None

    def refused(self) -> None:
        """The gateway wants this connector no more."""
        fates = self._over()
        if fates is not None:
            fates.refused += 1

    def _wait(self) -> None:
        fault = self._schedule.fault(self._connector, self._number)
        self._next = self._agenda.after(fault.after, self._strike)

    def _strike(self) -> None:
        # Drawn again rather than kept: drawing costs nothing when it is rare, keeping always does.
        fault = self._now = self._schedule.fault(self._connector, self._number)
        self._number += 1
        fates = self._tally.fates(fault.kind)
        fates.injected += 1
        fates.open += 1
        self._next = None
        if fault.kind not in _UNTIL_BROKEN:
            self._next = self._agenda.after(fault.lasts, self._pass)
        if self._stream is not None:
            self._stream.begin(fault)
        if fault.kind is FaultKind.REBOOT:
            self._reboot(fault.lasts)

    def _pass(self) -> None:
        """The fault is over, and the link still up."""
        if self._stream is not None:
            self._stream.end()
        fates = self._over()
        if fates is not None:
            fates.survived += 1
        self._wait()

    def _over(self) -> Fates | None:
        """Return the counters of the present fault, which is over now."""
        if self._now is None:
            return None
        fates = self._tally.fates(self._now.kind)
        fates.open -= 1
        self._now = None
        return fates
