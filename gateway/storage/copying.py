"""Everything of one database into another, of whichever engine: how a gateway outgrows SQLite.

All of it arrives in one transaction or none does, so that a copy that was interrupted can simply
be begun again. The source is read as it stood when the copy began (SQLite's WAL and PostgreSQL's
``REPEATABLE READ`` give one snapshot); what a gateway that still runs writes meanwhile is not in
it, so stop the gateway first.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from sqlalchemy import Connection, Engine, Table, bindparam, func, select
from sqlalchemy.exc import ArgumentError, SQLAlchemyError

from gateway.storage.engine import make_engine, without_time_limit
from gateway.storage.migrations.schema import SchemaError, check_engine, upgrade_engine
from gateway.storage.tables import load_all

#: Rows read and written at a time: some 100 KiB.
_BATCH = 500


class CopyError(Exception):
    """Nothing was copied; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class Copied:
    """How far a copy is.

    Attributes:
        table: the table whose rows were written last.
        rows: rows written so far, of all tables.
        total: rows there are.
    """

    table: str
    rows: int
    total: int


def copy_between(source: str, target: str, tell: Callable[[Copied], None]) -> int:
    """As :func:`copy_database`, by addresses; whatever the engines say is a :class:`CopyError`."""
    try:
        engines = make_engine(source), make_engine(target)
    except (ArgumentError, ValueError) as problem:
        raise CopyError(f"This is no address of a database: {problem}.") from problem
    try:
        return copy_database(*engines, tell)
    except SQLAlchemyError as problem:
        raise CopyError(f"Nothing was copied: {problem}") from problem
    finally:
        for engine in engines:
            engine.dispose()


def copy_database(source: Engine, target: Engine, tell: Callable[[Copied], None]) -> int:
    """Copy every row from ``source`` to ``target`` and return how many there were; blocking.

    Args:
        source: at this program's newest revision.
        target: has no rows; its tables are made if need be.
        tell: called after each batch.

    Raises:
        CopyError: the source is of another revision, the target has rows, or the two do not have
            the same number of rows afterwards.
    """
    _check_source(source)
    _prepare(target)
    tables = load_all().sorted_tables
    with _snapshot(source) as reader, target.begin() as writer:
        if writer.dialect.name == "sqlite":
            writer.exec_driver_sql("BEGIN IMMEDIATE")
        for connection in (reader, writer):
            without_time_limit(connection)
        _check_empty(writer, tables)
        counts = {table: _count(reader, table) for table in tables}
        done, total = 0, sum(counts.values())
        for table in tables:
            for written in _copy_table(reader, writer, table):
                done += written
                tell(Copied(table.name, done, total))
            _check_count(writer, table, counts[table])
            _advance_numbers(writer, table)
    return done


def _check_source(source: Engine) -> None:
    if not check_engine(source).is_newest:
        raise CopyError("The source is not at this program's revision: run `gateway db upgrade`.")


def _prepare(target: Engine) -> None:
    try:
        upgrade_engine(target)
    except SchemaError as problem:
        raise CopyError(str(problem)) from problem


def _snapshot(source: Engine) -> Connection:
    connection = source.connect()
    if connection.dialect.name == "sqlite":
        # A transaction begins with its first reading, and sees nothing later.
        connection.exec_driver_sql("BEGIN")
        return connection
    return connection.execution_options(isolation_level="REPEATABLE READ")


def _check_empty(writer: Connection, tables: Iterable[Table]) -> None:
    filled = [table.name for table in tables if _count(writer, table)]
    if filled:
        raise CopyError(
            f"The target has rows in {', '.join(filled[:5])}: copy into an empty database."
        )


def _count(connection: Connection, table: Table) -> int:
    return connection.execute(select(func.count()).select_from(table)).scalar_one()


def _check_count(writer: Connection, table: Table, expected: int) -> None:
    found = _count(writer, table)
    if found != expected:
        raise CopyError(f"{table.name}: {found} of {expected} rows arrived; nothing was copied.")


def _copy_table(reader: Connection, writer: Connection, table: Table) -> Iterable[int]:
    """Write the rows in the order of their keys; yield how many, a batch at a time.

    A row may point to a later one of its own table: such columns are filled in at the end.
    """
    own = _columns_to_itself(table)
    pending: list[dict[str, object]] = []
    result = reader.execution_options(yield_per=_BATCH).execute(
        select(table).order_by(*table.primary_key)
    )
    for batch in result.mappings().partitions():
        rows = [dict(row) for row in batch]
        pending += [_kept_back(table, own, row) for row in rows if any(row[c] for c in own)]
        writer.execute(table.insert(), [row | dict.fromkeys(own) for row in rows])
        yield len(rows)
    if pending:
        keys = [column == bindparam(f"key_{column.name}") for column in table.primary_key]
        writer.execute(
            table.update().where(*keys).values({name: bindparam(f"to_{name}") for name in own}),
            pending,
        )


def _columns_to_itself(table: Table) -> list[str]:
    return [key.parent.name for key in table.foreign_keys if key.column.table is table]


def _kept_back(table: Table, own: list[str], row: dict[str, object]) -> dict[str, object]:
    keys: dict[str, object] = {f"key_{c.name}": row[c.name] for c in table.primary_key}
    return keys | {f"to_{name}": row[name] for name in own}


def _advance_numbers(writer: Connection, table: Table) -> None:
    """Let PostgreSQL go on counting behind the highest number; SQLite does so by itself."""
    column = table.autoincrement_column
    if writer.dialect.name != "postgresql" or column is None:
        return
    highest = func.max(column)
    sequence = func.pg_get_serial_sequence(table.name, column.name)
    writer.execute(select(func.setval(sequence, highest)).having(highest.is_not(None)))
