"""Revisions of the schema, as Alembic writes them."""
