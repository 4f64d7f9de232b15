"""Who may do what: the caller's role, then the token's abilities. Tenancy is in ``shop``."""

from __future__ import annotations

from datetime import date

from gateway.backoffice.resource import Operation, Resource
from gateway.backoffice.shop import Shop, Values
from gateway.domain.errors import Forbidden
from gateway.domain.principal import ShopPrincipal

#: The ability that stands for all.
EVERYTHING = "*"


#: Who runs the garage, and programs that act for it.
ADMINS = frozenset({"owner", "manager", "api"})

#: The row that says which modules are switched on.
LICENSE_MODULE = "license_module"


def check_access(caller: ShopPrincipal, resource: Resource, operation: Operation) -> None:
    """Refuse what the caller's role or token does not allow.

    Raises:
        Forbidden: with a code of its own for each of the two reasons.
    """
    check_role(caller, resource.roles.get(operation))
    check_ability(caller, f"{resource.ability}:{operation.verb}")


def check_role(caller: ShopPrincipal, roles: frozenset[str] | None) -> None:
    """Refuse a caller who has none of ``roles``; ``None`` is every role."""
    if roles is not None and caller.role not in roles:
        allowed = ", ".join(sorted(roles))
        raise Forbidden(
            "backoffice.role",
            f"Your role ({caller.role}) may not do this. These may: {allowed}.",
        )


def check_module(shop: Shop, module: str) -> None:
    """Refuse what belongs to a licence module that is not switched on.

    A garage without any licence is not limited: then nobody sells it modules.

    Raises:
        Forbidden: no valid licence has the module switched on.
    """
    if module and not licensed(shop, module):
        raise Forbidden(
            "backoffice.module",
            f"The module {module} is not switched on. Activate it in the licence.",
        )


def licensed(shop: Shop, module: str) -> bool:
    """Tell whether the garage may use a module."""
    licences = shop.where("license")
    if not licences:
        return True
    valid = [row["id"] for row in licences if in_force(row, shop.today)]
    active = shop.where(LICENSE_MODULE, module_key=module, is_active=True)
    return any(row["license_id"] in valid for row in active)


def in_force(licence: Values, today: date) -> bool:
    """Tell whether a licence counts: on trial or active, and in date."""
    until = licence["valid_until"]
    in_date = licence["valid_from"] <= today and (until is None or today <= until)
    return licence["status"] in {"trial", "active"} and in_date


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
