"""Tasks on a board: columns by status, positions from 0 without gaps."""

from __future__ import annotations

from gateway.backoffice.nouns.desk import TASK_STATES
from gateway.backoffice.refusal import wrong_field
from gateway.backoffice.rules.notices import notify
from gateway.backoffice.shop import Shop, Values

#: What the board shows; cancelled tasks are off it.
COLUMNS = tuple(state for state in TASK_STATES if state != "cancelled")


def create(shop: Shop, values: Values) -> int:
    """Store a task at the end of its column."""
    status = values.get("status") or "open"
    position = {"status": status, "position": len(_column(shop, status))}
    task_id = shop.insert("task", values | position | _stamp(shop, status))
    _tell(shop, values.get("assigned_to"), values["title"], task_id)
    return task_id


def change(shop: Shop, row: Values, values: Values) -> None:
    """Change a task; in another column it goes to the end."""
    status = values.pop("status", None)
    if values:
        shop.change("task", row["id"], values)
    if status is not None and status != row["status"]:
        _place(shop, row, status, len(_column(shop, status)))
    assignee = values.get("assigned_to")
    if assignee is not None and assignee != row["assigned_to"]:
        _tell(shop, assignee, values.get("title") or row["title"], row["id"])


def remove(shop: Shop, row: Values) -> None:
    """Remove a task; those below it move up."""
    shop.remove("task", row["id"])
    _number(shop, _column(shop, row["status"]))


def reorder(shop: Shop, values: Values) -> object:
    """Put a task at a place of a column; beyond the end is the end."""
    row = shop.find("task", id=values["task_id"])
    if row is None:
        raise wrong_field("task_id", "is invalid.")
    _place(shop, row, values["status"], values["position"])
    return {"message": "Task moved."}


def board(shown: list[Values]) -> list[Values]:
    """Return the columns with ``shown`` tasks in them; empty columns stay."""
    ordered = sorted(shown, key=lambda task: (task["position"], task["id"]))
    return [
        {"status": status, "tasks": [task for task in ordered if task["status"] == status]}
        for status in COLUMNS
    ]


def _place(shop: Shop, row: Values, status: str, position: int) -> None:
    others = [task for task in _column(shop, status) if task["id"] != row["id"]]
    shop.change("task", row["id"], {"status": status} | _stamp(shop, status, row))
    # Its old place says nothing here: whatever it is, the new one is written.
    others.insert(min(position, len(others)), row | {"position": -1})
    _number(shop, others)
    if status != row["status"]:
        _number(shop, _column(shop, row["status"]))


def _column(shop: Shop, status: str) -> list[Values]:
    table = shop.tables["task"]
    query = shop.select("task").where(table.c.status == status)
    return shop.rows(query.order_by(table.c.position, table.c.id).with_for_update())


def _number(shop: Shop, tasks: list[Values]) -> None:
    for position, task in enumerate(tasks):
        if task["position"] != position:
            shop.change("task", task["id"], {"position": position})


def _stamp(shop: Shop, status: str, row: Values | None = None) -> Values:
    done_before = row is not None and row["status"] == "done"
    if status != "done":
        return {"completed_at": None}
    return {} if done_before else {"completed_at": shop.now}


def _tell(shop: Shop, user_id: int | None, title: str, task_id: int) -> None:
    notify(shop, [user_id], "task_assigned", "A task for you", title, f"/v1/tasks/{task_id}")
