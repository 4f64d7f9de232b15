"""Where other services call us: one address for each garage and service."""

from __future__ import annotations

from gateway.backoffice.outside import Outside
from gateway.backoffice.profiles.repair import REPAIR

#: Below the repair API's mount.
PATH = "/hooks/{garage_id}"


def callback(outside: Outside, tenant_id: int, service: str) -> str:
    """Return the address that a service is told to call; without host when none is known."""
    path = PATH.format(garage_id=tenant_id)
    return f"{outside.public_url}{REPAIR.mount}{path}/{service}"
