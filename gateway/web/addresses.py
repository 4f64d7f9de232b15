"""Where clients reach this server."""

from __future__ import annotations

from quart import request


def absolute(public_url: str, path: str) -> str:
    """Return ``path`` as an address that the current request's client can follow.

    Args:
        public_url: of the proxy in front, as configured; empty means the address that was asked.
        path: path and query, with the leading slash.
    """
    return f"{(public_url or request.host_url).rstrip('/')}{path}"
