"""From a request's token to who is asking.

The token comes in ``Authorization: Bearer TOKEN``. The customer API also takes the token alone
in that header (its contract calls this ``JifelineAuthorizer``), and websockets take it as
``?access_token=``, because a browser cannot set headers on them.

Who a token belongs to is decided by ``identity``; this module only finds the token.
"""

from __future__ import annotations

from typing import Protocol

from quart import request, websocket

from gateway.domain.errors import Unauthorized
from gateway.domain.principal import CustomerPrincipal, OperatorPrincipal, ShopPrincipal

#: A token of ours has a few hundred characters; beyond this it is not worth looking at.
LONGEST_TOKEN = 8_192


class CustomerIdentity(Protocol):
    """Knows customers by their access tokens."""

    async def customer(self, access_token: str) -> CustomerPrincipal:
        """Return whose token it is, or raise ``Unauthorized``."""
        ...


class OperatorIdentity(Protocol):
    """Knows operators by their access tokens."""

    async def operator(self, access_token: str) -> OperatorPrincipal:
        """Return whose token it is, or raise ``Unauthorized``."""
        ...


class ShopIdentity(Protocol):
    """Knows garages' desks and programs by their API tokens."""

    async def shop(self, api: str, token: str) -> ShopPrincipal:
        """Return whose token it is, or raise ``Unauthorized``."""
        ...


async def require_customer(identity: CustomerIdentity) -> CustomerPrincipal:
    """Return the customer who makes the current request.

    Raises:
        Unauthorized: no token, or not a good one.
    """
    return await identity.customer(token_in(request.headers.get("Authorization"), bare=True))


async def require_operator(identity: OperatorIdentity) -> OperatorPrincipal:
    """Return the operator who makes the current request.

    Raises:
        Unauthorized: no token, or not a good one.
    """
    return await identity.operator(token_in(request.headers.get("Authorization")))


async def require_shop(identity: ShopIdentity, api: str) -> ShopPrincipal:
    """Return who makes the current request to the back office ``api``.

    Raises:
        Unauthorized: no token, or not a good one for this API.
    """
    return await identity.shop(api, token_in(request.headers.get("Authorization")))


def websocket_token(*, bare: bool = False) -> str | None:
    """Return the token of the current websocket upgrade, or ``None`` when it brings none.

    Raises:
        Unauthorized: there is an Authorization header, and it holds no token.
    """
    header = websocket.headers.get("Authorization")
    if header is not None:
        return token_in(header, bare=bare)
    token = websocket.args.get("access_token")
    return _checked(token) if token else None


def token_in(header: str | None, *, bare: bool = False) -> str:
    """Return the token of an Authorization header.

    Args:
        header: the header's value, ``None`` where the request has none.
        bare: also take a value that is the token alone.

    Raises:
        Unauthorized: there is none.
    """
    header = (header or "").strip()
    if not header:
        detail = "This needs a token. Sign in, then send `Authorization: Bearer TOKEN`."
        raise Unauthorized("token.missing", detail)
    scheme, _, token = header.partition(" ")
    if scheme.lower() == "bearer":
        return _checked(token.strip())
    if bare and not token:
        return _checked(header)
    raise _not_accepted()


def _checked(token: str) -> str:
    # Printable ASCII without blanks: what any token of ours is made of, and safe to pass on.
    printable = token.isascii() and token.isprintable() and " " not in token
    if not token or not printable or len(token) > LONGEST_TOKEN:
        raise _not_accepted()
    return token


def _not_accepted() -> Unauthorized:
    detail = "The Authorization header holds no token. Send `Authorization: Bearer TOKEN`."
    return Unauthorized("token.malformed", detail)
