"""Structured lines on standard error: JSON for machines, coloured text for people.

The logger is a value: the composition root makes it and passes it in, bound to where it goes
(``log.bind(room="links")``). Lines are ``log.info("link up", connector=uuid)``: a short event,
then facts by name.

Secrets: a fact whose name says that it is one (token, pincode, password, key ...) is masked
whatever it holds, and tracebacks never show local variables. A broken standard error (reader
gone, disk full) loses lines and nothing else: logging must not be what stops the service.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager
from typing import Any, TextIO, cast

import structlog
from structlog.typing import FilteringBoundLogger, Processor
from typing_extensions import override

from gateway.config import LogSettings

Log = FilteringBoundLogger

MASK = "****"

_SECRET_NAME = re.compile(
    r"(^|_)(token|pincode|password|passphrase|secret|authorization|cookie|otp|private_key|api_key)s?$",
    re.IGNORECASE,
)


def open_log(settings: LogSettings, stream: TextIO) -> Log:
    """Return a logger that writes to ``stream`` as ``settings`` say."""
    is_console = settings.format == "console" or (
        settings.format == "auto" and hasattr(stream, "isatty") and stream.isatty()
    )
    processors: list[Processor] = [
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        mask_secrets,
    ]
    processors += _console(stream) if is_console else _json()
    log = structlog.wrap_logger(
        _Lines(stream),
        processors=processors,
        wrapper_class=structlog.make_filtering_bound_logger(settings.level),
        cache_logger_on_first_use=True,
    )
    return cast("Log", log.bind())


# Any: structlog's own type of a line being made.
def mask_secrets(_logger: Any, _method: str, line: MutableMapping[str, Any]) -> Any:
    """Replace what must not be read, by the name it has in the line; looks into dicts."""
    for name, value in line.items():
        if _SECRET_NAME.search(name):
            line[name] = MASK
        elif isinstance(value, dict):
            line[name] = mask_secrets(_logger, _method, dict(value))
    return line


@contextmanager
def stdlib_logging_into(log: Log) -> Iterator[None]:
    """Send what libraries say through ``logging`` to ``log``, warnings and worse, for the block.

    Process-wide by nature of ``logging``: only a program's entry point uses it.
    """
    handler = _Forward(log)
    root = logging.getLogger()
    root.addHandler(handler)
    try:
        yield
    finally:
        root.removeHandler(handler)


def _json() -> list[Processor]:
    return [
        # Plain text tracebacks: structlog's dictionaries would carry local variables.
        structlog.processors.format_exc_info,
        structlog.processors.JSONRenderer(sort_keys=False, default=str),
    ]


def _console(stream: TextIO) -> list[Processor]:
    colors = hasattr(stream, "isatty") and stream.isatty()
    plain = structlog.dev.plain_traceback
    return [structlog.dev.ConsoleRenderer(colors=colors, exception_formatter=plain)]


class _Lines:
    """Writes one line at a time and survives a stream that does not take it."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def _write(self, line: str) -> None:
        try:
            self._stream.write(f"{line}\n")
            self._stream.flush()
        except (OSError, ValueError):
            # ValueError: the stream is closed, or cannot encode a character. Nowhere to report.
            return

    debug = info = warning = error = critical = exception = msg = _write


class _Forward(logging.Handler):
    """Turns records of the standard library into lines of ours."""

    def __init__(self, log: Log) -> None:
        super().__init__(logging.WARNING)
        self._log = log

    @override
    def emit(self, record: logging.LogRecord) -> None:
        # Bound loggers take levels by number; their own filter applies.
        message = record.getMessage()
        self._log.log(record.levelno, message, logger=record.name, exc_info=record.exc_info)
