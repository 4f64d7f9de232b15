"""Coming in, and tokens for programs (contracts/repair.yaml, Authentication and API Tokens)."""

from __future__ import annotations

from gateway.backoffice.action import Action, Call
from gateway.backoffice.kinds import Document, Email, Identifier, Schema, Text
from gateway.backoffice.moments import Moment
from gateway.backoffice.profiles.laravel import MESSAGE
from gateway.backoffice.profiles.repair import REPAIR
from gateway.backoffice.reading import absent
from gateway.backoffice.resource import Input
from gateway.domain.errors import Unauthorized
from gateway.domain.principal import ShopPrincipal


def _object(**members: Schema) -> Schema:
    return {"type": "object", "properties": members, "required": list(members)}


_WHOLE: Schema = {"type": "integer"}
_TEXT: Schema = {"type": "string"}
_TEXTS: Schema = {"type": "array", "items": _TEXT}

_USER = _object(id=_WHOLE, name=_TEXT, email=_TEXT)
_PROFILE = _object(id=_WHOLE, name=_TEXT, email=_TEXT, role=_TEXT, company_id=_WHOLE)
_TOKEN = _object(
    id=_WHOLE, name=_TEXT, abilities=_TEXTS, created_at={"type": "string", "format": "date-time"}
)


async def _login(call: Call) -> object:
    email, password = call.values["email"], call.values["password"]
    shops = call.services.identity.shops
    login = await shops.login("repair", email, password, address=call.address)
    user = login.user
    return {"token": login.token, "user": {"id": user.id, "name": user.name, "email": user.email}}


async def _logout(call: Call) -> object:
    await call.services.identity.shop_tokens.revoke_presented("repair", call.token)
    return {"message": "Logged out."}


async def _me(call: Call) -> object:
    user = await call.services.identity.shops.user(_caller(call))
    return {
        "id": user.id,
        "name": user.name,
        "email": user.email,
        "role": user.role,
        "company_id": user.tenant_id,
    }


async def _tokens(call: Call) -> object:
    tokens = await call.services.identity.shop_tokens.list("repair", _caller(call))
    return [
        {
            "id": token.id,
            "name": token.name,
            "abilities": list(token.abilities),
            "created_at": Moment().render(token.created_at),
        }
        for token in tokens
    ]


async def _make_token(call: Call) -> object:
    name = call.values["name"]
    abilities = call.values.get("abilities") or ["*"]
    tokens = call.services.identity.shop_tokens
    token = await tokens.mint("repair", _caller(call), name=name, abilities=abilities)
    return {"token": token, "name": name}


async def _end_token(call: Call) -> object:
    try:
        token_id = Identifier().parse(call.path["id"])
    except ValueError:
        raise absent("token") from None
    await call.services.identity.shop_tokens.revoke("repair", _caller(call), token_id)
    return None


def _caller(call: Call) -> ShopPrincipal:
    if call.caller is None:
        raise Unauthorized("token.missing", "This needs a token. Sign in first.")
    return call.caller


ACTIONS = (
    Action(
        name="authLogin",
        api=REPAIR,
        method="POST",
        path="/auth/login",
        summary="Exchange e-mail and password for a bearer token",
        answer=_object(token=_TEXT, user=_USER),
        run=_login,
        inputs=(Input("email", Email(), required=True), Input("password", Text(), required=True)),
        public=True,
    ),
    Action(
        name="authLogout",
        api=REPAIR,
        method="POST",
        path="/auth/logout",
        summary="Revoke the token used for this call",
        answer=MESSAGE,
        run=_logout,
    ),
    Action(
        name="authMe",
        api=REPAIR,
        method="GET",
        path="/auth/me",
        summary="Profile of the caller",
        answer=_PROFILE,
        run=_me,
    ),
    Action(
        name="listApiTokens",
        api=REPAIR,
        method="GET",
        path="/tokens",
        summary="The caller's tokens, without their secrets",
        answer={"type": "array", "items": _TOKEN},
        run=_tokens,
        aliases=("/api-tokens",),
    ),
    Action(
        name="createApiToken",
        api=REPAIR,
        method="POST",
        path="/tokens",
        summary="Make a token; it is shown here and never again",
        answer=_object(token=_TEXT, name=_TEXT),
        run=_make_token,
        inputs=(Input("name", Text(), required=True), Input("abilities", Document(texts=True))),
        status=201,
        aliases=("/api-tokens",),
    ),
    Action(
        name="revokeApiToken",
        api=REPAIR,
        method="DELETE",
        path="/tokens/{id}",
        summary="Revoke a token, effective at once",
        answer=None,
        run=_end_token,
        status=204,
        aliases=("/api-tokens/{id}",),
    ),
)
