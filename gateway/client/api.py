"""The operator API over HTTP: signs in, renews the token, turns refusals into exceptions."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import TypeVar

import httpx2
import msgspec
import trio

from gateway.client.errors import SignInRefused, Unreachable, read_problem, refusal
from gateway.client.profile import Profile
from gateway.client.records import Token, read

T = TypeVar("T")

#: A token is renewed when so much of its life is over: nothing should find it expired on its way.
_RENEW_AFTER = 0.8

#: Seconds for a connection, and for an answer; exchanges may take the gateway 90 s.
_TIMES = httpx2.Timeout(120.0, connect=20.0)

Parameters = Mapping[str, str | int]


class OperatorApi:
    """One operator's HTTP side.

    Args:
        profile: where, and who.
        http: used for everything; the caller closes it.
    """

    def __init__(self, profile: Profile, http: httpx2.AsyncClient) -> None:
        self._profile = profile
        self._http = http
        self._token = ""
        self._good_until = 0.0
        self._signing_in = trio.Lock()

    # --- who ---------------------------------------------------------------------------------

    async def token(self) -> str:
        """Return a token that is good for a while, signing in where that is needed.

        Raises:
            SignInRefused: the gateway does not know this operator.
            Unreachable: nothing answers.
        """
        async with self._signing_in:  # one sign-in for everybody who waits
            if not self._token or trio.current_time() >= self._good_until:
                await self._sign_in()
            return self._token

    def forget_token(self, token: str) -> None:
        """Sign in anew next time: the gateway did not take this one."""
        if self._token == token:
            self._token = ""

    async def _sign_in(self) -> None:
        form = {
            "grant_type": "client_credentials",
            "client_id": self._profile.client_id,
            "client_secret": self._profile.client_secret,
        }
        response = await self._send("POST", "/partner/oauth2/token", data=form)
        if response.status_code in {400, 401, 403}:
            raise SignInRefused(read_problem(response.content, response.status_code))
        token = read(_accepted(response), Token)
        self._token = token.access_token
        self._good_until = trio.current_time() + _RENEW_AFTER * token.expires_in

    # --- what --------------------------------------------------------------------------------

    async def get(self, path: str, kind: type[T], params: Parameters | None = None) -> T:
        """Return what is at ``path`` below ``/operator/v1``.

        Raises:
            Refused: the gateway said no.
            Unreachable: nothing answers.
            Unreadable: it is not of this kind.
        """
        return read(await self.call("GET", path, params=params), kind)

    async def post(self, path: str, kind: type[T], body: object = None) -> T:
        """Send a body and return the answer; raises as :meth:`get`."""
        return read(await self.call("POST", path, body), kind)

    async def call(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        params: Parameters | None = None,
        content: bytes | None = None,
    ) -> bytes:
        """Return the body of a good answer; raises as :meth:`get`, but for its reading."""
        headers = {}
        if body is not None:
            content = msgspec.json.encode(body)
            headers["Content-Type"] = "application/json"
        elif content is not None:
            headers["Content-Type"] = "application/octet-stream"
        place = f"/operator/v1{path}"
        token = await self.token()
        headers["Authorization"] = f"Bearer {token}"
        response = await self._send(method, place, params=params, content=content, headers=headers)
        if response.status_code == 401:  # expired early, or the gateway has other keys now
            self.forget_token(token)
            headers["Authorization"] = f"Bearer {await self.token()}"
            response = await self._send(
                method, place, params=params, content=content, headers=headers
            )
        return _accepted(response)

    @asynccontextmanager
    async def download(
        self, path: str, params: Parameters | None = None
    ) -> AsyncIterator[httpx2.Response]:
        """Give the block a response whose body has not been read yet; raises as :meth:`call`."""
        headers = {"Authorization": f"Bearer {await self.token()}"}
        url = f"{self._profile.url}/operator/v1{path}"
        try:
            async with self._http.stream("GET", url, params=params, headers=headers) as response:
                if response.is_error:
                    _accepted(response, await response.aread())
                yield response
        except httpx2.HTTPError as error:
            raise self._unreachable(error) from error

    async def _send(
        self,
        method: str,
        path: str,
        *,
        params: Parameters | None = None,
        content: bytes | None = None,
        data: dict[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> httpx2.Response:
        try:
            return await self._http.request(
                method,
                self._profile.url + path,
                params=params,
                content=content,
                data=data,
                headers=headers,
            )
        except httpx2.HTTPError as error:
            raise self._unreachable(error) from error

    def _unreachable(self, error: Exception) -> Unreachable:
        return Unreachable(
            f"No gateway answers at {self._profile.url}: {str(error) or type(error).__name__}"
        )


def _accepted(response: httpx2.Response, body: bytes | None = None) -> bytes:
    content = response.content if body is None else body
    if response.is_success:
        return content
    problem = read_problem(content, response.status_code)
    if not problem.status:
        problem = msgspec.structs.replace(problem, status=response.status_code)
    raise refusal(problem)


def new_http(tls: ssl.SSLContext | None) -> httpx2.AsyncClient:
    """Return the HTTP client for an operator's API; proxies of the environment are not used."""
    return httpx2.AsyncClient(timeout=_TIMES, trust_env=False, verify=True if tls is None else tls)
