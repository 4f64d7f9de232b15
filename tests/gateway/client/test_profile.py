from __future__ import annotations

from pathlib import Path

import pytest

from gateway.client.errors import Misconfigured
from gateway.client.profile import DEFAULT, Profile, find_profile

FILE = 'url = "https://file"\nclient_id = "from file"\nclient_secret = "s3cret"\n'
ENVIRONMENT = {"GATEWAY_URL": "https://environment", "GATEWAY_CLIENT_ID": "from environment"}


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


def write(path: Path, text: str = FILE, mode: int = 0o600) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(mode)
    return path


def test_arguments_go_before_the_environment_and_that_before_the_file(home: Path) -> None:
    write(home / DEFAULT)
    found = find_profile("http://argument:8080/", environment=ENVIRONMENT)
    assert found == Profile("http://argument:8080", "from environment", "s3cret")
    assert found.socket_url == "ws://argument:8080/ws/operator?batch=1"
    assert find_profile(environment={}).socket_url.startswith("wss://file/")
    assert "s3cret" not in repr(found)


def test_another_file_is_named_by_argument_or_environment(home: Path, tmp_path: Path) -> None:
    path = write(tmp_path / "other.toml")
    assert find_profile(path=path, environment={}).client_id == "from file"
    assert find_profile(environment={"GATEWAY_PROFILE": str(path)}).client_id == "from file"


def test_what_is_missing_is_named_with_its_places(home: Path) -> None:
    with pytest.raises(Misconfigured, match=r"No client_secret: .*GATEWAY_CLIENT_SECRET"):
        find_profile(environment=ENVIRONMENT)


@pytest.mark.parametrize(
    ("text", "mode", "told"),
    [
        (FILE, 0o644, "chmod 600"),
        ("url = ", 0o600, "not TOML"),
        ("port = 1", 0o600, "port: a profile has url, client_id, client_secret"),
        ("url = 1", 0o600, "as text"),
    ],
)
def test_files_that_cannot_be_used_say_why(home: Path, text: str, mode: int, told: str) -> None:
    path = write(home / "profile.toml", text, mode)
    with pytest.raises(Misconfigured, match=told):
        find_profile(path=path, environment={})
    with pytest.raises(Misconfigured, match="cannot be read"):
        find_profile(path=home / "none.toml", environment={})


@pytest.mark.parametrize(
    "url", ["", "gateway", "ftp://host", "http://", "http://host:x", "//host"]
)
def test_addresses_that_are_none(url: str) -> None:
    with pytest.raises(Misconfigured):
        Profile(url, "id", "secret")
