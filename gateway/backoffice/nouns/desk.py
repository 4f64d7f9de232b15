"""What keeps the desk going: tasks, notices, tutorials, rules, service levels, warranty."""

from __future__ import annotations

from gateway.backoffice.kinds import Choice, Document, Flag, Ref, Text, Whole
from gateway.backoffice.moments import Day, Moment
from gateway.backoffice.noun import Column, Noun
from gateway.backoffice.records import Anything

TASK_STATES = ("open", "in_progress", "done", "cancelled")
NOTICE_TYPES = ("work_order", "invoice", "task", "sla", "customer", "system")

TASK = Noun(
    "task",
    (
        Column("title", Text(255), null=False),
        Column("description", Text(0)),
        Column("assigned_to", Ref("shop_user")),
        Column("due_date", Day()),
        Column("status", Choice(TASK_STATES), null=False, default="open", index=True),
        Column("work_order_id", Ref("work_order")),
        # From 0 within its column of the board, without gaps.
        Column("position", Whole(0), null=False, default=0),
        Column("completed_at", Moment()),
    ),
)

NOTIFICATION = Noun(
    "notification",
    (
        Column("user_id", Ref("shop_user"), null=False),
        Column("type", Choice(NOTICE_TYPES), null=False, index=True),
        Column("title", Text(255), null=False),
        Column("body", Text(0), null=False, default=""),
        Column("read_at", Moment(), index=True),
        Column("link", Text(255)),
    ),
    # Who looks at their notices, and how many are unread, which is asked all the time.
    indexes=(("user_id", "type"), ("user_id", "read_at")),
)

NOTIFICATION_PREFERENCE = Noun(
    "notification_preference",
    (
        Column("user_id", Ref("shop_user"), null=False),
        Column("key", Text(64), null=False),
        Column("channels", Document(texts=True), null=False),
    ),
    unique=(("user_id", "key"),),
)

TUTORIAL = Noun(
    "tutorial",
    (
        Column("key", Text(64), null=False, unique=True),
        Column("title", Text(255), null=False),
        Column("role", Text(16), null=False),
    ),
)

TUTORIAL_STEP = Noun(
    "tutorial_step",
    (
        Column("tutorial_id", Ref("tutorial"), null=False),
        Column("position", Whole(1), null=False),
        Column("title", Text(255), null=False),
        Column("body", Text(0), null=False),
    ),
)

TUTORIAL_DONE = Noun(
    "tutorial_done",
    (
        Column("user_id", Ref("shop_user"), null=False),
        Column("step_id", Ref("tutorial_step"), null=False),
    ),
    unique=(("user_id", "step_id"),),
)

TUTORIAL_SETTING = Noun(
    "tutorial_setting",
    (
        Column("user_id", Ref("shop_user"), null=False, unique=True),
        Column("tutorials_enabled", Flag(), null=False, default=True),
        Column("completed_onboarding", Flag(), null=False, default=False),
        Column("dismissed_hints", Document(texts=True)),
    ),
)

AUTOMATION_RULE = Noun(
    "automation_rule",
    (
        Column("name", Text(255), null=False),
        Column("trigger", Text(32), null=False, index=True),
        Column("conditions", Anything(), null=False),
        Column("actions", Anything(), null=False),
        Column("active", Flag(), null=False, default=True, index=True),
        Column("last_run_at", Moment()),
    ),
)

AUTOMATION_RUN = Noun(
    "automation_run",
    (
        Column("rule_id", Ref("automation_rule"), null=False),
        Column("ran_at", Moment(), null=False),
        Column("outcome", Text(16), null=False),
        Column("affected_records", Whole(0), null=False, default=0),
        Column("error", Text(0)),
    ),
)

SLA_POLICY = Noun(
    "sla_policy",
    (
        Column("name", Text(255), null=False),
        Column("response_hours", Whole(1, 100_000), null=False),
        Column("resolution_hours", Whole(1, 100_000), null=False),
        # A priority (``high``) or nothing: then it is for all that no other is for.
        Column("applies_to", Text(64)),
        Column("is_active", Flag(), null=False, default=True),
    ),
    soft=True,
)

SLA_BREACH = Noun(
    "sla_breach",
    (
        Column("work_order_id", Ref("work_order"), null=False),
        Column("policy_id", Ref("sla_policy"), null=False),
        Column("kind", Choice(("response", "resolution")), null=False),
        Column("breached_at", Moment(), null=False, index=True),
        # When the clock was stopped at last; empty while it runs.
        Column("ended_at", Moment()),
    ),
    unique=(("work_order_id", "kind"),),
)

WARRANTY_POLICY = Noun(
    "warranty_policy",
    (
        Column("name", Text(255), null=False),
        Column("duration_days", Whole(1, 36_500), null=False),
        Column("applies_to", Text(64)),
    ),
    soft=True,
)

WARRANTY_CLAIM = Noun(
    "warranty_claim",
    (
        Column("work_order_id", Ref("work_order"), null=False),
        Column(
            "status",
            Choice(("pending", "approved", "rejected")),
            null=False,
            default="pending",
            index=True,
        ),
        Column("description", Text(0), null=False),
        Column("claimed_at", Day(), null=False),
        Column("rejection_reason", Text(0)),
        Column("warranty_work_order_id", Ref("work_order")),
        # The term it was judged by, whatever becomes of the policy.
        Column("duration_days", Whole(1), null=False),
        Column("metadata_", Document()),
    ),
)

NOUNS = (
    TASK,
    NOTIFICATION,
    NOTIFICATION_PREFERENCE,
    TUTORIAL,
    TUTORIAL_STEP,
    TUTORIAL_DONE,
    TUTORIAL_SETTING,
    AUTOMATION_RULE,
    AUTOMATION_RUN,
    SLA_POLICY,
    SLA_BREACH,
    WARRANTY_POLICY,
    WARRANTY_CLAIM,
)
