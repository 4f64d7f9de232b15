"""SocketCAN's rates, with a stand-in for ``ip`` that keeps an interface in a file."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from firmware_sim.buses.can_bus import BusGoneError, open_bus
from firmware_sim.buses.interface_link import LinkError, set_interface
from firmware_sim.buses.settings import BusSettings

pytestmark = [pytest.mark.process, pytest.mark.slow]

IP = """#!{python}
import json, pathlib, sys
home = pathlib.Path({home!r})
with (home / "calls").open("a") as calls:
    print(*sys.argv[1:], file=calls)
if (home / "forbidden").exists() and "set" in sys.argv:
    sys.exit("RTNETLINK answers: Operation not permitted")
state = home / "state"
now = json.loads(state.read_text()) if state.exists() else {{"up": False}}
words = sys.argv[1:]
if "show" in words:
    modes = [name for name, key in (("FD", "fd"), ("LISTEN-ONLY", "listen-only")) if now.get(key)]
    print(json.dumps([{{"flags": ["UP"] if now["up"] else [], "linkinfo": {{"info_data": {{
        "ctrlmode": modes, "bittiming": {{"bitrate": now.get("bitrate")}},
        "data_bittiming": {{"bitrate": now.get("dbitrate")}}}}}}}}]))
elif "type" in words:
    given = words[words.index("can") + 1:]
    for name, value in zip(given[::2], given[1::2]):
        now[name] = value == "on" if value in ("on", "off") else int(value)
else:
    now["up"] = words[-1] == "up"
state.write_text(json.dumps(now))
"""


@pytest.fixture
def system(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    program = tmp_path / "ip"
    program.write_text(IP.format(python=sys.executable, home=str(tmp_path)))
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    return tmp_path


def calls(system: Path) -> list[str]:
    return (system / "calls").read_text().splitlines()


async def test_rates_are_set_once_and_then_left_alone(system: Path) -> None:
    settings = BusSettings(500_000, 2_000_000)
    await set_interface("can0", settings, fd=True)
    assert calls(system)[1:] == [
        "link set dev can0 down",
        "link set dev can0 type can listen-only off bitrate 500000 dbitrate 2000000 fd on",
        "link set dev can0 up",
    ]
    await set_interface("can0", settings, fd=True)
    assert len(calls(system)) == 5, "it ran so already"
    await set_interface("can0", BusSettings(500_000, 2_000_000, listen_only=True), fd=True)
    assert "listen-only on" in calls(system)[-2]


async def test_nothing_wanted_nothing_asked(system: Path) -> None:
    await set_interface("can0", BusSettings(), fd=False)
    assert not (system / "calls").exists()


async def test_what_the_system_refuses_is_said(system: Path) -> None:
    (system / "forbidden").touch()
    with pytest.raises(LinkError, match="not permitted"):
        await set_interface("can0", BusSettings(500_000), fd=False)
    with pytest.raises(BusGoneError, match="not permitted"):
        async with open_bus("socketcan:can0", bitrate=500_000):
            pytest.fail("must not open")


async def test_without_the_program_it_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(LinkError, match="ip -json"):
        await set_interface("can0", BusSettings(500_000), fd=False)
