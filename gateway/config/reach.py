"""From where a port can be reached, by whom, and whether that takes TLS."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Iterator
from pathlib import Path
from urllib.parse import urlsplit


def pair_problems(section: str, certificate: Path | None, key: Path | None) -> Iterator[str]:
    """Yield what is missing of a certificate and its key, which go together."""
    if (certificate is None) != (key is None):
        missing = "private_key" if key is None else "certificate"
        yield f"{section}.{missing} is missing: TLS needs certificate and private_key"


def is_loopback(host: str) -> bool:
    """Tell whether this address is reached from this machine alone; names count as not."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def origin_problems(origins: Iterable[str]) -> Iterator[str]:
    """Yield what is no origin as browsers send it: a scheme, a host, perhaps a port."""
    for origin in origins:
        parts = urlsplit(origin)
        plain = f"{parts.scheme}://{parts.netloc}"
        if origin != "*" and (parts.scheme not in {"http", "https"} or origin != plain):
            yield f"http.allowed_origins: {origin!r} is no origin; write https://portal.example"
