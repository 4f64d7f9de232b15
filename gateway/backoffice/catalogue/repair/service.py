"""Warranty and service levels (contracts/repair.yaml, Warranty, SLA)."""

from __future__ import annotations

from gateway.backoffice.access import ADMINS
from gateway.backoffice.action import Action, in_shop, verb
from gateway.backoffice.catalogue.repair.shapes import (
    AMOUNT,
    OPEN,
    TEXT,
    WHOLE,
    column_of,
    members,
)
from gateway.backoffice.kinds import Text
from gateway.backoffice.nouns.desk import (
    SLA_BREACH,
    SLA_POLICY,
    WARRANTY_CLAIM,
    WARRANTY_POLICY,
)
from gateway.backoffice.profiles.repair import PAGED, REPAIR
from gateway.backoffice.profiles.repair import WHOLE as BARE
from gateway.backoffice.resource import (
    EVERYTHING,
    Computed,
    Field,
    Filter,
    Input,
    Operation,
    Resource,
    Row,
    Shape,
    Write,
    to_one,
)
from gateway.backoffice.rules import service_levels, warranty

_ADMIN_WRITES = dict.fromkeys((Operation.CREATE, Operation.CHANGE, Operation.REMOVE), ADMINS)
_ALL_BUT_READ = EVERYTHING - {Operation.READ}


def _order(row: Row) -> object:
    order = row.one("work_order")
    if order is None:
        return {}
    return {name: order.values[name] for name in ("id", "ticket_no", "status")}


CLAIMS = Resource(
    name="warranty_claim",
    profile=PAGED,
    path="/v1/warranty",
    aliases=("/v1/warranty/claims",),
    shape=Shape(
        "WarrantyClaim",
        WARRANTY_CLAIM,
        (
            Field("id"),
            Field("status", write=Write.NEVER),
            Field("work_order_id", required=True, write=Write.CREATE),
            Computed("work_order", OPEN, _order),
            Field("description", required=True),
            Field("claimed_at"),
            Field("rejection_reason", write=Write.NEVER),
            Field("warranty_work_order_id", write=Write.NEVER),
            Field("created_at"),
        ),
        (to_one("work_order", "work_order"),),
    ),
    ability="warranty",
    module="warranty",
    operations=EVERYTHING - {Operation.REMOVE},
    filters=(Filter("status"),),
    inputs=(Field("metadata", "metadata_", write=Write.CHANGE),),
    create=warranty.claim,
    change=warranty.change,
)

WARRANTY_POLICIES = Resource(
    name="warranty_policy",
    profile=BARE,
    path="/v1/warranty/policies",
    shape=Shape(
        "WarrantyPolicy",
        WARRANTY_POLICY,
        (
            Field("id"),
            Field("name", required=True),
            Field("duration_days", required=True),
            Field("applies_to"),
        ),
    ),
    ability="warranty",
    module="warranty",
    roles=_ADMIN_WRITES,
    operations=_ALL_BUT_READ,
    order=("id",),
)


def _overdue(row: Row) -> object:
    end = row.values["ended_at"] or row.now
    return round((end - row.values["breached_at"]).total_seconds() / 3600, 1)


BREACHES = Resource(
    name="sla_breach",
    profile=PAGED,
    path="/v1/sla/breaches",
    aliases=("/v1/sla",),
    shape=Shape(
        "SlaBreach",
        SLA_BREACH,
        (
            Field("work_order_id"),
            Computed("sla_config", TEXT, column_of("policy", "name")),
            Field("breached_at"),
            Computed("overdue_hours", AMOUNT, _overdue),
            Field("kind"),
        ),
        (to_one("policy", "sla_policy"),),
    ),
    ability="sla",
    module="sla",
    operations=frozenset({Operation.LIST}),
)

SLA_POLICIES = Resource(
    name="sla_policy",
    profile=BARE,
    path="/v1/sla/policies",
    aliases=("/v1/sla/configs",),
    shape=Shape(
        "SlaPolicy",
        SLA_POLICY,
        (
            Field("id"),
            Field("name", required=True),
            Field("response_hours", required=True),
            Field("resolution_hours", required=True),
            Field("applies_to"),
            Field("is_active"),
        ),
    ),
    ability="sla",
    module="sla",
    roles=_ADMIN_WRITES,
    operations=_ALL_BUT_READ,
    order=("id",),
    create=service_levels.create_policy,
    change=service_levels.change_policy,
)

RESOURCES = (CLAIMS, WARRANTY_POLICIES, BREACHES, SLA_POLICIES)

ACTIONS = (
    verb(
        CLAIMS,
        "approveWarrantyClaim",
        "approve",
        warranty.approve,
        summary="Approve a claim and open an order for it",
        answer=members(message=TEXT, warranty_work_order_id=WHOLE),
    ),
    verb(
        CLAIMS,
        "rejectWarrantyClaim",
        "reject",
        warranty.reject,
        summary="Refuse a claim and tell the customer why",
        inputs=(Input("reason", Text(0), required=True),),
        answer=members(message=TEXT, status=TEXT),
    ),
    Action(
        "runSlaCheck",
        REPAIR,
        "POST",
        "/v1/sla/check",
        "Look for missed service levels now",
        members(message=TEXT, new_breaches=WHOLE),
        in_shop(service_levels.run_check),
        ability="sla:write",
        roles=ADMINS,
        module="sla",
        aliases=("/v1/sla/run-check",),
        tag="sla",
    ),
)
