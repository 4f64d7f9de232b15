"""Customers sign in: connector and pincode, one-time password, refresh token."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from uuid import UUID

import msgspec
from quart import Blueprint, Response, jsonify, request

from gateway.domain.errors import Invalid
from gateway.identity.identity import Identity
from gateway.identity.sign_in import CustomerTokens
from gateway.web.bodies import LooseText, read_json
from gateway.web.clients import client_address

#: Characters of a connector number; longer text cannot be one.
_LONGEST_NUMBER = 18


@dataclass(frozen=True, slots=True)
class AuthenticationDoor:
    """What the handlers need.

    Attributes:
        identity: judges the proofs.
        trusted_proxies: as in ``HttpSettings``; attempts are counted by the address behind them.
    """

    identity: Identity
    trusted_proxies: int = 0


class LoginByConnectorId(msgspec.Struct, frozen=True):
    """Body of ``POST /v1/authenticate/pincode``; both members come as text or as a number."""

    connector_id: LooseText
    pincode: LooseText


class LoginByConnectorUuid(msgspec.Struct, frozen=True):
    """Body of ``POST /v2/authenticate/pincode``."""

    connector_uuid: UUID
    pincode: LooseText


class LoginByOtp(msgspec.Struct, frozen=True):
    """Body of ``POST /v1/authenticate/otp``."""

    otp: LooseText


class RefreshBody(msgspec.Struct, frozen=True):
    """Body of ``POST /v1/authenticate/refresh``."""

    refresh_token: str


def blueprint(door: AuthenticationDoor) -> Blueprint:
    """Return the sign-in routes and the key set that verifies what they issue."""
    routes = Blueprint("customer_authentication", __name__)
    sign_in = door.identity.sign_in

    def address() -> str:
        return client_address(request, door.trusted_proxies)

    @routes.post("/v1/authenticate/pincode")
    async def by_number() -> Response:
        body = await read_json(request, LoginByConnectorId)
        number = _number(body.connector_id)
        return _answer(await sign_in.by_connector_number(number, body.pincode, address=address()))

    @routes.post("/v2/authenticate/pincode")
    async def by_uuid() -> Response:
        body = await read_json(request, LoginByConnectorUuid)
        return _answer(
            await sign_in.by_connector_uuid(body.connector_uuid, body.pincode, address=address())
        )

    @routes.post("/v1/authenticate/otp")
    async def by_one_time_password() -> Response:
        body = await read_json(request, LoginByOtp)
        return _answer(await sign_in.by_one_time_password(body.otp, address=address()))

    @routes.post("/v1/authenticate/refresh")
    async def by_refresh_token() -> Response:
        body = await read_json(request, RefreshBody)
        return _answer(await sign_in.refresh(body.refresh_token, address=address()))

    @routes.get("/.well-known/jwks.json")
    async def key_set() -> Response:
        return jsonify(door.identity.tokens.public_keys())

    return routes


def _answer(tokens: CustomerTokens) -> Response:
    answer = jsonify(asdict(tokens))
    # RFC 6749, 5.1: what carries tokens must not stay in a cache.
    answer.headers["Cache-Control"] = "no-store"
    return answer


def _number(text: str) -> int:
    if text.isascii() and text.isdigit() and len(text) <= _LONGEST_NUMBER:
        return int(text)
    raise Invalid(
        "body.field",
        "`connector_id`: Expected the connector's number, nine digits.",
        field="connector_id",
    )
