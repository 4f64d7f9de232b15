"""Where things are kept: tables, queries, migrations, files.

    database   the one door to SQL: worker threads behind a limiter, ``read`` and ``write``
    engine     the engines' pragmas and limits, and what counts as an outage
    gauges     how busy the door is, on ``/metrics``
    columns    column types that mean the same on SQLite and PostgreSQL
    tables/    one module per aggregate, SQLAlchemy Core on one ``metadata``
    queries/   same names; plain functions ``(connection, ...) -> frozen record``
    migrations Alembic owns the schema

May import ``runtime``, ``domain`` and ``config``. SQLAlchemy appears here and in ``backoffice``
only; what a query returns is a frozen record, never a row or a session.
"""
