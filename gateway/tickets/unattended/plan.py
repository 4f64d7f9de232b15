"""Which procedures a ticket's products ask for, on its vehicle."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256

import msgspec

from gateway.storage.queries.ticket_records import Ticket
from gateway.tickets.unattended.declared import Procedure, Step


@dataclass(frozen=True, slots=True)
class Planned:
    """One step, and whose it is."""

    procedure: Procedure
    step: Step


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything that is to be done for a ticket, in the order of its lines."""

    procedures: tuple[Procedure, ...]

    @property
    def steps(self) -> tuple[Planned, ...]:
        """The steps of all procedures, one after the other."""
        return tuple(Planned(each, step) for each in self.procedures for step in each.steps)

    @property
    def digest(self) -> str:
        """A name of exactly this plan: another one cannot go on where this one stopped."""
        return sha256(msgspec.json.encode(self.procedures)).hexdigest()

    @property
    def title(self) -> str:
        """What people call it."""
        return ", ".join(procedure.name for procedure in self.procedures)


class NoPlanError(Exception):
    """No procedure is declared for a product on this vehicle; the text is for people."""


def plan_of(ticket: Ticket, declared: Sequence[Procedure]) -> Plan:
    """Return what a ticket asks for; a procedure that two lines share is done once.

    Raises:
        NoPlanError: there is a product for which nothing is declared.
    """
    found: dict[Procedure, None] = {}
    for line in ticket.lines:
        for procedure in declared:
            if procedure.fits(line.item_number, ticket.vehicle):
                found[procedure] = None
                break
        else:
            vehicle = " ".join(ticket.vehicle)
            raise NoPlanError(f"No procedure is declared for {line.name} on {vehicle}.")
    return Plan(tuple(found))
