"""SocketCAN's interfaces are run by the system: ``ip link`` sets bit rates, not a program.

Needs the right to do it (``CAP_NET_ADMIN``, as the systemd unit in docs/firmware.md gives it).
Where an interface runs as wanted already nothing is done and nothing is needed.
"""

from __future__ import annotations

import json
import subprocess
from typing import Any

import trio

from firmware_sim.buses.settings import BusSettings

#: How long the system may take to set an interface down or up, seconds.
LIMIT = 10.0


class LinkError(OSError):
    """The system did not do it; the text says what it said."""


async def set_interface(name: str, settings: BusSettings, *, fd: bool) -> None:
    """Run the interface ``name`` as ``settings`` say.

    Raises:
        LinkError: it cannot be, or must not.
    """
    if settings.bitrate is None and not settings.listen_only:
        return
    wanted = _wanted(settings, fd=fd)
    if wanted.items() <= (await _present(name)).items():
        return
    await _ip("link", "set", "dev", name, "down")
    await _ip("link", "set", "dev", name, "type", "can", *_arguments(settings, fd=fd))
    await _ip("link", "set", "dev", name, "up")


def _wanted(settings: BusSettings, *, fd: bool) -> dict[str, object]:
    wanted: dict[str, object] = {"up": True, "fd": fd, "listen-only": settings.listen_only}
    if settings.bitrate is not None:
        wanted["bitrate"] = settings.bitrate
    if settings.data_bitrate is not None:
        wanted["dbitrate"] = settings.data_bitrate
    return wanted


def _arguments(settings: BusSettings, *, fd: bool) -> list[str]:
    found = ["listen-only", "on" if settings.listen_only else "off"]
    if settings.bitrate is not None:
        found += ["bitrate", str(settings.bitrate)]
    if settings.data_bitrate is not None:
        found += ["dbitrate", str(settings.data_bitrate)]
    return [*found, "fd", "on" if fd else "off"]


async def _present(name: str) -> dict[str, object]:
    """Return how an interface runs now; empty where it does not tell, as virtual ones."""
    text = await _ip("-json", "-details", "link", "show", "dev", name)
    try:
        shown: dict[str, Any] = json.loads(text)[0]  # Any: JSON of another program
        about = shown["linkinfo"]["info_data"]
        modes = about.get("ctrlmode", [])
        return {
            "up": "UP" in shown["flags"],
            "fd": "FD" in modes,
            "listen-only": "LISTEN-ONLY" in modes,
            "bitrate": about.get("bittiming", {}).get("bitrate"),
            "dbitrate": about.get("data_bittiming", {}).get("bitrate"),
        }
    except (ValueError, LookupError, TypeError, AttributeError):
        return {}


async def _ip(*arguments: str) -> str:
    try:
        with trio.fail_after(LIMIT):
            done = await trio.run_process(
                ["ip", *arguments],
                capture_stdout=True,
                stderr=subprocess.STDOUT,
                check=False,
                stdin=b"",
            )
    except OSError as error:
        raise LinkError(f"ip {' '.join(arguments)}: {error}") from None
    except trio.TooSlowError:
        raise LinkError(f"ip {' '.join(arguments)}: no end after {LIMIT:g} s") from None
    text = done.stdout.decode(errors="replace")
    if done.returncode:
        raise LinkError(f"ip {' '.join(arguments)}: {' '.join(text.split())}")
    return text
