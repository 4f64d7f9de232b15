"""From where a port can be reached, and whether that takes TLS."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from pathlib import Path


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
