"""Queries, one module per aggregate: ``(connection, ...) -> frozen record``, no I/O of their own."""
