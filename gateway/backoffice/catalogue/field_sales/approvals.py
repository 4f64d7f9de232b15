"""Field sales: approvals."""

from __future__ import annotations

from gateway.backoffice.catalogue.field_sales.cells import (
    NAME,
    NOTES,
    SUM,
    Cell,
    first,
    later,
    own,
    words,
)
from gateway.backoffice.catalogue.field_sales.sheet import Rules, nouns, sheet
from gateway.backoffice.kinds import Ref
from gateway.backoffice.moments import Moment
from gateway.backoffice.nested import Many
from gateway.backoffice.profiles.field_sales import META
from gateway.backoffice.resource import Write
from gateway.backoffice.rules.field_sales import approvals

APPROVAL_REQUEST = sheet(
    "/approval-request",
    META,
    "ApprovalRequest",
    {
        "title": NAME,
        "description": NOTES,
        "requestedBy": Cell(NAME, write=Write.CREATE, also=("creator", "creator._id")),
        "entity": Cell(NAME, write=Write.CREATE, also=("document_type", "type")),
        "entityId": Cell(NAME, write=Write.CREATE, also=("document_id",)),
        "approvers": Many(NAME),
        "requiredApprovals": SUM,
        "currentApprovals": own(SUM),
        "dueDate": Moment(),
        "priority": words("low", "medium", "high", "urgent"),
        "status": later(NAME, find=True),
    },
    name="approval_request",
    rules=Rules(approvals.create_request, approvals.change_request),
    dated=("createdAt", "time"),
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
