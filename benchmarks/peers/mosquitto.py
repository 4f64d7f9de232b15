"""A Mosquitto of our own: its binary where there is one, never a broker that runs here already."""

from __future__ import annotations

import getpass
import os
import shutil
from pathlib import Path

#: Everything that would slow it down or lose messages is off; answers are not held back.
_CONFIGURATION = """\
per_listener_settings false
listener {connectors} 127.0.0.1
listener {operators} 127.0.0.1
allow_anonymous true
persistence false
set_tcp_nodelay true
max_queued_messages 0
max_inflight_messages 0
max_connections -1
user {user}
log_dest none
"""


def binary() -> str | None:
    """Return where Mosquitto is, or ``None``; many systems keep it off the path of users."""
    path = os.pathsep.join((os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin"))
    return shutil.which("mosquitto", path=path)


def command(folder: Path, connectors: int, operators: int) -> list[str]:
    """Return the command line of a broker with these two ports.

    Args:
        folder: for its configuration.
        connectors: port that connectors dial.
        operators: port for the operator.

    Raises:
        RuntimeError: there is no Mosquitto.
    """
    found = binary()
    if found is None:
        raise RuntimeError("no mosquitto on this machine")
    file = folder / "mosquitto.conf"
    user = getpass.getuser()
    file.write_text(_CONFIGURATION.format(connectors=connectors, operators=operators, user=user))
    return [found, "-c", str(file)]
