"""Live checks of connections: one cheap authenticated call each, and what it tells."""

from __future__ import annotations

import smtplib
from collections.abc import Awaitable, Callable, Mapping
from urllib.parse import quote

import trio

from gateway.backoffice.outside import TIME_LIMIT, Outside, Reply
from gateway.backoffice.refusal import Upstream

Settings = Mapping[str, str]

#: Returns the name of the account at the other side.
Check = Callable[[Outside, Settings], Awaitable[str]]


def _need(reply: Reply, service: str) -> Reply:
    if reply.status in {401, 403}:
        raise Upstream(f"{service} does not accept these credentials.")
    if not reply.ok:
        raise Upstream(f"{service} answered with status {reply.status}.")
    return reply


def _member(reply: Reply, *path: str) -> str:
    """Return a member of the answer as text, empty when it is not there."""
    found = reply.document
    for name in path:
        found = found.get(name) if isinstance(found, dict) else None
    return str(found)[:100] if found is not None else ""


async def _bearer(
    outside: Outside, service: str, path: str, token: str, *names: str, again: bool = True
) -> str:
    headers = {"Authorization": f"Bearer {token}"}
    url = outside.address(service) + path
    reply = _need(await outside.ask("GET", url, headers=headers, again=again), service)
    return _member(reply, *names)


async def _mollie(outside: Outside, settings: Settings) -> str:
    return await _bearer(outside, "mollie", "/v2/profiles/me", settings["api_key"], "name")


async def _stripe(outside: Outside, settings: Settings) -> str:
    return await _bearer(outside, "stripe", "/v1/account", settings["secret_key"], "id")


async def _twilio(outside: Outside, settings: Settings) -> str:
    sid = settings["account_sid"]
    url = f"{outside.address('twilio')}/2010-04-01/Accounts/{quote(sid, safe='')}.json"
    reply = _need(await outside.ask("GET", url, basic=(sid, settings["auth_token"])), "Twilio")
    if _member(reply, "status") != "active":
        raise Upstream("The Twilio account is not active.")
    return _member(reply, "friendly_name")


async def _snelstart(outside: Outside, settings: Settings) -> str:
    form = {"grant_type": "clientkey", "clientkey": settings["client_key"]}
    url = f"{outside.address('snelstart_auth')}/b2b/token"
    token = _member(_need(await outside.ask("POST", url, form=form), "SnelStart"), "access_token")
    headers = {
        "Authorization": f"Bearer {token}",
        "Ocp-Apim-Subscription-Key": settings["subscription_key"],
    }
    url = f"{outside.address('snelstart')}/v2/companyInfo"
    reply = _need(await outside.ask("GET", url, headers=headers), "SnelStart")
    return _member(reply, "administratieNaam")


async def _moneybird(outside: Outside, settings: Settings) -> str:
    headers = {"Authorization": f"Bearer {settings['api_token']}"}
    url = f"{outside.address('moneybird')}/api/v2/administrations.json"
    reply = _need(await outside.ask("GET", url, headers=headers), "Moneybird")
    rows = reply.document if isinstance(reply.document, list) else []
    for row in rows:
        if isinstance(row, dict) and str(row.get("id")) == settings["administration_id"]:
            return str(row.get("name"))[:100]
    raise Upstream("This Moneybird administration is not among those of the token.")


async def pbx_token(outside: Outside, settings: Settings) -> str:
    """Return a token for the telephone exchange; raises ``Upstream`` or ``Invalid``."""
    base = settings["api_url"].rstrip("/")
    form = {
        "grant_type": "client_credentials",
        "client_id": settings.get("client_id") or "gateway",
        "client_secret": settings["api_key"],
    }
    reply = _need(await outside.ask_typed("POST", f"{base}/connect/token", form=form), "3CX")
    return _member(reply, "access_token")


async def _pbx(outside: Outside, settings: Settings) -> str:
    headers = {"Authorization": f"Bearer {await pbx_token(outside, settings)}"}
    url = settings["api_url"].rstrip("/") + "/xapi/v1/Defs?$select=Id"
    _need(await outside.ask_typed("GET", url, headers=headers), "3CX")
    return "telephone exchange"


