"""Who is at the other end of a websocket: proved once, and looked at for as long as it is open."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

import trio
from quart import websocket

from gateway.domain.clock import Clock
from gateway.domain.errors import GatewayError, Unauthorized
from gateway.identity.tokens import expiry_of
from gateway.web.auth import websocket_token

#: Seconds for the first message, where the upgrade brought no token.
SIGN_IN_LIMIT = 10.0

#: Seconds between two looks at whether the token still holds.
TOKEN_INTERVAL = 60.0

#: Close code for "sign in first" (private range, RFC 6455 7.4.2).
CLOSE_UNAUTHORIZED = 4401

#: Who a token's owner is: a customer, an operator.
P = TypeVar("P")


async def received() -> str | bytes:
    """Return the client's next message."""
    # Quart has None for an empty binary message.
    return await websocket.receive() or b""


async def first_token(said: Callable[[str | bytes], str | None], *, bare: bool = False) -> str:
    """Return the token that the upgrade brought, or else the first message.

    Args:
        said: returns the token in a message, ``None`` where the message is about something else.
        bare: the Authorization header may be the token alone.

    Raises:
        Unauthorized: there is none, or it does not come in time.
        GatewayError: whatever ``said`` finds wrong with the message.
    """
    token = websocket_token(bare=bare)
    if token is not None:
        return token
    with trio.move_on_after(SIGN_IN_LIMIT):
        token = said(await received())
        if token is not None:
            return token
        detail = 'Sign in first: {"action": "authenticate", "access_token": "..."}.'
        raise Unauthorized("token.missing", detail)
    raise Unauthorized("token.missing", "No token came in time. Connect again and send one.")


async def refuse(problem: str, error: GatewayError) -> None:
    """Say the last word to a client that may not come in, or not stay."""
    await websocket.send(problem)
    await websocket.close(CLOSE_UNAUTHORIZED, error.code)


class SignedIn(Generic[P]):
    """Who is there, and the token that says so.

    Args:
        who: as ``identify`` found them.
        token: what they signed in with.
        identify: returns whose token it is; raises `Unauthorized` where it holds no more.
        clock: wall clock; tokens end by it.
    """

    def __init__(
        self, who: P, token: str, identify: Callable[[str], Awaitable[P]], clock: Clock
    ) -> None:
        self.who = who
        self._token = token
        self._identify = identify
        self._clock = clock

    async def ended(self) -> Unauthorized:
        """Return when the token does not hold any more, and why."""
        while True:
            await trio.sleep(self._until_next_look())
            try:
                self.who = await self._identify(self._token)
            except Unauthorized as error:
                return error
            except GatewayError:
                # Who they are cannot be read now; that says nothing against them.
                continue

    async def renew(self, token: str, check: Callable[[P], None]) -> None:
        """Go on with another token.

        Args:
            token: of the same party.
            check: raises where it belongs to another.

        Raises:
            Unauthorized: it does not hold.
        """
        who = await self._identify(token)
        check(who)
        self.who, self._token = who, token

    def _until_next_look(self) -> float:
        ends_at = expiry_of(self._token)
        if ends_at is None:
            return TOKEN_INTERVAL
        left = (ends_at - self._clock()).total_seconds()
        # A tenth more, because tokens count in whole seconds.
        return min(max(left, 0.0) + 0.1, TOKEN_INTERVAL)
