"""Who may do what: the caller's role, then the token's abilities. Tenancy is in ``shop``."""

from __future__ import annotations

from gateway.backoffice.resource import Operation, Resource
from gateway.domain.errors import Forbidden
from gateway.domain.principal import ShopPrincipal

#: The ability that stands for all.
EVERYTHING = "*"


def check_access(caller: ShopPrincipal, resource: Resource, operation: Operation) -> None:
    """Refuse what the caller's role or token does not allow.

    Raises:
        Forbidden: with a code of its own for each of the two reasons.
    """
    roles = resource.roles.get(operation)
    if roles is not None and caller.role not in roles:
        allowed = ", ".join(sorted(roles))
        raise Forbidden(
            "backoffice.role",
            f"Your role ({caller.role}) may not do this. These may: {allowed}.",
        )
    check_ability(caller, f"{resource.ability}:{operation.verb}")


def check_ability(caller: ShopPrincipal, needed: str) -> None:
    """Refuse a token that lacks ``needed`` (``customers:read``); raises ``Forbidden``."""
    if not covers(caller.abilities, needed):
        raise Forbidden(
            "backoffice.ability",
            f"This token lacks the ability {needed}. Use one that has it.",
        )


def covers(abilities: frozenset[str], needed: str) -> bool:
    """Tell whether ``abilities`` include ``needed``, by name, by ``noun:*`` or by ``*``."""
    noun = needed.partition(":")[0]
    return bool(abilities & {EVERYTHING, f"{noun}:*", needed})
