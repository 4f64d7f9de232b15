"""The service centre: opened, closed, or scheduled to open again.

    opened      everything can be ordered and is served
    closed      only services that need no operator can be ordered
    scheduled   everything can be ordered; what needs an operator is held until the schedule ends

A schedule that has run out is as good as ``opened``, whether or not anybody looked meanwhile.
What was ordered stays ordered: closing lets go what is held, like everything that runs.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from gateway.domain.errors import Invalid, NotFound
from gateway.domain.events import Event
from gateway.domain.principal import OperatorPrincipal
from gateway.domain.ticket import TicketState
from gateway.storage.database import Connection
from gateway.storage.queries import events, identity, service_centers, ticket_changes
from gateway.storage.queries.identity import Provider
from gateway.storage.queries.ticket_records import Step
from gateway.tickets.events import ticket_event

LONGEST_REASON = 255

#: A schedule further ahead than this is a slip of the finger.
LONGEST_SCHEDULE = timedelta(days=366)

#: Held tickets let go in one transaction.
AT_ONCE = 100


class CenterState(StrEnum):
    """Whether a service centre serves now."""

    OPENED = "opened"
    CLOSED = "closed"
    SCHEDULED = "scheduled"


@dataclass(frozen=True, slots=True)
class ServiceCenter:
    """A service centre at a moment.

    Attributes:
        state: whether it serves.
        ends_at: when the schedule ends, UTC; ``None`` in other states.
        message: why it is scheduled; otherwise the provider's message of the day, if any.
    """

    state: CenterState
    ends_at: datetime | None = None
    message: str | None = None


def service_center(provider: Provider, now: datetime) -> ServiceCenter:
    """Return a provider's service centre as it is now."""
    until = provider.scheduler_active_until
    if provider.scheduler_enabled and until is not None and until > now:
        return ServiceCenter(CenterState.SCHEDULED, until, provider.scheduler_message)
    message = provider.service_message if provider.service_message_active else None
    state = CenterState.OPENED if provider.is_open else CenterState.CLOSED
    return ServiceCenter(state, None, message)


def center_of(connection: Connection, provider_id: int, now: datetime) -> ServiceCenter:
    """Return the service centre of an operator's or a customer's provider.

    Raises:
        NotFound: the provider was removed.
    """
    provider = identity.find_provider(connection, provider_id)
    if provider is None:
        raise NotFound("provider.unknown", "Your service provider is not known any more.")
    return service_center(provider, now)


def change(
    connection: Connection, operator: OperatorPrincipal, wanted: ServiceCenter, now: datetime
) -> ServiceCenter:
    """Open, close or schedule the service centre of an operator's provider.

    Raises:
        Invalid: a schedule lacks its end or reason, or names them in another state.
    """
    provider_id, actor = operator.provider_id, f"operator:{operator.client_id}"
    if wanted.state is CenterState.SCHEDULED:
        until, message = _checked(wanted, now)
        service_centers.schedule(connection, provider_id, until, message)
        service_centers.hold(connection, provider_id, until)
    else:
        _refuse_schedule(wanted)
        is_open = wanted.state is CenterState.OPENED
        service_centers.set_open(connection, provider_id, is_open=is_open)
        held = service_centers.held_tickets(connection, provider_id)
        for ticket_id in held:
            _release(connection, ticket_id, actor, now)
    changed = center_of(connection, provider_id, now)
    events.append(connection, _event(provider_id, changed, now))
    return changed


def release_due(connection: Connection, now: datetime) -> int:
    """Let tickets go whose wait is over; return how many, at most :data:`AT_ONCE`."""
    due = service_centers.due_tickets(connection, now, AT_ONCE)
    for ticket_id in due:
        _release(connection, ticket_id, "schedule", now)
    return len(due)


def _release(connection: Connection, ticket_id: int, actor: str, now: datetime) -> None:
    step = Step("released", TicketState.PENDING, actor, now)
    released = ticket_changes.release(connection, ticket_id, step)
    # Every node looks; the one that was quicker has told of it.
    if released is not None:
        events.append(connection, ticket_event(released, step))


def _checked(wanted: ServiceCenter, now: datetime) -> tuple[datetime, str]:
    message = (wanted.message or "").strip()
    if not 1 <= len(message) <= LONGEST_REASON:
        detail = f"Say why it is scheduled, in 1 to {LONGEST_REASON} characters."
        raise Invalid("service_center.reason_missing", detail, field="schedule_reason")
    if wanted.ends_at is None or not now < wanted.ends_at <= now + LONGEST_SCHEDULE:
        detail = (
            f"Say when the schedule ends: later than now, within {LONGEST_SCHEDULE.days} days."
        )
        raise Invalid("service_center.end_invalid", detail, field="schedule_ends_at")
    return wanted.ends_at, message


def _refuse_schedule(wanted: ServiceCenter) -> None:
    if wanted.ends_at is not None or wanted.message is not None:
        detail = "An end and a reason belong to state scheduled. Leave them out."
        raise Invalid("service_center.not_scheduled", detail, field="schedule_ends_at")


def _event(provider_id: int, center: ServiceCenter, now: datetime) -> Event:
    return Event(
        type="tickets.service_center.changed",
        subject=f"service_center:{provider_id}",
        tenant_id=None,
        payload={
            "provider_id": provider_id,
            "state": center.state.value,
            "ends_at": center.ends_at.isoformat() if center.ends_at else None,
            "message": center.message,
        },
        occurred_at=now,
    )
