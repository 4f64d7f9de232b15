"""What a client says of jobs and leases: seldom, and answered at once."""

from __future__ import annotations

from gateway.sessions.job_orders import to_key
from gateway.sessions.job_record import describe
from gateway.sessions.jobs import JobService
from gateway.sessions.lease_view import describe_lease
from gateway.sessions.service import SessionService
from gateway.sessions.session import Session
from gateway.ws.operator.messages import JobMessage, LeaseMessage
from protocols.link.jobs import Control


def control_job(jobs: JobService, session: Session, message: JobMessage) -> dict[str, object]:
    """Do something with a transfer job; return the answer.

    Raises:
        Conflict: that has no meaning now, or the session does not hold the lease.
        NotFound: there is no such job going.
    """
    if message.do == "key":
        going = jobs.give_key(session, message.job, to_key(message.key))
    else:
        going = jobs.control(session, message.job, Control(message.do))
    job = describe(going.record, going.report)
    return {"action": "job", "id": message.reference, "job": job}


async def order_lease(
    sessions: SessionService, session: Session, message: LeaseMessage
) -> dict[str, object]:
    """Do something about a lease; return the answer, which tells how it stands then.

    Giving it up waits for the vehicle's safe state, within a bound; meanwhile nothing else that
    the client says is taken.

    Raises:
        Conflict: the lease is another's, or a transfer job works on the vehicle.
        Unavailable: the connector is offline.
    """
    if message.do == "release":
        await sessions.leasing.release(session)
    else:
        sessions.acquire_lease(session, take_over=message.do == "take_over")
    lease = describe_lease(session, sessions.leasing.view(session))
    return {"action": "lease", "id": message.reference, "lease": lease}
