"""What the back office needs of ``gateway.identity``, as an interface beside its user."""

from __future__ import annotations

from typing import Protocol

from gateway.domain.principal import ShopPrincipal


class ShopDesk(Protocol):
    """Knows a garage's people and their API tokens."""

    async def shop(self, api: str, token: str) -> ShopPrincipal:
        """Return whose token it is, or raise ``Unauthorized``."""
        ...
