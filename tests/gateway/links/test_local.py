from __future__ import annotations

import base64
import json
from pathlib import Path
from uuid import UUID

import pytest
import trio
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from structlog.testing import CapturingLogger

from firmware_sim.roster import RosterEntry, read_roster
from gateway.config import LocalConnector, LocalSettings
from gateway.links.local import (
    LONGEST_LINE,
    LocalConnectorEnded,
    LocalConnectors,
    LocalProcess,
    _environment,
    _lines,
    _readable,
)
from gateway.runtime.logs import Log

ONE, TWO, OTHER = UUID(int=1), UUID(int=2), UUID(int=3)
LINK = "ws://127.0.0.1:1/link/v1"


def local(*connectors: LocalConnector, log: Log) -> LocalConnectors:
    return LocalConnectors(LocalSettings(connector=connectors), log, Path("/kept"))


def test_each_has_a_key_of_its_own_that_the_port_is_told_of(log: Log) -> None:
    connectors = local(
        LocalConnector(name="lift", uuid=ONE, bus="socketcan:can0"),
        LocalConnector(name="lan", uuid=TWO, bus="doip:192.0.2.10:13500"),
        log=log,
    )
    assert len(connectors) == 2
    assert connectors.public_keys(OTHER) == ()
    assert connectors.public_keys(ONE) != connectors.public_keys(TWO)
    again = local(LocalConnector(name="lift", uuid=ONE, bus="socketcan:can0"), log=log)
    assert again.public_keys(ONE) != connectors.public_keys(ONE)
    for process, uuid in zip(connectors.processes(LINK), (ONE, TWO), strict=True):
        (entry,) = json.loads(process._roster)
        key = Ed25519PrivateKey.from_private_bytes(base64.b64decode(entry["key"]))
        assert (key.public_key().public_bytes_raw(),) == connectors.public_keys(uuid)


def test_the_roster_is_what_the_firmware_reads(log: Log, tmp_path: Path) -> None:
    connectors = local(
        LocalConnector(
            name="lift", uuid=ONE, bus="pcan:USB1", ecus="7E0:7E8", fd=True, bitrate=500_000,
            data_bitrate=2_000_000, frames_only=True,
        ),
        LocalConnector(name="lan", uuid=TWO, bus="doip:192.0.2.10:13500"),
        log=log,
    )  # fmt: skip
    read: list[RosterEntry] = []
    for process in connectors.processes(LINK):
        path = tmp_path / process.name
        path.write_bytes(process._roster)
        read += read_roster(path)
    lift, lan = read
    assert (lift.gateway, lift.uuid, lift.bus, lift.doip) == (LINK, ONE, "pcan:USB1", None)
    assert (lift.ecus, lift.fd, lift.bitrate, lift.data_bitrate, lift.frames_only) == (
        "7E0:7E8",
        True,
        500_000,
        2_000_000,
        True,
    )
    assert (lift.folder, lan.folder) == (Path(f"/kept/{ONE}"), Path(f"/kept/{TWO}"))
    assert (lan.uuid, lan.bus, lan.doip, lan.vehicle) == (TWO, None, "192.0.2.10:13500", None)


def test_the_key_is_read_from_a_pipe_and_nothing_stays_open() -> None:
    before = set(Path("/dev/fd").iterdir())
    with _readable(b"x" * 4000) as descriptor:
        assert Path(f"/dev/fd/{descriptor}").read_bytes() == b"x" * 4000
    assert set(Path("/dev/fd").iterdir()) == before


def test_a_driver_gets_none_of_the_gateways_own_variables() -> None:
    variables = {"GATEWAY_SECURITY_KEY": "s", "PATH": "/bin", "LD_PRELOAD": ""}
    assert _environment(variables) == {"PATH": "/bin", "LD_PRELOAD": ""}


async def test_output_is_read_in_lines_of_bounded_length() -> None:
    sender, receiver = trio.testing.memory_stream_one_way_pair()
    await sender.send_all(b"one\ntw")
    await sender.send_all(b"o \xff\n" + b"x" * (LONGEST_LINE + 5))
    await sender.send_all(b"\nlast")
    await sender.aclose()
    lines = [line async for line in _lines(receiver)]
    assert lines == ["one", "two \ufffd", "x" * LONGEST_LINE, "x" * 5, "last"]


@pytest.mark.slow
@pytest.mark.process
async def test_a_process_that_ends_says_why(log: Log, logged: CapturingLogger) -> None:
    connectors = local(LocalConnector(name="lift", uuid=ONE, bus="no_such:can0"), log=log)
    (process,) = connectors.processes(LINK)
    async with trio.open_nursery() as nursery:
        for _ in range(2):  # it can be started again
            with pytest.raises(LocalConnectorEnded, match=r"lift ended with status 1: .*no_such"):
                await process.run()
        nursery.cancel_scope.cancel()
    assert any("cannot be opened" in str(call.kwargs) for call in logged.calls)
    assert _secret(process) not in str(logged.calls)


@pytest.mark.slow
@pytest.mark.process
async def test_a_process_ends_with_its_service(log: Log, logged: CapturingLogger) -> None:
    connectors = local(LocalConnector(name="lift", uuid=ONE, bus="virtual:x"), log=log)
    (process,) = connectors.processes(LINK)
    async with trio.open_nursery() as nursery:
        await nursery.start(process.run)
        await trio.sleep(0.1)
        nursery.cancel_scope.cancel()
    assert not process._last_words


def _secret(process: LocalProcess) -> str:
    key: str = json.loads(process._roster)[0]["key"]
    return key
