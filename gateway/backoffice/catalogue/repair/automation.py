"""Automation rules (contracts/repair.yaml, Automation Rules)."""

from __future__ import annotations

from gateway.backoffice.access import ADMINS
from gateway.backoffice.action import verb
from gateway.backoffice.catalogue.repair.shapes import FLAG, TEXT, members
from gateway.backoffice.kinds import Choice, Document, Text
from gateway.backoffice.nouns.desk import AUTOMATION_RULE, AUTOMATION_RUN
from gateway.backoffice.profiles.repair import PAGED
from gateway.backoffice.profiles.repair import WHOLE as BARE
from gateway.backoffice.records import Anything, Member, Records
from gateway.backoffice.resource import Field, Operation, Parent, Resource, Shape, Write
from gateway.backoffice.rules import automation
from gateway.backoffice.rules.deeds import DEEDS

_CONDITIONS = Records(
    (
        Member("field", Text(64), required=True),
        Member("operator", Choice(tuple(automation.OPERATORS)), required=True),
        Member("value", Anything()),
    )
)
_ACTIONS = Records(
    (
        Member("type", Choice(tuple(DEEDS)), required=True),
        Member("params", Document(), default={}),
    ),
    minimum=1,
)

RULES = Resource(
    name="automation_rule",
    profile=BARE,
    path="/v1/automation-rules",
    shape=Shape(
        "AutomationRule",
        AUTOMATION_RULE,
        (
            Field("id"),
            Field("name", required=True),
            Field("trigger", required=True),
            Field("conditions", kind=_CONDITIONS),
            Field("actions", kind=_ACTIONS, required=True),
            Field("active"),
            Field("last_run_at", write=Write.NEVER),
        ),
    ),
    ability="automation",
    module="automation",
    roles=dict.fromkeys((Operation.CREATE, Operation.CHANGE, Operation.REMOVE), ADMINS),
    order=("id",),
    create=automation.create,
    change=automation.change,
    remove=automation.remove,
)

RUNS = Resource(
    name="automation_run",
    profile=PAGED,
    path="/v1/automation-rules/{id}/logs",
    aliases=("/v1/automation-rules/{id}/history",),
    item="run_id",
    shape=Shape(
        "AutomationRun",
        AUTOMATION_RUN,
        (Field("ran_at"), Field("outcome"), Field("affected_records"), Field("error")),
    ),
    ability="automation",
    module="automation",
    parent=Parent("automation_rule", "rule_id"),
    operations=frozenset({Operation.LIST}),
)

RESOURCES = (RULES, RUNS)

ACTIONS = (
    verb(
        RULES,
        "toggleAutomationRule",
        "toggle",
        automation.toggle,
        summary="Switch a rule on or off",
        answer=members(active=FLAG, message=TEXT),
        roles=ADMINS,
        also=("PATCH",),
    ),
)
