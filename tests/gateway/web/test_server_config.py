from __future__ import annotations

import io
import json
from dataclasses import replace
from typing import Any

import pytest

from gateway.config import HttpSettings, LogSettings
from gateway.runtime.logs import open_log
from gateway.runtime.metrics import Metrics
from gateway.web.server_config import ServerConfig


class _Made:
    def __init__(self, settings: HttpSettings | None = None) -> None:
        self.stream = io.StringIO()
        self.metrics = Metrics()
        log = open_log(LogSettings(level="debug"), self.stream)
        self.config = ServerConfig(settings or HttpSettings(), log, self.metrics)

    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.stream.getvalue().splitlines()]


def test_limits_are_taken_over() -> None:
    settings = replace(HttpSettings(), max_header_bytes=5_000, max_message_bytes=7, keep_alive=3.0)
    config = _Made(settings).config
    assert config.h11_max_incomplete_size == config.h2_max_header_list_size == 5_000
    assert config.websocket_max_message_size == 7
    assert config.keep_alive_timeout == 3.0
    assert b"server" not in dict(config.response_headers("h11"))


@pytest.mark.parametrize(
    ("scope", "response", "method", "status"),
    [
        ({"type": "http", "method": "GET", "path": "/"}, {"status": 204}, "GET", "204"),
        ({"type": "http", "method": "BREW", "path": "/"}, {"status": 405}, "other", "405"),
        ({"type": "http", "method": "GET", "path": "/"}, None, "GET", "none"),
        ({"type": "websocket", "path": "/ws"}, {"status": 101}, "WEBSOCKET", "101"),
    ],
)
async def test_every_request_is_counted_under_a_bounded_set_of_labels(
    scope: Any, response: Any, method: str, status: str
) -> None:
    made = _Made()
    await made.config.log.access(scope, response, 0.02)
    read = made.metrics.registry.get_sample_value
    assert read("gateway_http_requests_total", {"method": method, "status": status}) == 1
    assert read("gateway_http_request_seconds_sum", {"method": method}) == 0.02
    assert made.lines()[0]["path"] == scope["path"]


async def test_hypercorns_messages_become_lines_of_ours() -> None:
    made = _Made()
    log = made.config.log
    await log.info("Running on %s", "here")
    await log.debug("d")
    await log.warning("w")
    await log.error("e")
    await log.critical("c")
    try:
        raise KeyError("inside")
    except KeyError:
        await log.exception("Error in ASGI Framework")
    lines = made.lines()
    assert [line["level"] for line in lines] == [
        "info",
        "debug",
        "warning",
        "error",
        "critical",
        "error",
    ]
    assert lines[0]["event"] == "Running on here"
    assert "KeyError" in lines[-1]["exception"]
    assert {line["door"] for line in lines} == {"http"}
