"""One connector of a fleet: the real link, and a table in place of the vehicle.

Everything but the link itself happens at once, without a task: an idle member costs what its link
costs.
"""

from __future__ import annotations

import ssl
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from random import Random

import trio

from firmware_sim.firmware.dialling import Dialler
from firmware_sim.firmware.link import Backoff, LinkClient, LinkRefusedError
from firmware_sim.fleet import answers
from firmware_sim.fleet.agenda import Agenda
from firmware_sim.fleet.misfortune import Misfortune
from firmware_sim.fleet.profiles import Profile
from firmware_sim.fleet.schedule import Schedule
from firmware_sim.fleet.tally import Tally
from firmware_sim.fleet.watch import Watches
from firmware_sim.fleet.wire import Wire
from firmware_sim.roster import RosterEntry
from firmware_sim.vehicle.vin import vin_for_seed
from protocols.link import events
from protocols.link.buses import BusConfigure, BusConfigured
from protocols.link.delivery import ChannelFull
from protocols.link.messages import (
    Channel,
    ExchangeRequest,
    Message,
    MonitorStart,
    MonitorStop,
    SessionClose,
    SessionClosed,
    SessionOpen,
    StatusReport,
)

#: The first member's vehicle; the others differ in the serial number.
MODEL_VIN = "WVWZZZAUZHP000001"

#: Requests whose numbers are remembered, to find out if one arrives twice. More than can be on
#: their way at any time, which is 128.
REMEMBERED = 512

