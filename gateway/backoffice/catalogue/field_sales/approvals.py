"""Field sales: approvals."""

from __future__ import annotations

from gateway.backoffice.catalogue.field_sales.sheet import (
    NAME,
    NOTES,
    SUM,
    Rules,
    first,
    later,
    nouns,
    own,
    sheet,
    words,
)
from gateway.backoffice.kinds import Ref
from gateway.backoffice.moments import Moment
from gateway.backoffice.nested import Many
from gateway.backoffice.profiles.field_sales import META
from gateway.backoffice.rules.field_sales import approvals

APPROVAL_REQUEST = sheet(
    "/approval-request",
    META,
    "ApprovalRequest",
    {
        "title": NAME,
        "description": NOTES,
        "requestedBy": first(NAME),
        "entity": first(NAME),
        "entityId": first(NAME),
        "approvers": Many(NAME),
        "requiredApprovals": SUM,
        "currentApprovals": own(SUM),
        "dueDate": Moment(),
        "priority": words("low", "medium", "high", "urgent"),
        "status": later(NAME, find=True),
    },
    name="approval_request",
    rules=Rules(approvals.create_request, approvals.change_request),
)

APPROVAL = sheet(
    "/approvals",
    META,
    "Approval",
    {
        "approvalRequest": first(Ref("approval_request")),
        "approver": first(NAME),
        "decision": words("approved", "rejected"),
        "comments": NOTES,
        "signedAt": Moment(),
    },
    name="approval",
    rules=Rules(approvals.decide, approvals.change_decision),
)

RESOURCES = (
    APPROVAL_REQUEST,
    APPROVAL,
)
NOUNS = nouns(*RESOURCES)
