"""Where the gateway is and who asks: arguments, then the environment, then a profile file.

    [profile.toml]
    url = "https://gateway.example.org"
    client_id = "op-1"
    client_secret = "..."

The environment has ``GATEWAY_URL``, ``GATEWAY_CLIENT_ID``, ``GATEWAY_CLIENT_SECRET`` and, for
another file than ``~/.config/diagnostic-gateway/profile.toml``, ``GATEWAY_PROFILE``.
"""

from __future__ import annotations

import os
import stat
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from gateway.client.errors import Misconfigured

#: Where a profile is looked for, below the home folder.
DEFAULT = Path(".config", "diagnostic-gateway", "profile.toml")

_MEMBERS = ("url", "client_id", "client_secret")
_VARIABLES = {name: f"GATEWAY_{name.upper()}" for name in _MEMBERS}


@dataclass(frozen=True, slots=True)
class Profile:
    """A gateway and an operator's credentials.

    Attributes:
        url: of the gateway's HTTP side, ``https://...``, without the API's path.
        client_id: who.
        client_secret: proves it; never shown.

    Raises:
        Misconfigured: the URL is none.
    """

    url: str
    client_id: str
    client_secret: str = field(repr=False)

    def __post_init__(self) -> None:
        try:
            parts = urlsplit(self.url)
            usable = parts.scheme in {"http", "https"} and parts.hostname and parts.port != 0
        except ValueError:
            usable = False
        if not usable:
            raise Misconfigured(
                f"{self.url!r} is no gateway's address; it looks like https://gateway.example.org"
            )
        object.__setattr__(self, "url", self.url.rstrip("/"))

    @property
    def socket_url(self) -> str:
        """The operators' websocket, for many messages at once."""
        return f"{self.url.replace('http', 'ws', 1)}/ws/operator?batch=1"


def find_profile(
    url: str | None = None,
    client_id: str | None = None,
    client_secret: str | None = None,
    *,
    path: Path | None = None,
    environment: Mapping[str, str] | None = None,
) -> Profile:
    """Return the profile made of what is given here, in the environment and in a file.

    Args:
        url: of the gateway.
        client_id: who.
        client_secret: proves it.
        path: a profile file; must exist where it is named.
        environment: in place of the process's own.

    Raises:
        Misconfigured: something is missing; the text says what and where to put it.
    """
    known = os.environ if environment is None else environment
    given = {"url": url, "client_id": client_id, "client_secret": client_secret}
    values = {name: value for name, value in given.items() if value}
    values = {name: known[env] for name, env in _VARIABLES.items() if known.get(env)} | values
    if len(values) < len(_MEMBERS) or path is not None:
        values = _from_file(path, known) | values
    missing = [name for name in _MEMBERS if name not in values]
    if missing:
        variables = ", ".join(_VARIABLES[name] for name in missing)
        raise Misconfigured(
            f"No {' and no '.join(missing)}: give it as an argument, as {variables} in the "
            f"environment, or in ~/{DEFAULT}."
        )
    return Profile(**values)


def _from_file(path: Path | None, environment: Mapping[str, str]) -> dict[str, str]:
    named = path or (
        Path(environment["GATEWAY_PROFILE"]) if "GATEWAY_PROFILE" in environment else None
    )
    place = named or Path.home() / DEFAULT
    if named is None and not place.exists():
        return {}
    try:
        if os.name == "posix" and place.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
            raise Misconfigured(f"{place} has a secret and others can read it: chmod 600 it.")
        document = tomllib.loads(place.read_text(encoding="utf-8"))
    except OSError as error:
        raise Misconfigured(f"{place}: cannot be read: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise Misconfigured(f"{place}: not TOML: {error}") from error
    wrong = [
        name
        for name, value in document.items()
        if name not in _MEMBERS or not isinstance(value, str)
    ]
    if wrong:
        raise Misconfigured(f"{place}: {wrong[0]}: a profile has {', '.join(_MEMBERS)}, as text.")
    return document
