"""Lets everybody dial in, keeps them, and lets the faults of their schedule befall them.

Dialling in is paced: so many a second, or as fast as the gateway answers with a bounded number in
flight. That is for the first time alone. Who loses the link comes back by the client's own
back-off, together with everybody else who lost it, as a real fleet would.
"""

from __future__ import annotations

import ssl
from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random

import trio

from firmware_sim.firmware.dialling import Dialler, dial_tcp
from firmware_sim.firmware.link import Backoff
from firmware_sim.fleet.agenda import Agenda
from firmware_sim.fleet.graveyard import Graveyard
from firmware_sim.fleet.member import Member, Surroundings
from firmware_sim.fleet.profiles import Profile
from firmware_sim.fleet.schedule import Schedule
from firmware_sim.fleet.sharing import Share
from firmware_sim.fleet.tally import Tally
from firmware_sim.roster import RosterEntry


@dataclass(frozen=True, slots=True)
class FleetOptions:
    """How a fleet behaves.

    Attributes:
        profile: how much its members do.
        schedule: what befalls them; ``None`` is nothing.
        seed: of jitter and status values.
        rate: dials a second at the start; ``None`` is as fast as they are answered.
        in_flight: first dials that may wait for their answer at once.
        tls: for ``wss://``; the system's trust store when left out.
        backoff: pauses between the dials of one connector.
        share: which connectors of a larger fleet they are.
    """

    profile: Profile
    schedule: Schedule | None = None
    seed: int = 0
    rate: float | None = None
    in_flight: int = 64
    tls: ssl.SSLContext | None = None
    backoff: Backoff | None = None
    share: Share = field(default_factory=Share)


class Fleet:
    """The connectors of one process; :meth:`run` is its life.

    Args:
        entries: who they are.
        options: how they behave.
        dial: connects to the gateway.
    """

    def __init__(
        self, entries: Sequence[RosterEntry], options: FleetOptions, dial: Dialler = dial_tcp
    ) -> None:
        self.tally = Tally(len(entries))
        self._entries = entries
        self._options = options
        self._dial = dial
        self._agenda = Agenda()
        self._random = Random(options.seed)

    async def run(self) -> None:
        """Be online with everybody until cancelled, or until all were refused for good."""
        async with trio.open_nursery() as nursery:
            graveyard = Graveyard(self._agenda, nursery)
            nursery.start_soon(self._agenda.run)
            try:
                async with trio.open_nursery() as members:
                    await self._dial_in(self._surroundings(nursery, graveyard), members)
            finally:
                with trio.CancelScope(shield=True):  # closing them by force waits for nobody
                    await graveyard.close_all()
            nursery.cancel_scope.cancel()

    def _surroundings(self, nursery: trio.Nursery, graveyard: Graveyard) -> Surroundings:
        options = self._options
        return Surroundings(
            profile=options.profile,
            schedule=options.schedule,
            tally=self.tally,
            agenda=self._agenda,
            nursery=nursery,
            random=self._random,
            dial=self._dial,
            bury=graveyard.bury,
            tls=self._tls(),
            backoff=options.backoff,
        )

    def _tls(self) -> ssl.SSLContext | None:
        chosen = self._options.tls
        secure = any(entry.gateway.startswith("wss://") for entry in self._entries)
        return ssl.create_default_context() if secure and chosen is None else chosen

    async def _dial_in(self, shared: Surroundings, members: trio.Nursery) -> None:
        options = self._options
        slots = trio.Semaphore(options.in_flight)
        began = trio.current_time()
        for place, entry in enumerate(self._entries):
            if options.rate is not None:
                await trio.sleep_until(began + place / options.rate)
            await slots.acquire()
            member = Member(shared, options.share.number(place), entry)
            members.start_soon(member.run, slots.release)
            if options.profile.status_every is not None:
                self._plan_status(member, options.profile.status_every)

    def _plan_status(self, member: Member, every: float) -> None:
        def change() -> None:
            member.change_status()
            self._plan_status(member, every)

        self._agenda.after(self._random.uniform(0.5, 1.5) * every, change)
