"""Queries, one module per aggregate: ``(connection, ...) -> frozen record``; no I/O otherwise."""
