"""One transfer job: its record, its last report, and how both are shown."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime

import msgspec

from gateway.domain.principal import OperatorPrincipal
from gateway.sessions.job_files import ResultFetch
from gateway.sessions.job_orders import JobBody
from gateway.sessions.session import Session
from gateway.storage.queries.jobs import JobRecord
from protocols.diagnosis.transfer_state import FINAL, JobState
from protocols.link.jobs import JobReport, TransferOrder

_reports = msgspec.msgpack.Decoder(JobReport)
_orders = msgspec.msgpack.Decoder(TransferOrder)


@dataclass(slots=True, eq=False)
class Going:
    """A job whose end is not on record.

    Attributes:
        record: as on record, but for the report.
        report: the last one.
        order: as the connector got it.
        noted: monotonic seconds when a report was last put on record.
        dirty: there is one that is not.
        on_record: the job itself is.
        fetch: its result on its way.
    """

    record: JobRecord
    report: JobReport
    order: TransferOrder
    noted: float = 0.0
    dirty: bool = False
    on_record: bool = False
    fetch: ResultFetch | None = None

    @property
    def state(self) -> JobState:
        """Where it stands, as last reported."""
        return JobState(self.report.state)


def new_job(
    operator: OperatorPrincipal,
    session: Session,
    body: JobBody,
    order: TransferOrder,
    now: datetime,
) -> Going:
    """Return a job that nobody has heard of yet."""
    job = secrets.token_hex(16)
    total = sum(segment.length for segment in order.segments)
    waiting = JobState.WAITING.value
    report = JobReport(job, waiting, segments=len(order.segments), total=total)
    record = JobRecord(
        id=job,
        provider_id=operator.provider_id,
        client_id=operator.client_id,
        session_id=session.id,
        connector_id=session.connector_id,
        connector_uuid=session.connector,
        ticket_id=session.ticket_id,
        direction=order.direction,
        ecu=msgspec.to_builtins(body.ecu),
        order=msgspec.msgpack.encode(order),
        image=order.image.hex() or None,
        state=report.state,
        report=msgspec.msgpack.encode(report),
        finished=False,
        result=None,
        created_at=now,
        updated_at=now,
        finished_at=None,
    )
    return Going(record, report, order)


def from_record(record: JobRecord) -> Going:
    """Return a job as it was left when the gateway stopped."""
    order = _orders.decode(record.order)
    return Going(record, last_report(record), order, dirty=True, on_record=True)


def last_report(record: JobRecord) -> JobReport:
    """Return the last report on record."""
    return _reports.decode(record.report)


def failed(report: JobReport, failure: str, detail: str) -> JobReport:
    """Return the report of a job that has failed for a reason that its connector cannot know."""
    return msgspec.structs.replace(
        report,
        state=JobState.FAILED.value,
        failure=failure,
        detail=detail,
        result=b"",
        result_size=0,
    )


def describe(record: JobRecord, report: JobReport) -> dict[str, object]:
    """Return a job as the operator API and its websocket show it."""
    return {
        "id": record.id,
        "kind": "transfer",
        "direction": record.direction,
        "session": record.session_id,
        "connector_uuid": str(record.connector_uuid),
        "ticket_id": record.ticket_id,
        "ecu": record.ecu,
        "image": record.image,
        "state": report.state,
        "step": report.step,
        "segment": report.segment,
        "segments": report.segments,
        "block": report.block,
        "blocks": report.blocks,
        "transferred": report.transferred,
        "total": report.total,
        "bytes_per_second": report.rate,
        "image_at_connector": report.image,
        "restarts": report.restarts,
        "seed": report.seed.hex().upper() or None,
        "security_level": report.level or None,
        "failure": report.failure or None,
        "detail": report.detail or None,
        "safe": report.safe if JobState(report.state) in FINAL else None,
        "result": record.result,
        "result_size": report.result_size or None,
        "created_at": record.created_at.isoformat(),
    }