async def ups_token(outside: Outside, settings: Settings) -> str:
    """Return a token for UPS; raises ``Upstream`` when it refuses."""
    test = settings.get("environment") == "test"
    url = f"{outside.address('ups_test' if test else 'ups')}/security/v1/oauth/token"
    reply = await outside.ask(
        "POST",
        url,
        form={"grant_type": "client_credentials"},
        basic=(settings["client_id"], settings["client_secret"]),
        headers={"x-merchant-id": settings["account_number"]},
        again=True,
    )
    return _member(_need(reply, "UPS"), "access_token")


async def _ups(outside: Outside, settings: Settings) -> str:
    await ups_token(outside, settings)
    return f"account {settings['account_number']}"


async def _dhl(outside: Outside, settings: Settings) -> str:
    url = f"{outside.address('dhl')}/authenticate/api-key"
    body = {"userId": settings["user_id"], "key": settings["api_key"]}
    _need(await outside.ask("POST", url, json=body, again=True), "DHL")
    return f"user {settings['user_id']}"


def openai_address(outside: Outside, settings: Settings) -> str:
    """Return where the assistant's server is, a compatible one included."""
    return (settings.get("base_url") or f"{outside.address('openai')}/v1").rstrip("/")


def openai_headers(settings: Settings) -> dict[str, str]:
    """Return what lets us in there."""
    headers = {"Authorization": f"Bearer {settings['api_key']}"}
    if settings.get("organisation_id"):
        headers["OpenAI-Organization"] = settings["organisation_id"]
    return headers


async def _openai(outside: Outside, settings: Settings) -> str:
    url = f"{openai_address(outside, settings)}/models"
    ask = outside.ask_typed if settings.get("base_url") else outside.ask
    reply = _need(await ask("GET", url, headers=openai_headers(settings)), "OpenAI")
    models = reply.document.get("data") if isinstance(reply.document, dict) else None
    return f"{len(models) if isinstance(models, list) else 0} models"


async def _refreshed(outside: Outside, url: str, settings: Settings, service: str) -> str:
    form = {
        "grant_type": "refresh_token",
        "client_id": settings["client_id"],
        "client_secret": settings["client_secret"],
        "refresh_token": settings["refresh_token"],
    }
    return _member(_need(await outside.ask("POST", url, form=form), service), "access_token")


async def _outlook(outside: Outside, settings: Settings) -> str:
    tenant = quote(settings["tenant_id"], safe="")
    url = f"{outside.address('outlook_auth')}/{tenant}/oauth2/v2.0/token"
    token = await _refreshed(outside, url, settings, "Outlook")
    return await _bearer(outside, "outlook", "/v1.0/me", token, "userPrincipalName")


async def _google(outside: Outside, settings: Settings) -> str:
    url = f"{outside.address('google_auth')}/token"
    token = await _refreshed(outside, url, settings, "Google")
    path = "/gmail/v1/users/me/profile"
    return await _bearer(outside, "google_workspace", path, token, "emailAddress")


async def _postmark(outside: Outside, settings: Settings) -> str:
    headers = {"X-Postmark-Server-Token": settings["server_token"], "Accept": "application/json"}
    url = f"{outside.address('postmark')}/server"
    return _member(_need(await outside.ask("GET", url, headers=headers), "Postmark"), "Name")


async def _mailpit(outside: Outside, settings: Settings) -> str:
    host, port = settings["host"], settings["smtp_port"]
    url = f"http://{host}:{settings['http_port']}/api/v1/info"
    version = _member(_need(await outside.ask_typed("GET", url), "Mailpit"), "Version")
    await trio.to_thread.run_sync(_hello, host, int(port))
    return f"Mailpit {version}"


def _hello(host: str, port: int) -> None:
    with smtplib.SMTP(host, port, timeout=TIME_LIMIT) as connection:
        connection.ehlo()


CHECKS: Mapping[str, Check] = {
    "mollie": _mollie,
    "twilio": _twilio,
    "snelstart": _snelstart,
    "moneybird": _moneybird,
    "3cx": _pbx,
    "ups": _ups,
    "openai": _openai,
    "outlook": _outlook,
    "google_workspace": _google,
    "mailpit": _mailpit,
    "stripe": _stripe,
    "postmark": _postmark,
    "dhl": _dhl,
}
