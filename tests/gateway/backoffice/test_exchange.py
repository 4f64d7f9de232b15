from __future__ import annotations

from typing import Any

import pytest
import structlog

from gateway.backoffice import schema
from gateway.backoffice.sending import Sending

CALLS = [
    {
        "SegmentId": 1,
        "SegmentStartTime": "2026-03-02T08:00:00Z",
        "SegmentEndTime": "2026-03-02T08:02:30Z",
        "SrcCallerNumber": "0612345678",
        "SrcExternal": True,
        "DstDn": "101",
        "CallAnswered": True,
    },
    {
        "SegmentId": 2,
        "SegmentStartTime": "2026-03-02T09:00:00Z",
        "SrcDn": "102",
        "SrcExternal": False,
        "SrcCallerNumber": "102",
        "DstCallerNumber": "+31201234567",
        "CallAnswered": False,
    },
    {"SegmentId": 3, "SegmentStartTime": "yesterday"},
]


@pytest.fixture
def sending(shops: Any, clock: Any, outside: Any) -> Sending:
    return Sending(shops, schema.TABLES, clock, outside, structlog.get_logger())


async def test_the_log_follows_the_exchange(
    repair: Any, sending: Sending, elsewhere: Any, clock: Any
) -> None:
    person = {"first_name": "Jan", "phone": "06-12345678"}
    customer = (await repair.ask("POST", "/customers", json=person))[1]["id"]
    await sending.send_due()
    assert elsewhere.asked == []
    config = {"api_url": elsewhere.url, "api_key": "k"}
    await repair.ask("PUT", "/integrations/3cx", json={"config": config, "is_enabled": True})
    since = (
        "/xapi/v1/CallHistoryView?$filter=SegmentStartTime%20ge%20{}"
        "&$orderby=SegmentStartTime&$top=500"
    )
    elsewhere.answers[since.format("2026-02-23T09%3A30%3A00Z")] = (200, {"value": CALLS})
    await sending.send_due()
    rows = (await repair.ask("GET", "/v1/3cx/calls"))[1]["data"]
    shown = [
        (r["caller"], r["extension"], r["duration_sec"], r["outcome"], r["direction"])
        for r in rows
    ]
    assert shown == [
        ("102", "102", 0, "missed", "outbound"),
        ("0612345678", "101", 150, "answered", "inbound"),
    ]
    assert [row["customer_id"] for row in rows] == [None, customer]
    asked = len(elsewhere.asked)
    await sending.send_due()
    assert len(elsewhere.asked) == asked  # a minute has not passed
    clock.advance(61)
    elsewhere.answers[since.format("2026-03-02T05%3A00%3A00Z")] = (200, {"value": CALLS})
    await sending.send_due()
    assert len(elsewhere.asked) == asked + 2
    assert (await repair.ask("GET", "/v1/3cx/calls"))[1]["total"] == 2


async def test_an_exchange_that_is_away_holds_nothing_up(
    repair: Any, sending: Sending, clock: Any
) -> None:
    config = {"api_url": "http://127.0.0.1:1", "api_key": "k"}
    await repair.ask("PUT", "/integrations/3cx", json={"config": config, "is_enabled": True})
    await sending.send_due()
    assert (await repair.ask("GET", "/v1/3cx/calls"))[1]["total"] == 0
