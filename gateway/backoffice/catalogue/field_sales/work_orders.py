"""Field sales: work orders."""

from __future__ import annotations

from gateway.backoffice.catalogue.field_sales.acts import OBJECT, many, on_all, removal
from gateway.backoffice.catalogue.field_sales.cells import NAME, NOTES, Cell, later, words
from gateway.backoffice.catalogue.field_sales.sheet import Rules, nouns, sheet
from gateway.backoffice.kinds import Flag, Ref, Whole
from gateway.backoffice.moments import Moment
from gateway.backoffice.nested import Many, Part
from gateway.backoffice.profiles.field_sales import META, PAGING
from gateway.backoffice.rules.field_sales import approvals, categories

FIELD_ORDER = sheet(
    "/workorder",
    META,
    "Workorder",
    {
        "title": Cell(NAME, also=("name",)),
        "description": NOTES,
        "priority": Cell(
            words("low", "medium", "high", "urgent"), find=True, also=("priority_human",)
        ),
        "status": Cell(NAME, find=True),
        "assignedTo": Cell(Ref("rep"), also=("assigned_to",)),
        "client": Ref("customer"),
        "asset": Cell(Ref("asset"), also=("assets",)),
        "category": Cell(Ref("field_category"), also=("workorder_categories",)),
        "dueDate": Cell(Moment(), also=("due_date",), spans=("due_date",)),
    },
    name="field_order",
    dated=("createdAt",),
)

FIELD_REQUEST = sheet(
    "/workorder-request",
    META,
    "WorkorderRequest",
    {
        "title": Cell(NAME, also=("name",)),
        "description": NOTES,
        "priority": Cell(
            words("low", "medium", "high", "urgent"), find=True, also=("priority_human",)
        ),
        "requestedBy": Cell(NAME, also=("creator._id",)),
        "client": Ref("customer"),
        "asset": Cell(Ref("asset"), also=("assets",)),
        "category": Cell(Ref("field_category"), also=("workorder_categories",)),
        "status": later(NAME, find=True),
    },
    name="field_request",
    rules=Rules(change=approvals.change_work_request),
    dated=("createdAt",),
)

FIELD_CATEGORY = sheet(
    "/workorder-category",
    PAGING,
    "WorkorderCategory",
    {
        "name": Cell(NAME, must=True),
        "description": NOTES,
        "code": NAME,
        "parent_category": Ref("field_category"),
        "color": NAME,
        "icon": NAME,
        "priority_level": Cell(Whole(1, 5), default=3),
        "estimated_duration": Whole(),
        "required_skills": Many(NAME),
        "default_assignee": NAME,
        "notification_settings": Part(
            {
                "notify_on_creation": Flag(),
                "notify_on_completion": Flag(),
                "escalation_time": Whole(),
            }
        ),
        "approval_required": Cell(Flag(), default=False),
        "custom_fields": Many(
            Part(
                {
                    "field_name": NAME,
                    "field_type": words("text", "number", "date", "select", "checkbox"),
                    "is_required": Flag(),
                    "options": Many(NAME),
                }
            )
        ),
        "sla_settings": Part(
            {"response_time": Whole(), "resolution_time": Whole(), "business_hours_only": Flag()}
        ),
        "sort_order": Cell(Whole(), default=0),
        "disabled": Cell(Flag(), default=False, find=True),
    },
    name="field_category",
    rules=Rules(change=categories.change, remove=categories.remove),
)

RESOURCES = (
    FIELD_ORDER,
    FIELD_REQUEST,
    FIELD_CATEGORY,
)
NOUNS = nouns(*RESOURCES)

ACTIONS = (
    removal(FIELD_CATEGORY, "bulkDeleteWorkorderCategories"),
    on_all(
        "/workorder-category/hierarchy",
        "getWorkorderCategoryTree",
        categories.tree,
        "Show categories as a tree",
        method="GET",
        shows=many(OBJECT),
    ),
)
