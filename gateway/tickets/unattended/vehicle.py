"""A vehicle as a procedure sees it: control units that are asked, in a session of its own."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import NamedTuple
from uuid import UUID

import trio

from gateway.domain.connector import ConnectorStatus
from gateway.domain.errors import Conflict
from gateway.domain.principal import OperatorPrincipal
from gateway.sessions.leasing import SAFE_STATE_LIMIT
from gateway.sessions.service import SessionService
from gateway.sessions.session import EndReason, Session
from gateway.sessions.targets import EcuAddress, to_target
from gateway.tickets.unattended.declared import Ecu, Procedure
from protocols.diagnosis.targets import target_of
from protocols.link.vehicle import DoipTarget, EcuInfo, Target
from protocols.uds.names import RESPONSE_OFFSET, negative, service_name

#: Seconds that a vehicle may take to become ready: people order first and switch on then.
READY_WITHIN = 60.0

#: Seconds between two looks at it.
LOOK_AGAIN = 1.0


class MisfitError(Exception):
    """Something is not as the procedure needs it; the text tells people what."""


class RefusedError(MisfitError):
    """A control unit gave a negative answer.

    Attributes:
        code: its negative response code.
    """

    def __init__(self, text: str, code: int) -> None:
        super().__init__(text)
        self.code = code


class ControlUnit(NamedTuple):
    """Whom to ask, and what people call it."""

    name: str
    target: Target


class Vehicle:
    """Made by :func:`open_vehicle`; dead after its block."""

    def __init__(self, sessions: SessionService, session: Session) -> None:
        self._sessions = sessions
        self._session = session

    @property
    def status(self) -> ConnectorStatus:
        """How its connector is."""
        return self._sessions.connector(self._session).status

    def control_units(self, wanted: tuple[Ecu, ...]) -> tuple[ControlUnit, ...]:
        """Return those named, or all that the connector knows.

        Raises:
            MisfitError: it knows none of this name, or none at all.
        """
        if wanted:
            return tuple(self.control_unit(one) for one in wanted)
        known = self._known()
        if not known:
            raise MisfitError("The connector knows no control units of this vehicle.")
        return tuple(known.values())

    def control_unit(self, wanted: Ecu) -> ControlUnit:
        """Return the control unit of this name or address.

        Raises:
            MisfitError: the connector knows none of this name.
        """
        if isinstance(wanted, EcuAddress):
            return ControlUnit(_spelled(wanted), to_target(wanted))
        known = self._known()
        if wanted not in known:
            raise MisfitError(f"The connector knows no control unit {wanted!r} in this vehicle.")
        return known[wanted]

    def _known(self) -> dict[str, ControlUnit]:
        ecus = self._sessions.connector(self._session).capabilities.ecus
        found = ((ecu.name, _target(ecu)) for ecu in ecus)
        return {name: ControlUnit(name, target) for name, target in found if target is not None}

    async def ask(self, unit: ControlUnit, request: bytes) -> bytes:
        """Return the positive answer to a request.

        Raises:
            RefusedError: the answer is negative.
            MisfitError: it answers something else, or nothing.
            GatewayError: the link, the lease or the vehicle's bus is lost.
        """
        answers = await self._sessions.exchange(
            self._session, unit.target, request, by="unattended"
        )
        what = service_name(request[0])
        if not answers:
            raise MisfitError(f"{unit.name} did not answer to {what}.")
        data = answers[0].data
        if (refusal := negative(data)) is not None:
            raise RefusedError(f"{unit.name} refuses {what}: {refusal[2]}.", refusal[1])
        if data[:1] != bytes((request[0] + RESPONSE_OFFSET,)):
            told = data.hex(" ").upper()
            raise MisfitError(f"{unit.name} answers to {what} with {told:.60}.")
        return data

    async def ready(self, procedure: Procedure, vin: str) -> None:
        """Wait until the vehicle is the right one, switched on and supplied.

        Raises:
            MisfitError: it is not, within :data:`READY_WITHIN`.
            GatewayError: the connector is gone.
        """
        with trio.move_on_after(READY_WITHIN):
            while _lacks(self.status, procedure, vin) is not None:  # noqa: ASYNC110 - a report
                await trio.sleep(LOOK_AGAIN)
            return
        lacks = _lacks(self.status, procedure, vin)
        if lacks is not None:
            raise MisfitError(lacks)


@asynccontextmanager
async def open_vehicle(
    sessions: SessionService, who: OperatorPrincipal, connector: UUID, ticket_id: int
) -> AsyncIterator[Vehicle]:
    """Hold the lease on a vehicle for the block; it ends in its safe state.

    Raises:
        Unavailable: the connector is offline.
        Conflict: somebody else works on the vehicle.
    """
    session = sessions.open(who, connector, ticket_id=ticket_id)
    try:
        if not session.writer:
            raise Conflict("unattended.busy", "Somebody else works on this vehicle.")
        yield Vehicle(sessions, session)
    finally:
        # The vehicle goes to its safe state whatever else is cancelled.
        with trio.move_on_after(SAFE_STATE_LIMIT + 1, shield=True):
            await sessions.end(session, EndReason.TICKET)


def _lacks(status: ConnectorStatus, procedure: Procedure, vin: str) -> str | None:
    """Return what is not as it should be; what a connector cannot tell is not held against it."""
    if status.vin is not None and status.vin != vin:
        return f"The connector is plugged into vehicle {status.vin}, ordered was {vin}."
    if status.vin is None and procedure.changes:
        return "The connector has not read the vehicle's number, so it may be another vehicle."
    if procedure.ignition and status.ignition is False:
        return "The ignition is off."
    if status.voltage is not None and status.voltage < procedure.voltage:
        return f"The supply voltage is {status.voltage:.1f} V, below {procedure.voltage:.1f} V."
    return None


def _target(ecu: EcuInfo) -> Target | None:
    if ecu.request_id is None and ecu.logical_address is not None:
        return DoipTarget(ecu.logical_address)
    return target_of(ecu)


def _spelled(address: EcuAddress) -> str:
    named = address.request_id if address.logical_address is None else address.logical_address
    return f"control unit {named:X}" if isinstance(named, int) else f"control unit {named}"
