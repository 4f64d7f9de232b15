"""The states of a ticket, and which may follow which.

Only 1 and 7 are known from outside; names and the other numbers are this product's own.
"""

from __future__ import annotations

from enum import IntEnum


class TicketState(IntEnum):
    """Customer-side number of a ticket's state."""

    PREPARED = 0
    PENDING = 1
    IN_PROGRESS = 2
    OUTSOURCED = 3
    CANCELLED = 6
    CLOSED = 7


#: (from, to) pairs that may happen. Everything else is refused by name.
TRANSITIONS: frozenset[tuple[TicketState, TicketState]] = frozenset(
    {
        (TicketState.PREPARED, TicketState.PENDING),
        (TicketState.PREPARED, TicketState.CANCELLED),
        (TicketState.PENDING, TicketState.IN_PROGRESS),
        (TicketState.PENDING, TicketState.OUTSOURCED),
        (TicketState.PENDING, TicketState.CANCELLED),
        (TicketState.IN_PROGRESS, TicketState.PENDING),
        (TicketState.IN_PROGRESS, TicketState.OUTSOURCED),
        (TicketState.IN_PROGRESS, TicketState.CANCELLED),
        (TicketState.IN_PROGRESS, TicketState.CLOSED),
        (TicketState.OUTSOURCED, TicketState.PENDING),
        (TicketState.OUTSOURCED, TicketState.IN_PROGRESS),
        (TicketState.OUTSOURCED, TicketState.CANCELLED),
        (TicketState.OUTSOURCED, TicketState.CLOSED),
    }
)

#: A connector serves one of these at a time.
OPEN_STATES = frozenset({TicketState.PENDING, TicketState.IN_PROGRESS, TicketState.OUTSOURCED})
