"""The audit trail: rows are added, never changed or taken away."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import Connection, insert, select

from gateway.storage.tables.identity import audit


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One thing that was done to an account, a key or a grant.

    Attributes:
        at: when, UTC.
        action: dotted name, ``connector.key_rotated``.
        actor: who did it: ``cli``, ``operator:...``, ``connector:...``.
        subject: what it was done to, same form.
        tenant_id: the garage it concerns.
        address: network address it came from.
        detail: further facts; never a secret, nor its hash.
    """

    at: datetime
    action: str
    actor: str
    subject: str
    tenant_id: int | None = None
    address: str | None = None
    detail: Mapping[str, str | int | None] = field(default_factory=dict)


def record(connection: Connection, entry: AuditEntry) -> None:
    """Add ``entry`` in the caller's transaction."""
    connection.execute(
        insert(audit).values(
            at=entry.at,
            action=entry.action,
            actor=entry.actor,
            subject=entry.subject,
            tenant_id=entry.tenant_id,
            address=entry.address,
            detail=dict(entry.detail),
        )
    )


def newest(
    connection: Connection, subject: str | None = None, limit: int = 100
) -> tuple[AuditEntry, ...]:
    """Return the newest entries, newest first; all of them or those about ``subject``."""
    query = select(audit).order_by(audit.c.id.desc()).limit(limit)
    if subject is not None:
        query = query.where(audit.c.subject == subject)
    return tuple(
        AuditEntry(
            at=row.at,
            action=row.action,
            actor=row.actor,
            subject=row.subject,
            tenant_id=row.tenant_id,
            address=row.address,
            detail=row.detail,
        )
        for row in connection.execute(query)
    )
