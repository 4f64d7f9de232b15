"""Demo clients whose gateway is a function: what it is asked, and what it answers."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import httpx2

from gateway.demo.http import JsonClient

#: Status and JSON for a method, a path with its query, and a body.
Answer = Callable[[str, str, Any], tuple[int, object]]


@dataclass
class Gateway:
    """Writes down what it is asked and answers from a table, first by method and path."""

    answers: dict[str, object] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    bodies: list[Any] = field(default_factory=list)
    headers: list[httpx2.Headers] = field(default_factory=list)

    def __call__(self, request: httpx2.Request) -> httpx2.Response:
        line = f"{request.method} {request.url.path}"
        self.asked.append(line)
        self.headers.append(request.headers)
        content = request.content.decode()
        is_json = "json" in request.headers.get("content-type", "")
        self.bodies.append(json.loads(content) if is_json else content)
        answer = self.answers.get(line, (404, {"detail": "nothing here"}))
        if callable(answer):
            answer = answer(dict(request.url.params))
        if isinstance(answer, Exception):
            raise answer
        status, body = answer if isinstance(answer, tuple) else (200, answer)
        if isinstance(body, str):
            return httpx2.Response(status, text=body)
        return httpx2.Response(status, json=body) if body is not None else httpx2.Response(status)

    def answering(self, client: JsonClient) -> None:
        """Stand behind ``client`` from now on."""
        client._http = httpx2.AsyncClient(
            base_url=client._http.base_url,
            headers=client._http.headers,
            transport=httpx2.MockTransport(self),
        )
