"""What Alembic runs for each command: on the caller's connection, in the caller's transaction."""

from __future__ import annotations

from typing import Any, Literal

from alembic import context
from alembic.autogenerate.api import AutogenContext
from sqlalchemy import Connection

from gateway.storage import columns
from gateway.storage.full_text import is_declared
from gateway.storage.tables import metadata


# Any: Alembic hands over columns and types of every kind.
def _render(kind: str, item: Any, autogenerate: AutogenContext) -> str | Literal[False]:
    """Name our own column types instead of spelling out what they are made of."""
    name = "Json" if item is columns.Json else _made(item)
    if kind != "type" or name is None:
        return False
    autogenerate.imports.add("from gateway.storage import columns")
    return f"columns.{name}"


def _made(item: object) -> str | None:
    if isinstance(item, columns.Amount):
        return f"Amount({item.places})"
    return "UtcDateTime()" if isinstance(item, columns.UtcDateTime) else None


connection: Connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=metadata,
    # SQLite cannot alter a column; Alembic then copies the table.
    render_as_batch=connection.dialect.name == "sqlite",
    compare_type=True,
    include_name=is_declared,
    render_item=_render,
)
with context.begin_transaction():
    context.run_migrations()
