"""Approvals that nobody gave in time."""

from __future__ import annotations

from typing import Any

import pytest
import structlog

from gateway.backoffice import schema
from gateway.backoffice.jobs import Jobs
from tests.gateway.backoffice.desk import Desk


@pytest.mark.slow
async def test_requests_expire_after_their_day(desk: Desk, shops: Any, clock: Any) -> None:
    jobs = Jobs(shops, schema.TABLES, clock, structlog.get_logger())
    late, later = [
        await desk.make("/approval-request", entity="refund", approvers=["ann"], dueDate=day)
        for day in ("2026-03-02T10:00:00Z", "2026-03-03T10:00:00Z")
    ]
    clock.advance(3600.0)
    await jobs.run_due()
    shown = [await desk.see(f"/approval-request/{one['_id']}") for one in (late, later)]
    assert [one["status"] for one in shown] == ["expired", "pending"]
    own = {"approver": "ann", "decision": "approved"}
    refused = {"approvalRequest": late["_id"]} | own
    assert (await desk.door.ask("POST", "/approvals", json=refused))[0] == 422
    status, _ = await desk.door.ask(
        "POST", "/approvals", json=own | {"approvalRequest": later["_id"]}
    )
    assert status == 201
