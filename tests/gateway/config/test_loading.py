from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.config import ConfigError, Secret, Settings, load, settings_from

FILE = """
[data]
directory = "/var/lib/gateway"

[http]
host = "0.0.0.0"
port = 80
send_timeout = 5

[security]
key = "a key"

[tickets]
numbers = { pending = 1, closed = 7 }

[log]
format = "json"
"""


def _problems(document: dict[str, Any], environment: dict[str, str]) -> tuple[str, ...]:
    with pytest.raises(ConfigError) as refused:
        settings_from(document, environment)
    assert str(refused.value) == "\n".join(refused.value.problems)
    return refused.value.problems


def test_without_anything_the_defaults_hold() -> None:
    assert load(None, {}) == Settings()


def test_a_file_sets_what_it_names_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "gateway.toml"
    path.write_text(FILE)
    settings = load(path, {})
    assert settings.data.directory == Path("/var/lib/gateway")
    assert (settings.http.host, settings.http.port) == ("0.0.0.0", 80)
    assert settings.http.send_timeout == 5.0
    assert settings.http.keep_alive == Settings().http.keep_alive
    assert settings.security.key == Secret("a key")
    assert settings.log.format == "json"


def test_the_environment_goes_over_the_file(tmp_path: Path) -> None:
    path = tmp_path / "gateway.toml"
    path.write_text(FILE)
    environment = {
        "GATEWAY_HTTP_PORT": "8081",
        "GATEWAY_LINK_TLS_ELSEWHERE": "true",
        "GATEWAY_CUSTOMER_API_PAGE_LIMIT": "50",
        "GATEWAY_SECURITY_KEY": "12345",
        "GATEWAY_TICKETS_NUMBERS": '{"prepared": 4}',
        "GATEWAY_DATA_DIRECTORY": "/srv",
        "HTTP_PORT": "1",
    }
    settings = load(path, environment)
    assert (settings.http.host, settings.http.port) == ("0.0.0.0", 8081)
    assert settings.link.tls_elsewhere is True
    assert settings.customer_api.page_limit == 50
    assert settings.security.key == Secret("12345")
    assert settings.tickets.numbers["prepared"] == 4
    assert settings.data.directory == Path("/srv")


def test_every_mistake_is_reported_at_once() -> None:
    document = {
        "http": {"port": "80", "prot": 1, "max_body_bytes": 0},
        "htpp": {"port": 80},
        "empty_and_unknown": {},
        "port": 80,
        "security": {"key": 5},
        "link": {"host": "0.0.0.0"},
    }
    environment = {
        "GATEWAY_HTTP_PROT": "1",
        "GATEWAY_LOG_LEVEL": "loud",
        "GATEWAY_LINK_PORT": "70000",
        "GATEWAY_TICKETS_NAMES": "{",
        "GATEWAY_HTTP_CERTIFICATE": "",
    }
    problems = "\n".join(_problems(document, environment))
    for place in (
        "http.port: Expected `int`, got `str`",
        "http.prot: unknown setting; [http] has host, port",
        "http.max_body_bytes: Expected `int` >= 1",
        "[htpp]: unknown section",
        "[empty_and_unknown]: unknown section",
        "port: belongs in a section",
        "security.key: Expected text, got int",
        "link.host '0.0.0.0' is beyond loopback",
        "GATEWAY_HTTP_PROT: unknown setting",
        "GATEWAY_LOG_LEVEL: Invalid enum value",
        "GATEWAY_LINK_PORT: Expected `int` <= 65535",
        "GATEWAY_TICKETS_NAMES: Expected a JSON object",
        "GATEWAY_HTTP_CERTIFICATE: Expected text, got nothing",
    ):
        assert place in problems
    assert problems.count("\n") == 12


def test_variables_of_an_orchestrator_are_left_alone() -> None:
    environment = {
        "GATEWAY_SERVICE_HOST": "10.0.0.1",
        "GATEWAY_PORT": "tcp://10.0.0.1:80",
        "GATEWAY_CONFIG": "/etc/gateway.toml",
    }
    assert settings_from({}, environment) == Settings()


def test_a_secret_is_not_repeated_in_a_complaint() -> None:
    problems = _problems({"security": {"key": ["hunter2"]}, "database": {"url": 5}}, {})
    assert "hunter2" not in "\n".join(problems)


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"absent\.toml: cannot be read"):
        load(tmp_path / "absent.toml", {})


@pytest.mark.parametrize("content", [b"[http", b"\xff\xfe"])
def test_a_file_that_is_no_toml_is_named(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "broken.toml"
    path.write_bytes(content)
    with pytest.raises(ConfigError, match=r"broken\.toml: not TOML"):
        load(path, {})


toml_values = st.recursive(
    st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=5), inner, max_size=2)
    ),
    max_leaves=5,
)


@given(
    st.sampled_from(["http", "link", "security", "tickets", "data"]),
    st.sampled_from(["port", "host", "key", "numbers", "directory", "otp_lifetime", "x"]),
    toml_values,
)
def test_any_value_is_taken_or_refused(section: str, name: str, value: Any) -> None:
    try:
        assert isinstance(settings_from({section: {name: value}}, {}), Settings)
    except ConfigError as refused:
        assert refused.problems  # noqa: PT017 - either outcome is fine, nothing else is
