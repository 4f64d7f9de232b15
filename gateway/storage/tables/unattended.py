"""Services carried out without an operator: how far each has come, whoever goes on with it."""

from __future__ import annotations

from sqlalchemy import Column, ForeignKey, Index, Integer, String, Table, Text

from gateway.storage.columns import Json, UtcDateTime
from gateway.storage.tables import metadata

#: One row for each ticket that a service has taken on; it stays when the service is done.
unattended_run = Table(
    "unattended_run",
    metadata,
    Column("ticket_id", Integer, ForeignKey("ticket.id"), primary_key=True),
    # running, finished, handed_over, stopped
    Column("state", String(16), nullable=False),
    # What is to be done, hashed: declarations may be others after a restart.
    Column("plan", String(64), nullable=False),
    Column("step", Integer, nullable=False),
    Column("steps", Integer, nullable=False),
    # What it does at this moment, for people.
    Column("label", String(200), nullable=False),
    # What the finished steps found: a list of objects.
    Column("results", Json, nullable=False),
    # What was found before the step that is going changed anything.
    Column("memo", Json, nullable=False),
    Column("reason", Text),
    # Who carries it out, and until when nobody else may.
    Column("claimed_by", String(32), nullable=False),
    Column("claimed_until", UtcDateTime, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("updated_at", UtcDateTime, nullable=False),
    Column("finished_at", UtcDateTime),
    Index("ix_unattended_run_state_claimed_until", "state", "claimed_until"),
)
