"""python-can over the gateway: Bus, Notifier, Logger, filters, and can-isotp on it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import can
import isotp
import pytest
import trio

from gateway.client.bus import GatewayBus, to_filters, to_frame
from gateway.client.errors import ClientError
from gateway.domain.clock import utc_now
from protocols.can.filters import CanFilter
from protocols.can.frame import CanFrame
from tests.end_to_end.houses import House

pytestmark = pytest.mark.slow

PING = can.Message(
    arbitration_id=0x7E0, data=bytes.fromhex("023E005555555555"), is_extended_id=False
)
PONG = b"\x02\x7e\x00"

Options = dict[str, Any]


@pytest.fixture
async def options(house: House, credentials: tuple[str, str, str]) -> Options:
    """What a script gives ``can.Bus``."""
    await house.plug_in("can")
    url, client_id, client_secret = credentials
    return {
        "interface": "diagnostic-gateway",
        "channel": house.connector("can").uuid,
        "url": url,
        "client_id": client_id,
        "client_secret": client_secret,
    }


async def in_thread(script: Callable[[], None]) -> None:
    """Run a script as its author would: without Trio, leaving no thread behind."""

    def run() -> None:
        script()
        assert "gateway-client" not in {thread.name for thread in threading.enumerate()}

    with trio.fail_after(30):
        await trio.to_thread.run_sync(run)


async def test_frames_go_both_ways_with_the_connectors_time(options: Options) -> None:
    def script() -> None:
        with can.Bus(**options) as bus:
            assert isinstance(bus, GatewayBus)
            bus.set_filters([{"can_id": 0x7E8, "can_mask": 0x7FF, "extended": False}])
            bus.send(PING)
            answer = bus.recv(5)
            assert answer is not None
            assert (answer.arbitration_id, bytes(answer.data[:3])) == (0x7E8, PONG)
            assert answer.timestamp == pytest.approx(utc_now().timestamp(), abs=2)
            assert (answer.channel, answer.is_rx, answer.is_extended_id) == ("can0", True, False)
            assert bus.dropped == 0
            assert bus.recv(0.01) is None

    await in_thread(script)


async def test_a_notifier_a_logger_and_a_periodic_task_work_on_it(
    options: Options, tmp_path: Path
) -> None:
    log = tmp_path / "bus.log"

    def script() -> None:
        reader = can.BufferedReader()
        only = [{"can_id": 0x7E8, "can_mask": 0x7FF}]
        with can.Bus(**options, can_filters=only) as bus, can.Logger(log) as logger:
            notifier = can.Notifier(bus, [reader, logger])
            task = bus.send_periodic(PING, 0.02)
            heard = [reader.get_message(5) for _ in range(5)]
            task.stop()
            notifier.stop()
        assert {message.data[:3] == PONG for message in heard if message} == {True}
        with can.LogReader(log) as written:
            assert {message.arbitration_id for message in written} == {0x7E8}

    await in_thread(script)


async def test_many_frames_arrive_whole_and_in_order(house: House, options: Options) -> None:
    count = 300

    def script() -> None:
        only = [{"can_id": 0x5A5, "can_mask": 0x7FF}]
        with (
            can.Bus(**options, can_filters=only) as bus,
            can.Bus(**shared(bus), can_filters=only) as listener,
        ):
            for number in range(count):
                bus.send(
                    can.Message(
                        arbitration_id=0x5A5, data=number.to_bytes(2), is_extended_id=False
                    )
                )
            numbers: list[int] = []
            while len(numbers) < count and (message := listener.recv(5)) is not None:
                numbers.append(int.from_bytes(message.data))
        assert numbers == list(range(count))

    def shared(bus: can.BusABC) -> Options:
        assert isinstance(bus, GatewayBus)
        return options | {"channel": bus.session.id}

    await in_thread(script)


async def test_can_isotp_runs_on_it_as_on_any_bus(options: Options) -> None:
    def script() -> None:
        with can.Bus(**options) as bus:
            address = isotp.Address(isotp.AddressingMode.Normal_11bits, txid=0x7E0, rxid=0x7E8)
            stack = isotp.CanStack(bus, address=address, params={"tx_padding": 0x55})
            stack.start()
            stack.send(b"\x22\xf1\x90")
            answer = stack.recv(block=True, timeout=5)
            assert answer is not None
            assert bytes(answer) == b"\x62\xf1\x90WVWZZZAUZHP341562"
            stack.stop()

    await in_thread(script)


async def test_a_second_bus_listens_and_says_why_it_does_not_send(
    house: House, options: Options
) -> None:
    def script() -> None:
        refused = pytest.raises(can.CanOperationError, match="only listens")
        with can.Bus(**options), can.Bus(**options) as second, refused:
            second.send(PING)

    await in_thread(script)


async def test_frames_that_cannot_be_are_refused_here(options: Options) -> None:
    def script() -> None:
        with can.Bus(**options) as bus:
            for wrong in (
                can.Message(arbitration_id=1, data=bytes(8), is_fd=True, is_extended_id=False),
                can.Message(arbitration_id=1, data=bytes(9), is_extended_id=False),
            ):
                with pytest.raises(can.CanOperationError):
                    bus.send(wrong)

    await in_thread(script)


def hear_out(bus: can.BusABC) -> None:
    """Take what came before the end, too; for half a minute at most."""
    for _ in range(30):
        while bus.recv(1) is not None:
            continue


async def test_a_bus_whose_session_is_over_says_so(house: House, options: Options) -> None:
    def script() -> None:
        with can.Bus(**options) as bus:
            assert isinstance(bus, GatewayBus)
            bus.session.end()
            with pytest.raises(can.CanOperationError, match="over"):
                hear_out(bus)
            with pytest.raises(ClientError):
                bus.session.refresh()
        with pytest.raises(can.CanOperationError, match="shut down"):
            bus.send(PING)
        bus.shutdown()

    await in_thread(script)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"client_secret": "guessed"}, "client secret"),
        ({"channel": "can0"}, "is no connector's UUID"),
        ({"channel": "ab" * 16}, "no session"),
        ({"channel": "00000000-0000-0000-0000-000000000000"}, "no connector"),
        ({"bus": "can7"}, "no CAN bus 'can7'"),
        ({"url": "ftp://example.org"}, "no gateway's address"),
        ({"bitrate": 1}, "bitrate"),
    ],
)
async def test_what_cannot_be_opened_says_why(
    options: Options, change: Options, told: str
) -> None:
    def script() -> None:
        with pytest.raises(can.CanInitializationError, match=told):
            can.Bus(**options | change)

    await in_thread(script)


async def test_buses_that_are_online_are_found(
    house: House, options: Options, monkeypatch: pytest.MonkeyPatch
) -> None:
    def found() -> list[Any]:
        return list(can.detect_available_configs("diagnostic-gateway"))

    monkeypatch.delenv("GATEWAY_URL", raising=False)
    assert await trio.to_thread.run_sync(found) == []
    monkeypatch.setenv("GATEWAY_URL", options["url"])
    monkeypatch.setenv("GATEWAY_CLIENT_ID", options["client_id"])
    monkeypatch.setenv("GATEWAY_CLIENT_SECRET", options["client_secret"])
    names = {"interface": "diagnostic-gateway", "channel": options["channel"], "bus": "can0"}
    assert names in await trio.to_thread.run_sync(found)


def test_messages_become_frames() -> None:
    remote = can.Message(arbitration_id=0x18DA10F1, is_remote_frame=True, dlc=8)
    assert to_frame(remote) == CanFrame(0x18DA10F1, extended=True, remote=True)
    fd = can.Message(
        arbitration_id=1, is_extended_id=False, is_fd=True, bitrate_switch=True, data=b"a"
    )
    assert to_frame(fd) == CanFrame(1, b"a", fd=True, brs=True)


def test_rules_become_filters() -> None:
    assert to_filters(None) == ()
    both = to_filters([{"can_id": 0x7E8, "can_mask": 0x7FF}])
    assert both == (CanFilter(0x7E8, 0x7FF), CanFilter(0x7E8, 0x7FF, extended=True))
    wide = to_filters([{"can_id": 0x18DAF110, "can_mask": 0x1FFFFFFF}])
    assert wide == (CanFilter(0x18DAF110, extended=True),)
    short = [{"can_id": number, "can_mask": 0x7FF, "extended": False} for number in range(64)]
    assert len(to_filters(short)) == 64  # type: ignore[arg-type]
    assert to_filters([*short, *short]) == ()  # type: ignore[list-item]
