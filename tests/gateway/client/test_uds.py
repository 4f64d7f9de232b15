"""Scripts that exist, written for udsoncan, with the line changed that makes the connection."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from udsoncan.client import Client
from udsoncan.exceptions import NegativeResponseException, TimeoutException
from udsoncan.typing import ClientConfig

from gateway.client import blocking
from gateway.client.errors import Refused
from gateway.client.uds import GatewayConnection
from tests.end_to_end.houses import House
from tests.gateway.client.test_bus import in_thread
from tests.interop.test_udsoncan_against_vehicle import (
    clear_codes,
    code_on_fd,
    config,
    identify,
    read_codes,
    run_routine,
    stay_and_reset,
    unlock_and_code,
)

pytestmark = pytest.mark.slow

Credentials = dict[str, Any]


@pytest.fixture
def named(credentials: tuple[str, str, str]) -> Credentials:
    return dict(zip(("url", "client_id", "client_secret"), credentials, strict=True))


@pytest.mark.parametrize(
    "script",
    [identify, read_codes, clear_codes, unlock_and_code, run_routine, stay_and_reset],
)
async def test_a_script_for_classic_can_changes_one_line(
    house: House, named: Credentials, script: Callable[[Client], None]
) -> None:
    await house.plug_in("can")
    subject = house.connector("can").uuid

    def run() -> None:
        connection = GatewayConnection("7E0:7E8", subject, **named)  # the line
        with Client(connection, config=config("golf")) as tester:
            script(tester)

    await in_thread(run)


async def test_a_script_for_can_fd_changes_one_line(house: House, named: Credentials) -> None:
    await house.plug_in("can-fd")
    subject = house.connector("can-fd").uuid

    def run() -> None:
        with Client(
            GatewayConnection("7E0:7E8", subject, **named), config=config("ram1500")
        ) as it:
            code_on_fd(it)

    await in_thread(run)


def quick(**changes: object) -> ClientConfig:
    changed: Any = config("golf") | changes
    result: ClientConfig = changed
    return result


async def with_tester(
    house: House, named: Credentials, script: Callable[[Client], None], **changes: object
) -> None:
    await house.plug_in("can")

    def run() -> None:
        ecu = "engine" if "ecu" not in changes else str(changes.pop("ecu"))
        subject = house.connector("can").uuid
        with blocking.Client(**named) as client, client.open(connector=subject) as session:
            with Client(GatewayConnection(ecu, session), config=quick(**changes)) as tester:
                script(tester)
            assert session.refresh().state == "active", "the session is the script's own"

    await in_thread(run)


async def test_time_at_the_vehicle_is_not_the_networks(house: House, named: Credentials) -> None:
    """A P2 of 5 ms here would fail over any network; it is kept at the connector instead."""
    pending: list[int] = []

    def script(tester: Client) -> None:
        assert tester.read_data_by_identifier([0xF190]) is not None
        assert tester.clear_dtc(0xFFFFFF) is not None

    await with_tester(
        house, named, script, p2_timeout=0.001, nrc78_callback=lambda: pending.append(1)
    )
    assert pending, "a script's own callback hears that it takes longer"


async def test_silence_is_the_librarys_own_timeout(house: House, named: Credentials) -> None:
    def script(tester: Client) -> None:
        with pytest.raises(TimeoutException):
            tester.tester_present()

    await with_tester(house, named, script, ecu="123:456")


async def test_the_overall_timeout_holds_for_what_is_still_at_work(
    house: House, named: Credentials
) -> None:
    def script(tester: Client) -> None:
        with pytest.raises(TimeoutException):
            tester.tester_present()

    await with_tester(house, named, script, ecu="123:456", request_timeout=0.02)


async def test_suppressed_answers_are_not_waited_for(house: House, named: Credentials) -> None:
    def script(tester: Client) -> None:
        with tester.suppress_positive_response:
            assert tester.tester_present() is None
        with tester.suppress_positive_response(wait_nrc=True):
            assert tester.tester_present() is None
            with pytest.raises(NegativeResponseException):
                tester.change_session(0x7E)
        assert tester.tester_present() is not None

    await with_tester(house, named, script)


async def test_a_suppressed_request_reaches_the_vehicle_before_the_end(
    house: House, named: Credentials
) -> None:
    await house.plug_in("can")

    def run() -> None:
        subject = house.connector("can").uuid
        with blocking.Client(**named) as client, client.open(connector=subject) as session:
            tester = Client(GatewayConnection("engine", session), config=quick())
            with tester, tester.suppress_positive_response:
                tester.change_session(3)
            assert session.ask("engine", "22F186") == b"\x62\xf1\x86\x03"

    await in_thread(run)


async def test_a_lease_that_somebody_has_is_told(house: House, named: Credentials) -> None:
    await house.plug_in("can")
    subject = house.connector("can").uuid

    def run() -> None:
        with blocking.Client(**named) as client, client.open(connector=subject):
            second = GatewayConnection("engine", subject, **named)
            with Client(second, config=quick()) as tester, pytest.raises(Refused, match="lease"):
                tester.tester_present()

    await in_thread(run)


async def test_what_cannot_be_opened_leaves_no_thread(house: House, named: Credentials) -> None:
    def run() -> None:
        connection = GatewayConnection("engine", house.connector("can").uuid, **named)
        with pytest.raises(Refused):  # offline
            connection.open()
        assert not connection.is_open()
        with pytest.raises(RuntimeError, match="not opened"):
            connection.send(b"\x3e\x00")
        connection.close()

    await in_thread(run)