#: Voltages a status report steps through, millivolts.
_VOLTAGES = (12_300, 12_600, 13_900, 14_200)


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What all members of a fleet share.

    Attributes:
        profile: how much they do.
        schedule: what befalls them.
        tally: what they count in.
        agenda: keeps their appointments.
        nursery: of watched buses.
        random: of jitter and status; not of faults, which depend on nothing but the schedule.
        dial: connects to the gateway.
        bury: takes the streams of half-open connections.
        tls: for ``wss://``; shared, because each has the trust store's size.
        backoff: pauses between dials.
    """

    profile: Profile
    schedule: Schedule | None
    tally: Tally
    agenda: Agenda
    nursery: trio.Nursery
    random: Random
    dial: Dialler
    bury: Callable[[trio.abc.Stream], None]
    tls: ssl.SSLContext | None = None
    backoff: Backoff | None = None


class Member:
    """One connector; lives as long as :meth:`run`."""

    def __init__(self, shared: Surroundings, number: int, entry: RosterEntry) -> None:
        self._shared = shared
        self._number = number
        self._entry = entry
        self._link: LinkClient | None = None
        self._life = trio.CancelScope()
        self._boot_time = 0.0
        self._dialled_at = 0.0
        self._up = False
        self._was_up = False
        self._writers: set[str] | None = None
        self._seen: deque[int] | None = None
        self._watches: Watches | None = None
        self._misfortune: Misfortune | None = None
        self._settled: Callable[[], None] | None = None
        if shared.schedule is not None:
            self._misfortune = Misfortune(
                shared.schedule, number, shared.agenda, shared.tally, self._reboot
            )

    @property
    def vin(self) -> str:
        """Its vehicle's number; computed, because ten thousand texts would be kept for nothing."""
        return self._entry.vin or vin_for_seed(MODEL_VIN, self._number)

    async def run(self, settled: Callable[[], None]) -> None:
        """Be online until cancelled, or refused for good.

        Args:
            settled: called once, when the first attempt to come online has ended either way.
        """
        self._settled = settled
        try:
            while True:
                with trio.CancelScope() as self._life:
                    await self._live()
                # Only a reboot gets here.
                await trio.sleep(self._boot_time)
        except LinkRefusedError:
            self._shared.tally.given_up += 1
            if self._misfortune is not None:
                self._misfortune.refused()
        finally:
            self._settle()

    async def _live(self) -> None:
        shared = self._shared
        self._link = LinkClient(
            self._entry.gateway,
            self._entry.identity,
            answers.CAPABILITIES,
            self._handle,
            random=shared.random,
            tls=shared.tls,
            backoff=shared.backoff,
            dial=self._dial,
        )
        try:
            await self._link.run()
        finally:
            self._link = None
            self._forget()

    def _settle(self) -> None:
        settled, self._settled = self._settled, None
        if settled is not None:
            settled()

    def _forget(self) -> None:
        """Lose everything a device without power, or without a link to resume, loses."""
        self._writers = None
        if self._watches is not None:
            self._watches.stop_all()
            self._watches = None

    async def _dial(self, host: str, port: int) -> trio.abc.Stream:
        tally = self._shared.tally
        if self._link is not None and self._link.trouble:
            tally.failed_dial(self._link.trouble)
            self._link.trouble = ""
            self._settle()
        tally.dials += 1
        self._dialled_at = trio.current_time()
        stream = await self._shared.dial(host, port)
        if self._misfortune is not None:
            stream = self._misfortune.wrap(stream, self._shared.bury)
        return Wire(stream, tally.meter)

    def _reboot(self, boot_time: float) -> None:
        self._boot_time = boot_time
        self._life.cancel()

    # --- what the link tells -------------------------------------------------------------------

    def _handle(self, event: events.Event) -> None:
        match event:
            case events.Live(resumed):
                self._on_live(resumed=resumed)
            case events.Closed():
                self._on_closed(event)
            case events.MessageReceived(message, channel):
                self._on_message(message)
                self._client.consumed(channel)
            case events.FramesReceived():
                self._shared.tally.batches_received += 1
                self._client.consumed(Channel.FRAME)
            case _:
                return

    @property
    def _client(self) -> LinkClient:
        if self._link is None:
            raise AssertionError("only a link calls this")
        return self._link

    def _on_live(self, *, resumed: bool) -> None:
        tally = self._shared.tally
        took = trio.current_time() - self._dialled_at
        (tally.later_dial_in if self._was_up else tally.first_dial_in).add(took)
        tally.ever_connected += not self._was_up
        tally.connected += 1
        tally.links += 1
        tally.resumed += resumed
        self._up = self._was_up = True
        self._settle()
        if not resumed:
            self._forget()
            self._report_status()
        if self._misfortune is not None:
            self._misfortune.link_up(resumed=resumed)

    def _on_closed(self, closed: events.Closed) -> None:
        tally = self._shared.tally
        if self._up:
            self._up = False
            tally.connected -= 1
            tally.ending(closed.code, by_gateway=closed.by_peer)
        elif closed.by_peer:
            tally.refusal(closed.code)
        self._settle()
        if self._misfortune is not None:
            self._misfortune.link_down()

    def _on_message(self, message: Message) -> None:
        match message:
            case ExchangeRequest():
                self._on_request(message)
            case SessionOpen(session, writer):
                self._on_session(session, writer=writer)
            case SessionClose(session):
                self._on_session(session, writer=False)
                self._send(SessionClosed(session, safe=True))
            case MonitorStart() | MonitorStop():
                self._on_monitor(message)
            case BusConfigure(number):
                self._send(BusConfigured(number, None, "refused", "there is no bus behind this"))
            case _:
                self._client.goodbye(f"{type(message).__name__} is not for a connector")

    def _on_request(self, message: ExchangeRequest) -> None:
        tally = self._shared.tally
        if self._seen is None:
            self._seen = deque(maxlen=REMEMBERED)
        if message.id in self._seen:
            tally.twice += 1
        self._seen.append(message.id)
        if self._writers is not None and message.session in self._writers:
            result = answers.result(self.vin, message, trio.current_time())
        else:
            result = answers.refused(message)
            tally.refused += 1
        if self._send(result):
            tally.answered += 1
        else:
            tally.unsent += 1

    def _on_session(self, session: str, *, writer: bool) -> None:
        writers = self._writers or set()
        writers.discard(session)
        if writer:
            writers.add(session)
        self._writers = writers or None

    def _on_monitor(self, message: MonitorStart | MonitorStop) -> None:
        shared = self._shared
        if self._watches is None:
            self._watches = Watches(
                self._client, shared.profile.frames_per_second, shared.tally, shared.nursery
            )
        if isinstance(message, MonitorStart):
            self._watches.start(message)
        else:
            self._watches.stop(message.bus)

    # --- what it says by itself ------------------------------------------------------------------

    def change_status(self) -> None:
        """Let voltage or ignition change, as they do while somebody drives."""
        if self._up:
            self._report_status()

    def _report_status(self) -> None:
        voltage = self._shared.random.choice(_VOLTAGES)
        report = StatusReport(vin=self.vin, voltage_mv=voltage, ignition=voltage > _VOLTAGES[1])
        self._shared.tally.status_reports += self._send(report)

    def _send(self, message: Message) -> bool:
        try:
            self._client.send(message)
        except ChannelFull:
            return False
        return True
