"""Where a request comes from, for throttling and the audit trail."""

from __future__ import annotations

import ipaddress

from quart import Request, Websocket


def client_address(request: Request | Websocket, trusted_proxies: int) -> str:
    """Return the network address of the client behind ``trusted_proxies`` proxies of ours.

    Each of our proxies appends the address it saw to ``X-Forwarded-For``. What stands further to
    the left was sent by the client and proves nothing.
    """
    peer = request.scope.get("client")
    address = str(peer[0]) if peer else "unknown"
    if trusted_proxies == 0:
        return address
    forwarded = ",".join(request.headers.getlist("X-Forwarded-For")).split(",")
    if len(forwarded) < trusted_proxies:
        return address
    claimed = forwarded[-trusted_proxies].strip()
    return claimed if _is_address(claimed) else address


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True
