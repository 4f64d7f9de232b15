"""HTTP as the demo's clients use it: JSON both ways, a refusal is an exception."""

from __future__ import annotations

from typing import Any

import httpx2


class StoryError(Exception):
    """The story cannot go on; the message says why."""


class JsonClient:
    """One client with one token.

    Args:
        base_url: of the gateway.
        who: the client's name in error messages.
    """

    def __init__(self, base_url: str, who: str) -> None:
        self._http = httpx2.AsyncClient(base_url=base_url, timeout=60.0, trust_env=False)
        self._who = who

    def sign(self, token: str) -> None:
        """Send this token from now on."""
        self._http.headers["Authorization"] = f"Bearer {token}"

    # Any: JSON of many shapes; the story reads the members it needs.
    async def get(self, path: str, **query: str | int | bool) -> Any:
        """Return the JSON at ``path``.

        Raises:
            StoryError: the gateway refused or cannot be reached.
        """
        return await self._call("GET", path, params=query)

    # Any: as above.
    async def post(self, path: str, body: object = None, *, form: bool = False) -> Any:
        """Send a body, as JSON or as a form, and return the answer's JSON.

        Raises:
            StoryError: the gateway refused or cannot be reached.
        """
        if form:
            return await self._call("POST", path, data=body)
        return await self._call("POST", path, json=body)

    async def delete(self, path: str) -> None:
        """Delete what is at ``path``.

        Raises:
            StoryError: the gateway refused or cannot be reached.
        """
        await self._call("DELETE", path)

    # Any: httpx2's own keyword arguments, and JSON.
    async def _call(self, method: str, path: str, **more: Any) -> Any:
        try:
            response = await self._http.request(method, path, **more)
        except httpx2.HTTPError as error:
            raise StoryError(f"{self._who}: {method} {path} failed: {error}") from error
        if response.is_error:
            raise StoryError(
                f"{self._who}: {method} {path} was refused with {response.status_code}: "
                f"{_reason(response)}"
            )
        return response.json() if response.content else None

    async def aclose(self) -> None:
        """Close the connections."""
        await self._http.aclose()


def _reason(response: httpx2.Response) -> str:
    try:
        body = response.json()
    except ValueError:
        return response.text[:200]
    return str(body.get("detail") or body.get("message") or body)
