"""Customers sign in: by connector, one-time password, email and password, refresh token."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from uuid import UUID

import msgspec
from quart import Blueprint, Response, jsonify, request

from gateway.domain.errors import Invalid
from gateway.identity.admission import CustomerTokens
from gateway.identity.identity import Identity
from gateway.rest.customer.paths import PATHS
from gateway.rest.customer.shapes import nothing
from gateway.web.bodies import LooseText, read_json
from gateway.web.clients import client_address

#: Where the contract has the request for a mailed code.
FORGOT = "/legacy/api/mobile/authentication/authenticate/forgot/password"

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


class LoginByPassword(msgspec.Struct, frozen=True):
    """Body of ``POST /v1/authenticate/password``."""

    username: str
    password: str


class ForgotPasswordBody(msgspec.Struct, frozen=True):
    """Body of the request for a mailed code."""

    email_address: str


class ChoosePasswordBody(msgspec.Struct, frozen=True):
    """Body of ``POST /v1/authenticate/password/choose``: a mailed code, and the password."""

    code: str
    password: str


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

    @routes.post(PATHS["loginByConnectorUuid"])
    async def by_uuid() -> Response:
        body = await read_json(request, LoginByConnectorUuid)
        return _answer(
            await sign_in.by_connector_uuid(body.connector_uuid, body.pincode, address=address())
        )

    @routes.post(PATHS["loginByOtp"])
    async def by_one_time_password() -> Response:
        body = await read_json(request, LoginByOtp)
        return _answer(await sign_in.by_one_time_password(body.otp, address=address()))

    @routes.post("/v1/authenticate/refresh")
    async def by_refresh_token() -> Response:
        body = await read_json(request, RefreshBody)
        return _answer(await sign_in.refresh(body.refresh_token, address=address()))

    @routes.get("/.well-known/jwks.json")
    async def key_set() -> Response:
        answer = jsonify(door.identity.tokens.public_keys())
        # A new key signs at once, so nobody should go on with the old set for long.
        answer.headers["Cache-Control"] = "public, max-age=60"
        return answer

    _add_passwords(routes, door)
    return routes


def _add_passwords(routes: Blueprint, door: AuthenticationDoor) -> None:
    passwords = door.identity.passwords

    def address() -> str:
        return client_address(request, door.trusted_proxies)

    @routes.post("/v1/authenticate/password")
    async def by_password() -> Response:
        body = await read_json(request, LoginByPassword)
        return _answer(await passwords.sign_in(body.username, body.password, address=address()))

    @routes.post(FORGOT)
    async def forgot() -> Response:
        body = await read_json(request, ForgotPasswordBody)
        await passwords.forgot(body.email_address, address=address())
        return jsonify({"method": "SESSION"})

    @routes.post("/v1/authenticate/password/choose")
    async def choose() -> Response:
        body = await read_json(request, ChoosePasswordBody)
        await passwords.choose(body.code, body.password, address=address())
        return nothing()


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
