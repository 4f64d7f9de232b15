"""Our settings and our log, in the form Hypercorn takes them."""

from __future__ import annotations

import logging
import sys
from typing import Any, cast

from hypercorn.config import Config
from hypercorn.logging import Logger
from hypercorn.typing import ResponseSummary, WWWScope
from typing_extensions import override

from gateway.config import HttpSettings
from gateway.runtime.logs import Log
from gateway.runtime.metrics import Metrics
from gateway.web.protocol_errors import protocol_error_in

#: Seconds a TLS handshake may take.
HANDSHAKE = 10.0

#: Methods that get a label of their own; anything else a peer invents is "other".
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


class ServerConfig(Config):
    """Hypercorn's settings from ours; also its way to the log."""

    def __init__(self, settings: HttpSettings, log: Log, metrics: Metrics) -> None:
        self._log = _HypercornLog(self, log, metrics)
        self.h11_max_incomplete_size = settings.max_header_bytes
        self.h2_max_header_list_size = settings.max_header_bytes
        self.include_server_header = False
        self.keep_alive_timeout = settings.keep_alive
        # Hypercorn says whole seconds and hands it to a clock that takes any.
        self.read_timeout = cast("int", settings.read_timeout)
        self.ssl_handshake_timeout = HANDSHAKE
        self.websocket_max_message_size = settings.max_message_bytes
        self.websocket_ping_interval = settings.websocket_ping


class _HypercornLog(Logger):
    """Hypercorn's messages as structured lines, its access log as numbers."""

    def __init__(self, config: Config, log: Log, metrics: Metrics) -> None:
        super().__init__(config)
        self._log = log.bind(door="http")
        self._requests = metrics.counter("http_requests", "Requests", ("method", "status"))
        self._seconds = metrics.histogram("http_request_seconds", "Time to answer", ("method",))

    @override
    async def access(
        self, request: WWWScope, response: ResponseSummary | None, request_time: float
    ) -> None:
        method = "WEBSOCKET" if request["type"] == "websocket" else request["method"]
        label = method if method in _METHODS or method == "WEBSOCKET" else "other"
        # No response: the peer left before there was one.
        status = "none" if response is None else str(int(response["status"]))
        self._requests.labels(label, status).inc()
        self._seconds.labels(label).observe(request_time)
        self._log.debug("request", method=method, path=request["path"], status=status)

    @override
    async def log(self, level: int, message: str, *args: Any, **kwargs: Any) -> None:
        self._log.log(level, message % args if args else message)

    @override
    async def critical(self, message: str, *args: Any, **kwargs: Any) -> None:
        await self.log(logging.CRITICAL, message, *args)

    @override
    async def error(self, message: str, *args: Any, **kwargs: Any) -> None:
        await self.log(logging.ERROR, message, *args)

    @override
    async def warning(self, message: str, *args: Any, **kwargs: Any) -> None:
        await self.log(logging.WARNING, message, *args)

    @override
    async def info(self, message: str, *args: Any, **kwargs: Any) -> None:
        await self.log(logging.INFO, message, *args)

    @override
    async def debug(self, message: str, *args: Any, **kwargs: Any) -> None:
        await self.log(logging.DEBUG, message, *args)

    @override
    async def exception(self, message: str, *args: Any, **kwargs: Any) -> None:
        broken = protocol_error_in(sys.exception())
        if broken is None:
            self._log.exception(message % args if args else message)
        else:
            self._log.warning("a peer broke the protocol", reason=str(broken)[:200])
