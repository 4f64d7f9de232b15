"""Full text, each engine's own: FTS5 on SQLite, a GIN index over a ``tsvector`` on PostgreSQL.

What is searched is one ordinary table (:data:`ENTRIES`), written like any other in the business
transaction; its column ``words`` holds words that are already folded (:func:`words_of`), each
behind the scope in which it is found, and parted by single spaces (:func:`scoped`). So a search
reads what its own garage has of one kind, however much others have; with the scope as a word of
its own, it went through all entries of the kind.

Neither metadata nor a revision can say "virtual table", "trigger" or "index of an expression" for
both engines, so they hang on the table's creation: this listener is called by ``create_all`` and
by a revision's ``op.create_table`` alike. Whoever alters the table must make it anew, because a
copy of it would have lost them.

Neither engine's own splitting of words is used (``ascii`` parts at spaces alone, a ``tsvector`` is
made of an array): so both find exactly the same.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable

from sqlalchemy import (
    BindParameter,
    Connection,
    Integer,
    Select,
    Table,
    cast,
    column,
    event,
    func,
    literal_column,
    select,
    table,
)
from sqlalchemy.dialects.postgresql import TSQUERY

#: The table whose ``words`` are searched.
ENTRIES = "backoffice_search_entry"

#: SQLite's virtual table, and a part of the name of all that the engines keep for it.
_INDEX = "backoffice_full_text"

#: Longer words are cut: PostgreSQL takes 2 KiB each, and nobody types more.
LONGEST_WORD = 64

#: Words of one entry; the rest of a long story is not searched.
MOST_WORDS = 1_000

#: Characters of a scope. All are of one length, so that none begins with another, and so that it
#: is known where words begin.
SCOPE_LENGTH = 9

#: Letters of a word up to which SQLite keeps lists for each beginning. Without one it gathers all
#: that begins so before the first is told: 20 ms among 100,000.
_BEGINNINGS = " ".join(str(SCOPE_LENGTH + letters) for letters in range(1, 9))

_SQLITE = (
    f"""
    CREATE VIRTUAL TABLE backoffice_full_text USING fts5(
        words, content='backoffice_search_entry', content_rowid='id',
        tokenize='ascii', prefix='{_BEGINNINGS}', detail='none'
    )
    """,
    """
    CREATE TRIGGER backoffice_full_text_added AFTER INSERT ON backoffice_search_entry BEGIN
        INSERT INTO backoffice_full_text(rowid, words) VALUES (new.id, new.words);
    END
    """,
    """
    CREATE TRIGGER backoffice_full_text_removed AFTER DELETE ON backoffice_search_entry BEGIN
        INSERT INTO backoffice_full_text(backoffice_full_text, rowid, words)
        VALUES ('delete', old.id, old.words);
    END
    """,
    """
    CREATE TRIGGER backoffice_full_text_changed
    AFTER UPDATE OF words ON backoffice_search_entry BEGIN
        INSERT INTO backoffice_full_text(backoffice_full_text, rowid, words)
        VALUES ('delete', old.id, old.words);
        INSERT INTO backoffice_full_text(rowid, words) VALUES (new.id, new.words);
    END
    """,
)

_POSTGRESQL = (
    """
    CREATE INDEX ix_backoffice_full_text ON backoffice_search_entry
    USING gin (array_to_tsvector(string_to_array(words, ' ')))
    """,
)


def words_of(written: str) -> list[str]:
    """Return the words of a text, folded: neither case nor accents tell them apart."""
    plain = unicodedata.normalize("NFKD", written[: LONGEST_WORD * MOST_WORDS].casefold())
    kept = (c if c.isalnum() else " " for c in plain if not unicodedata.combining(c))
    return [word[:LONGEST_WORD] for word in "".join(kept).split()][:MOST_WORDS]


def scoped(scope: str, words: Iterable[str]) -> str:
    """Return what an entry's ``words`` holds, each word once; ``scope`` is lower case and digits.

    Raises:
        ValueError: the scope is not of the one length.
    """
    if len(scope) != SCOPE_LENGTH:
        raise ValueError(f"a scope of {SCOPE_LENGTH} characters, not {scope!r}")
    return " ".join(scope + word for word in list(dict.fromkeys(words))[:MOST_WORDS])


def newest(
    dialect: str, entries: Table, asked: BindParameter[str], most: int
) -> Select[tuple[int]]:
    """Return the query for the ids of the entries that hold what is asked for, newest first.

    Args:
        dialect: the engine's name.
        entries: the table :data:`ENTRIES`.
        asked: as :func:`expression` makes it; a parameter, so that the query is built once.
        most: ids at most.
    """
    if dialect == "sqlite":
        index = table(_INDEX, column("rowid", Integer), column(_INDEX))
        found = select(index.c.rowid).where(index.c[_INDEX].op("MATCH")(asked))
        return found.order_by(index.c.rowid.desc()).limit(most)
    vector = func.array_to_tsvector(func.string_to_array(entries.c.words, literal_column("' '")))
    holds = vector.op("@@", is_comparison=True)(cast(asked, TSQUERY))
    return select(entries.c.id).where(holds).order_by(entries.c.id.desc()).limit(most)


def expression(dialect: str, scope: str, prefixes: list[str]) -> str:
    """Say in the engine's words: entries of ``scope``, each prefix begins some word of theirs.

    Args:
        dialect: the engine's name.
        scope: as it was given to :func:`scoped`.
        prefixes: as :func:`words_of` makes them.
    """
    if dialect == "sqlite":
        return " AND ".join(f'"{scope}{prefix}" *' for prefix in prefixes)
    return " & ".join(f"'{scope}{prefix}':*" for prefix in prefixes)


def is_declared(name: str | None, _kind: str, _parents: object) -> bool:
    """Tell whether a table or index of a database belongs into metadata (for Alembic)."""
    return name is None or _INDEX not in name


@event.listens_for(Table, "after_create")
def _created(target: Table, connection: Connection, **_: object) -> None:
    if target.name != ENTRIES:
        return
    sqlite = connection.dialect.name == "sqlite"
    for statement in _SQLITE if sqlite else _POSTGRESQL:
        connection.exec_driver_sql(statement)


@event.listens_for(Table, "after_drop")
def _dropped(target: Table, connection: Connection, **_: object) -> None:
    """Remove what SQLite keeps beside the table; triggers and indexes went with it."""
    if target.name == ENTRIES and connection.dialect.name == "sqlite":
        connection.exec_driver_sql(f"DROP TABLE IF EXISTS {_INDEX}")
