"""What the ordering handlers of the customer API are given."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from quart import request

from gateway.domain.clock import Clock
from gateway.domain.errors import Invalid
from gateway.domain.ticket import TicketState
from gateway.storage.database import Database
from gateway.tickets.service import Presence, TicketService
from gateway.web import paging, parameters
from gateway.web.auth import CustomerIdentity
from gateway.web.paging import PageProfile


@dataclass(frozen=True, slots=True)
class CustomerDoor:
    """The services behind connectors, vehicles, products, cart and tickets.

    Attributes:
        identity: knows customers by their tokens.
        database: for reads that no rule stands behind.
        tickets: prices and orders.
        presence: which connectors are online.
        clock: wall clock; prices are those of its day.
        state_numbers: name of a ticket state (``in_progress``) -> number shown.
        pages: how lists are paged.
    """

    identity: CustomerIdentity
    database: Database
    tickets: TicketService
    presence: Presence
    clock: Clock
    state_numbers: Mapping[str, int]
    pages: PageProfile = paging.CUSTOMER

    def state_number(self, state: TicketState) -> int:
        """Return the number under which the portal knows a ticket's state."""
        return self.state_numbers[state.name.lower()]

    @property
    def whole_lists(self) -> PageProfile:
        """Paging of lists for which the contract names no paging: all there is room for."""
        return PageProfile(default=self.pages.most, most=self.pages.most)


def number_in_path(value: str, name: str) -> int:
    """Return a number that is part of the path.

    Raises:
        Invalid: it is none, or larger than any id.
    """
    number = parameters.integer({name: value}, name)
    if number is None:
        raise Invalid("parameter.missing", f"{name!r} is missing from the path.", field=name)
    return number


def vin_wanted() -> str | None:
    """Return the VIN of the query in the spelling in which VINs are kept."""
    vin = parameters.text(request.args, "vin")
    return None if vin is None else vin.upper()
