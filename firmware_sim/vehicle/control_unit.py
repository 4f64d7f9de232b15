"""What one control unit knows and remembers; its services act upon it.

Session, S3 and security are the machine of `protocols.uds.ecu`; identifiers, faults and routines
are in modules of their own. What ends with a diagnostic session (running routines, silenced
traffic, stopped fault detection) is given up in one place.
"""

from __future__ import annotations

import hmac
import random

from firmware_sim.vehicle.definitions import Definitions
from firmware_sim.vehicle.ecu_spec import EcuSpec
from firmware_sim.vehicle.fault import CONFIRMED
from firmware_sim.vehicle.faults import EMISSIONS_GROUP, FaultMemory
from firmware_sim.vehicle.flash import Flash
from firmware_sim.vehicle.function_spec import SecuritySpec
from firmware_sim.vehicle.identifiers import Identifiers
from firmware_sim.vehicle.memory import Memory
from firmware_sim.vehicle.periodic import Periodic
from firmware_sim.vehicle.record import Access
from firmware_sim.vehicle.routines import Routines
from firmware_sim.vehicle.security import KEY_LENGTH, key_for, make_seed
from firmware_sim.vehicle.signals import Signal
from protocols.uds.ecu import DEFAULT_SESSION, EcuParams, EcuState
from protocols.uds.security import SecurityParams

#: OBD parameter with the lamp (bit 7) and the number of codes in its first byte.
MONITOR_STATUS = 0x01


class ControlUnit:
    """One ECU between its requests.

    Attributes:
        spec: what was declared of it.
        vin: the number of the vehicle it sits in.
        state: session, S3 and security.
        identifiers: its data, written values included.
        definitions: identifiers that testers defined.
        periodic: identifiers that it sends by itself, as testers asked it to.
        faults: its fault memory.
        routines: what it can be made to do.
        memory: its address space.
        flash: how it is programmed.
        pids: OBD parameters by number.
        sends_normally: its normal messages are on (service 28 can stop them).
        reset_pending: it resets as soon as the present answer has left.
    """

    def __init__(self, spec: EcuSpec, vin: str, seed: str) -> None:
        self.spec = spec
        self.vin = vin
        self.state = EcuState(_params(spec))
        self.identifiers = Identifiers(spec, vin, seed)
        self.definitions = Definitions()
        self.periodic = Periodic()
        self.faults = FaultMemory(spec.faults, spec.fault_mask)
        self.routines = Routines(spec)
        self.memory = Memory(spec.memory, seed)
        self.flash = Flash(spec.flash, self.memory, self.identifiers)
        self.pids = {pid.pid: pid for pid in spec.obd.pids} if spec.obd else {}
        self.sends_normally = True
        self.reset_pending = False
        self._signals = {
            number: Signal(pid.live, f"{seed}/pid/{number:02X}")
            for number, pid in self.pids.items()
            if pid.live is not None
        }
        self._levels = {level.level: level for level in spec.security}
        self._random = random.Random(f"{seed}/security")
        self._seed = bytes(KEY_LENGTH)

    # ------------------------------------------------------------ sessions

    @property
    def session(self) -> int:
        """The diagnostic session that is on."""
        return self.state.session

    @property
    def timing_record(self) -> bytes:
        """P2 and P2* as answers to service 10 state them."""
        return self.state.params.timing_record

    def change_session(self, session: int, now: float) -> None:
        """Enter a session; the default one gives up what the others allowed."""
        self.state.change_session(session, now)
        self.flash.give_up()
        if session == DEFAULT_SESSION:
            self._return_to_default()

    def reset(self, now: float) -> None:
        """Start again: default session, and a new operation cycle of the fault memory."""
        self.reset_pending = False
        self.state.reset(now)
        self._return_to_default()
        self.definitions.clear()
        self.flash.restart()
        self.faults.begin_cycle(now)

    def _return_to_default(self) -> None:
        self.routines.forget()
        self.flash.give_up()
        self.identifiers.release_all()
        self.periodic.stop()
        self.sends_normally = True
        self.faults.setting_on = True

    # ------------------------------------------------------------ security

    def unlocked(self, level: int | None) -> bool:
        """Tell whether something that needs ``level`` may be done now; ``None`` needs none."""
        return level is None or self.state.security.unlocked == level

    def in_session(self, access: Access) -> bool:
        """Tell whether the session that is on allows something."""
        return not access.sessions or self.session in access.sessions

    def security_level(self, level: int) -> SecuritySpec | None:
        return self._levels.get(level)

    def request_seed(self, spec: SecuritySpec, now: float) -> bytes:
        """Return a seed for a level; zeros where it is open already.

        Raises:
            RemoteProtocolError: 37, too early after wrong keys.
        """
        if not self.state.security.request_seed(spec.level, now):
            return bytes(KEY_LENGTH)
        self._seed = make_seed(self._random)
        return self._seed

    def check_key(self, spec: SecuritySpec, key: bytes, now: float) -> None:
        """Open a level if the key is right.

        Raises:
            RemoteProtocolError: 24 no seed was asked for, 35 wrong key, 36 wrong once too often,
                37 too early after wrong keys.
        """
        correct = hmac.compare_digest(key, key_for(spec, self._seed))
        self.state.security.present_key(spec.level, correct, now)

    # ------------------------------------------------------------ OBD

    def pid_content(self, number: int, now: float) -> bytes:
        """Return what an OBD parameter holds at ``now``."""
        signal = self._signals.get(number)
        if signal is not None:
            return signal.encode(now)
        content = bytes(self.pids[number].hex or b"")
        return self._monitor_status(content) if number == MONITOR_STATUS else content

    def _monitor_status(self, content: bytes) -> bytes:
        """Return PID 01 with the lamp and the number of confirmed codes as they are now."""
        confirmed = len(self.faults.emissions(CONFIRMED))
        return bytes([min(confirmed, 0x7F) | (0x80 if confirmed else 0)]) + content[1:]

    def clear_emissions(self, now: float) -> None:
        """Clear the emission-related codes (SAE J1979 mode 04)."""
        self.faults.clear(EMISSIONS_GROUP, now)

    # ------------------------------------------------------------ time

    def next_deadline(self) -> float | None:
        """Return when `update` has something to do, or ``None``."""
        due = (
            self.state.next_deadline(),
            self.faults.next_deadline(),
            self.periodic.next_deadline(),
        )
        return min((moment for moment in due if moment is not None), default=None)

    def update(self, now: float) -> None:
        """Do what is due: S3, the delay after wrong keys, the tests of faults."""
        self.state.handle_deadline(now)
        while self.state.next_event() is not None:
            self._return_to_default()
        self.faults.update(now)


def _params(spec: EcuSpec) -> EcuParams:
    security = SecurityParams(
        levels=frozenset(level.level for level in spec.security),
        attempts=spec.attempts,
        delay=spec.attempt_delay,
    )
    timing = spec.timing
    return EcuParams(frozenset(spec.sessions), security, timing.p2, timing.p2_star, timing.s3)
