"""Signed tokens: what is in them, and what makes one of them good.

JSON Web Tokens signed with Ed25519 (RFC 7519, RFC 9864). ``token_use`` keeps the three kinds
apart, ``aud`` keeps customers and operators apart: an ID token opens nothing, and an operator's
token does not order products. Only what identifies is in a token; what somebody may do is looked
up, so that it can be withdrawn.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

import msgspec
from joserfc import jws, jwt
from joserfc.errors import JoseError
from joserfc.jwt import JWTClaimsRegistry

from gateway.config import SecuritySettings
from gateway.domain.clock import Clock
from gateway.domain.errors import Unauthorized
from gateway.identity.keyring import KeyRing

Use = Literal["access", "id", "refresh"]
Audience = Literal["customer", "operator"]

_ALGORITHMS = ("Ed25519",)

#: Seconds that the clocks of two nodes may differ.
CLOCK_SKEW = 5


@dataclass(frozen=True, slots=True)
class Claims:
    """What a good token says.

    Attributes:
        subject: who it stands for: a portal user's UUID or an operator's client id.
        token_id: this token's own name, 128 random bits in hex.
        expires_at: UTC.
        more: further claims (``connector_id``, ``family``).
    """

    subject: str
    token_id: str
    expires_at: datetime
    more: dict[str, Any] = field(default_factory=dict)  # JSON of our own making


@dataclass(frozen=True, slots=True)
class Issued:
    """A new token and its own name."""

    token: str
    token_id: str
    expires_at: datetime


class Tokens:
    """Makes and judges tokens; owns nothing but a reference to the keys."""

    def __init__(self, keys: KeyRing, settings: SecuritySettings, clock: Clock) -> None:
        self._keys = keys
        self._issuer = settings.issuer
        self._clock = clock

    def issue(
        self,
        use: Use,
        audience: Audience,
        subject: str,
        lifetime: float,
        more: dict[str, str | int | None] | None = None,
    ) -> Issued:
        """Return a new token, good for ``lifetime`` seconds; claims of value None are left out."""
        now = self._clock()
        expires_at = now + timedelta(seconds=lifetime)
        token_id = secrets.token_hex(16)
        claims = {
            "iss": self._issuer,
            "aud": audience,
            "sub": subject,
            "iat": int(now.timestamp()),
            "exp": int(expires_at.timestamp()),
            "jti": token_id,
            "token_use": use,
            **{name: value for name, value in (more or {}).items() if value is not None},
        }
        key = self._keys.current
        header = {"alg": "Ed25519", "kid": key.kid}
        return Issued(jwt.encode(header, claims, key, _ALGORITHMS), token_id, expires_at)

    async def verify(self, token: str, use: Use, audience: Audience) -> Claims:
        """Return what ``token`` says.

        Raises:
            Unauthorized: it is malformed, forged, expired, or of another use or audience. Which
                of them is not told.
        """
        try:
            kid = jws.extract_compact(token.encode("ascii")).headers().get("kid")
            key = await self._keys.find(kid) if isinstance(kid, str) else None
            if key is None:
                raise refused()
            claims = jwt.decode(token, key, _ALGORITHMS).claims
            self._check(claims, use, audience)
        except (JoseError, ValueError, TypeError) as error:
            raise refused() from error
        return _claims(claims)

    def public_keys(self) -> dict[str, list[dict[str, str | list[str]]]]:
        """Return the key set (RFC 7517) with which anybody can verify our tokens."""
        return self._keys.public_keys()

    # Any: claims are JSON until checked, which is what happens here.
    def _check(self, claims: dict[str, Any], use: Use, audience: Audience) -> None:
        registry = JWTClaimsRegistry(
            now=int(self._clock().timestamp()),
            leeway=CLOCK_SKEW,
            iss={"essential": True, "value": self._issuer},
            aud={"essential": True, "value": audience},
            token_use={"essential": True, "value": use},
            sub={"essential": True},
            jti={"essential": True},
            exp={"essential": True},
        )
        registry.validate(claims)


def expiry_of(token: str) -> datetime | None:
    """Return when a token ends that was verified before; ``None`` when it does not say.

    Until then its clock skew is granted, too.
    """
    try:
        claims = msgspec.json.decode(jws.extract_compact(token.encode("ascii")).payload)
        return datetime.fromtimestamp(claims["exp"] + CLOCK_SKEW, UTC)
    except (JoseError, ValueError, TypeError, KeyError, OverflowError):
        return None


def refused() -> Unauthorized:
    """Return the one refusal of any token that is not good."""
    return Unauthorized(
        "identity.token_refused",
        "The token is not accepted: it is malformed, expired or withdrawn. Sign in again.",
    )


_REGISTERED = frozenset({"iss", "aud", "sub", "iat", "exp", "jti", "token_use"})


# Any: see Tokens._check.
def _claims(claims: dict[str, Any]) -> Claims:
    return Claims(
        subject=claims["sub"],
        token_id=claims["jti"],
        expires_at=datetime.fromtimestamp(claims["exp"], UTC),
        more={name: value for name, value in claims.items() if name not in _REGISTERED},
    )
