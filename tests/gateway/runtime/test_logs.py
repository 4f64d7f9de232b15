from __future__ import annotations

import io
import json
import logging

import pytest
from typing_extensions import override

from gateway.config import LogSettings
from gateway.runtime.logs import open_log, stdlib_logging_into


def _lines(stream: io.StringIO) -> list[dict[str, object]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_a_line_is_one_json_object_with_level_and_time() -> None:
    stream = io.StringIO()
    log = open_log(LogSettings(), stream).bind(room="links")
    log.info("link up", connector=100000001)
    [line] = _lines(stream)
    assert line.pop("timestamp")
    assert line == {
        "event": "link up",
        "level": "info",
        "room": "links",
        "connector": 100000001,
    }


def test_lines_below_the_level_are_not_written() -> None:
    stream = io.StringIO()
    log = open_log(LogSettings(level="warning"), stream)
    log.info("quiet")
    log.warning("loud")
    assert [line["event"] for line in _lines(stream)] == ["loud"]


@pytest.mark.parametrize(
    "name",
    [
        "token",
        "access_token",
        "pincode",
        "password",
        "client_secret",
        "private_key",
        "otp",
        "Authorization",
    ],
)
def test_secrets_are_masked_by_name(name: str) -> None:
    stream = io.StringIO()
    open_log(LogSettings(), stream).info("x", **{name: "hunter2"}, body={name: "hunter2"})
    assert "hunter2" not in stream.getvalue()
    assert _lines(stream)[0][name] == "****"


def test_names_that_only_resemble_secrets_are_kept() -> None:
    stream = io.StringIO()
    open_log(LogSettings(), stream).info("x", tokens_issued=3, keyboard="de", key="12")
    assert _lines(stream)[0]["tokens_issued"] == 3


@pytest.mark.parametrize("form", ["json", "console"])
def test_tracebacks_show_no_local_variables(form: str) -> None:
    stream = io.StringIO()
    log = open_log(LogSettings(format="json" if form == "json" else "console"), stream)
    try:
        pincode = "hunter" + "2"
        raise KeyError(len(pincode))
    except KeyError:
        log.exception("failed")
    assert "KeyError" in stream.getvalue()
    assert "hunter2" not in stream.getvalue()


def test_console_lines_are_plain_where_there_is_no_terminal() -> None:
    stream = io.StringIO()
    open_log(LogSettings(format="console"), stream).info("link up", connector=7)
    assert "link up" in stream.getvalue()
    assert "connector=7" in stream.getvalue()
    assert "\x1b" not in stream.getvalue()


class _BrokenStream(io.StringIO):
    @override
    def write(self, _text: str) -> int:
        raise BrokenPipeError


def test_a_broken_stream_loses_the_line_and_nothing_else() -> None:
    stream = _BrokenStream()
    open_log(LogSettings(), stream).error("nobody reads this")
    assert stream.getvalue() == ""


def test_standard_library_logging_arrives_for_the_block_only() -> None:
    stream = io.StringIO()
    library = logging.getLogger("some.library")
    with stdlib_logging_into(open_log(LogSettings(), stream)):
        library.warning("cannot %s", "reach it")
        library.info("chatter")
    library.warning("after")
    [line] = _lines(stream)
    assert (line["event"], line["logger"], line["level"]) == (
        "cannot reach it",
        "some.library",
        "warning",
    )
