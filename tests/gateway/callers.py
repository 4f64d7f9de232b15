"""Who calls an API with a token, and holds every refusal to what all of them promise."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar

from quart import Response
from quart_trio import QuartTrio

from gateway.web import problems

Json = Any  # what a test reads out of an answer is its own business


class Caller(ABC):
    """Calls the API below ``ROOT``; part of whatever has the app."""

    __slots__ = ()

    ROOT: ClassVar[str]

    @abstractmethod
    def served(self) -> QuartTrio:
        """Return the app."""

    async def call(
        self, method: str, path: str, json: Json = None, *, token: str | None = "op"
    ) -> Response:
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        answer: Response = (
            await self.served()
            .test_client()
            .open(
                f"{self.ROOT}{path}",
                method=method,
                headers=headers,
                **({} if json is None else {"json": json}),
            )
        )
        return answer

    async def done(
        self, method: str, path: str, json: Json = None, *, status: int = 200, token: str = "op"
    ) -> Json:
        """Return the JSON of an answer that has this status."""
        answer = await self.call(method, path, json, token=token)
        text = await answer.get_data(as_text=True)
        assert answer.status_code == status, text
        return await answer.get_json() if text else None

    async def refused(
        self,
        method: str,
        path: str,
        json: Json = None,
        *,
        status: int,
        code: str,
        token: str | None = "op",
    ) -> Json:
        """Return the problem of a refusal with this status and code."""
        answer = await self.call(method, path, json, token=token)
        problem = await answer.get_json()
        assert (answer.status_code, problem["code"]) == (status, code), problem
        assert answer.content_type == problems.CONTENT_TYPE
        assert problem["status"] == status
        assert problem["type"].endswith(code)
        assert problem["title"]
        assert problem["detail"].endswith((".", ")"))
        assert problem["instance"] == f"{self.ROOT}{path}".partition("?")[0]
        return problem
