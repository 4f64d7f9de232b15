"""Alembic owns the schema.

    schema     upgrade to the newest revision, compare with the tables, write a revision
    env        what Alembic runs; takes its connection from ``schema``
    versions/  the revisions, oldest first; never edited once released

There is no ``alembic.ini``: revisions travel inside the package, and the connection is the
caller's. Adding a table means: declare it in ``storage.tables``, write a revision with
``schema.write_revision``, read what it wrote, commit both together.
"""
