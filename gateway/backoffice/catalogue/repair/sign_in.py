"""Coming in, and tokens for programs (contracts/repair.yaml, Authentication and API Tokens)."""

from __future__ import annotations

from gateway.backoffice.action import Call, Section
from gateway.backoffice.catalogue.repair.shapes import TEXT, WHOLE, listed, members
from gateway.backoffice.kinds import Document, Email, Identifier, Text
from gateway.backoffice.moments import Moment
from gateway.backoffice.profiles.laravel import MESSAGE
from gateway.backoffice.profiles.repair import REPAIR
from gateway.backoffice.reading import absent
from gateway.backoffice.refusal import broken_rule
from gateway.backoffice.resource import Input
from gateway.backoffice.rules import people
from gateway.backoffice.shop import Shop
from gateway.storage.database import Connection

_USER = members(id=WHOLE, name=TEXT, email=TEXT)
_PROFILE = members(id=WHOLE, name=TEXT, email=TEXT, role=TEXT, company_id=WHOLE)
_TOKEN = members(
    id=WHOLE,
    name=TEXT,
    abilities=listed(TEXT),
    created_at={"type": "string", "format": "date-time"},
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
    user = await call.services.identity.shops.user(call.user)
    return {
        "id": user.id,
        "name": user.name,
        "email": user.email,
        "role": user.role,
        "company_id": user.tenant_id,
    }


async def _tokens(call: Call) -> object:
    tokens = await call.services.identity.shop_tokens.list("repair", call.user)
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
    token = await tokens.mint("repair", call.user, name=name, abilities=abilities)
    return {"token": token, "name": name}


async def _end_token(call: Call) -> object:
    try:
        token_id = Identifier().parse(call.path["id"])
    except ValueError:
        raise absent("token") from None
    await call.services.identity.shop_tokens.revoke("repair", call.user, token_id)
    return None


async def _accept(call: Call) -> object:
    """Let an invited employee choose a password; whose garage it is, the invitation says."""
    services = call.services
    digest = people.digest(call.values["token"])
    found = await services.database.read(people.find_invitation, services.tables, digest)
    if found is None:
        raise broken_rule("This invitation is not known. Ask for a new one.")
    password_hash = await services.identity.shops.hash_password(call.values["password"])

    def accept(connection: Connection) -> None:
        ids = found["tenant_id"], found["user_id"]
        shop = Shop(connection, services.tables, *ids, services.clock())
        people.accept_invitation(shop, found, password_hash)

    await services.database.write(accept)
    return {"message": "The password is set. Sign in with it."}


_SECTION = Section(REPAIR)

ACTIONS = (
    _SECTION.action(
        "POST",
        "acceptInvitation",
        "/auth/accept-invitation",
        "Choose a password with an invitation",
        MESSAGE,
        _accept,
        inputs=(Input("token", Text(), required=True), Input("password", Text(), required=True)),
        public=True,
    ),
    _SECTION.action(
        "POST",
        "authLogin",
        "/auth/login",
        "Exchange e-mail and password for a bearer token",
        members(token=TEXT, user=_USER),
        _login,
        inputs=(Input("email", Email(), required=True), Input("password", Text(), required=True)),
        public=True,
    ),
    _SECTION.action(
        "POST",
        "authLogout",
        "/auth/logout",
        "Revoke the token used for this call",
        MESSAGE,
        _logout,
    ),
    _SECTION.action("GET", "authMe", "/auth/me", "Profile of the caller", _PROFILE, _me),
    _SECTION.action(
        "GET",
        "listApiTokens",
        "/tokens",
        "The caller's tokens, without their secrets",
        {"type": "array", "items": _TOKEN},
        _tokens,
        aliases=("/api-tokens",),
    ),
    _SECTION.action(
        "POST",
        "createApiToken",
        "/tokens",
        "Make a token; it is shown here and never again",
        members(token=TEXT, name=TEXT),
        _make_token,
        inputs=(Input("name", Text(), required=True), Input("abilities", Document(texts=True))),
        status=201,
        aliases=("/api-tokens",),
    ),
    _SECTION.action(
        "DELETE",
        "revokeApiToken",
        "/tokens/{id}",
        "Revoke a token, effective at once",
        None,
        _end_token,
        status=204,
        aliases=("/api-tokens/{id}",),
    ),
)
