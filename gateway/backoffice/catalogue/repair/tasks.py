"""Tasks and their board (contracts/repair.yaml, Tasks)."""

from __future__ import annotations

from gateway.backoffice.action import Section, in_shop
from gateway.backoffice.catalogue.repair.shapes import MESSAGE, listed, members
from gateway.backoffice.kinds import Choice, Identifier, Whole
from gateway.backoffice.nouns.desk import TASK, TASK_STATES
from gateway.backoffice.profiles.repair import PAGED, REPAIR
from gateway.backoffice.reading import show_all
from gateway.backoffice.resource import Field, Filter, Input, Resource, Shape, Write
from gateway.backoffice.rules import tasks
from gateway.backoffice.shop import Shop, Values

SHAPE = Shape(
    "Task",
    TASK,
    (
        Field("id"),
        Field("title", required=True),
        Field("description"),
        Field("assigned_to"),
        Field("due_date"),
        Field("status"),
        Field("work_order_id"),
        Field("position", write=Write.NEVER),
        Field("completed_at", write=Write.NEVER),
        Field("created_at"),
    ),
)

TASKS = Resource(
    name="task",
    profile=PAGED,
    path="/v1/tasks",
    shape=SHAPE,
    ability="tasks",
    filters=(Filter("status"), Filter("assigned_to")),
    create=tasks.create,
    change=tasks.change,
    remove=tasks.remove,
)

RESOURCES = (TASKS,)

#: A board of more cards than this is no board any more.
_MOST_CARDS = 1_000


def _board(shop: Shop, _: Values) -> object:
    table = shop.tables["task"]
    shown = shop.select("task").where(table.c.status.in_(tasks.COLUMNS))
    rows = shop.rows(shown.order_by(table.c.position, table.c.id).limit(_MOST_CARDS))
    return tasks.board(show_all(shop, SHAPE, rows))


_SECTION = Section(REPAIR, "tasks")

ACTIONS = (
    _SECTION.action(
        "GET",
        "taskKanban",
        "/v1/tasks/kanban",
        "Tasks by column",
        listed(
            members(
                status={"type": "string", "enum": list(tasks.COLUMNS)},
                tasks=listed({"$ref": "#/components/schemas/Task"}),
            )
        ),
        in_shop(_board, writes=False),
    ),
    _SECTION.action(
        "POST",
        "reorderTask",
        "/v1/tasks/reorder",
        "Put a task at a place of a column",
        MESSAGE,
        in_shop(tasks.reorder),
        inputs=(
            Input("task_id", Identifier(), required=True),
            Input("position", Whole(0), required=True),
            Input("status", Choice(TASK_STATES), required=True),
        ),
    ),
)
