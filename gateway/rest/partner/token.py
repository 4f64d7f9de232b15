"""``POST /partner/oauth2/token``: client credentials for an access token.

RFC 6749, 4.4, with the client's id and secret in the form or by HTTP Basic (2.3.1). Refusals are
problems like everywhere in this API; their statuses are those of the RFC.
"""

from __future__ import annotations

from dataclasses import dataclass

import msgspec
from quart import Blueprint, Request, Response, jsonify, request

from gateway.domain.errors import Invalid
from gateway.identity.operators import Operators
from gateway.web.bodies import read_form
from gateway.web.clients import client_address


@dataclass(frozen=True, slots=True)
class TokenDoor:
    """What the handler needs.

    Attributes:
        operators: judges the credentials.
        trusted_proxies: as in ``HttpSettings``; attempts are counted by the address behind them.
    """

    operators: Operators
    trusted_proxies: int = 0


class TokenRequest(msgspec.Struct, frozen=True):
    """The form; ``scope`` and whatever else a library adds is not looked at."""

    grant_type: str
    client_id: str = ""
    client_secret: str = ""


def blueprint(door: TokenDoor) -> Blueprint:
    """Return the token route."""
    routes = Blueprint("partner_token", __name__)

    @routes.post("/partner/oauth2/token")
    async def token() -> Response:
        form = await read_form(request, TokenRequest)
        if form.grant_type != "client_credentials":
            raise Invalid(
                "oauth.unsupported_grant_type",
                "Send grant_type=client_credentials; there is no other grant here.",
                field="grant_type",
            )
        client_id, client_secret = _credentials(request, form)
        address = client_address(request, door.trusted_proxies)
        issued = await door.operators.token(client_id, client_secret, address=address)
        answer = jsonify(
            {
                "access_token": issued.access_token,
                "expires_in": issued.expires_in,
                "token_type": "Bearer",
            }
        )
        # RFC 6749, 5.1: what carries tokens must not stay in a cache.
        answer.headers["Cache-Control"] = "no-store"
        return answer

    return routes


def _credentials(made: Request, form: TokenRequest) -> tuple[str, str]:
    try:
        basic = made.authorization
    except ValueError as error:  # characters that base64 has not
        raise Invalid(
            "oauth.malformed_credentials",
            "The Authorization header is no HTTP Basic. Send the credentials in the form.",
        ) from error
    if basic is not None and basic.type == "basic":
        return basic.username or "", basic.password or ""
    for name, value in (("client_id", form.client_id), ("client_secret", form.client_secret)):
        if not value:
            raise Invalid("body.field", f"`{name}` is missing. Send it in the form.", field=name)
    return form.client_id, form.client_secret
