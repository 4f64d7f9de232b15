"""Fifty connectors on the worst of roads: what is asked comes back once, or says why not."""

from __future__ import annotations

import ssl
from collections import Counter
from dataclasses import dataclass, field, replace
from pathlib import Path

import msgspec
import pytest
import trio
import trustme
from structlog.typing import FilteringBoundLogger

from firmware_sim.firmware.link import Backoff
from firmware_sim.fleet.fleet import Fleet, FleetOptions
from firmware_sim.fleet.member import MODEL_VIN
from firmware_sim.fleet.profiles import PROFILES
from firmware_sim.fleet.scenario import FaultKind, FaultSpec, Scenario
from firmware_sim.fleet.schedule import Schedule
from firmware_sim.roster import RosterEntry
from firmware_sim.vehicle.vin import vin_for_seed
from gateway.app import Gateway, open_gateway
from gateway.config import LinkSettings, Settings
from gateway.domain.errors import Unavailable
from gateway.storage.queries.identity import Provider, Tenant
from protocols.link.vehicle import CanTarget

CONNECTORS = 50

#: Everything that can go wrong, and soon; a minute of the worst road in a few seconds.
WORST = Scenario(
    "worst",
    tuple(
        FaultSpec(kind, after=(0.1, 0.8), lasts=(0.1, 0.6), at_byte=(0, 300), delay=(0.01, 0.1))
        for kind in FaultKind
    ),
)

#: What an exchange may end with instead of its result.
REASONS = {"connector.offline", "connector.restarted", "connector.busy"}

ENGINE, READ_VIN = CanTarget(0x7E0, 0x7E8), bytes.fromhex("22F190")


@dataclass
class Asked:
    """What came back to one connector's operator."""

    vin: str
    answers: int = 0
    reasons: Counter[str] = field(default_factory=Counter)

    async def ask_on(self, gateway: Gateway, entry: RosterEntry, enough: trio.Event) -> None:
        """Ask for the identification number over and over; the last answer is waited for too."""
        while not enough.is_set():
            try:
                await self._ask(gateway, entry)
                self.answers += 1
            except Unavailable as error:
                self.reasons[error.code] += 1
                await trio.sleep(0.05)
            await trio.sleep(0.01)

    async def _ask(self, gateway: Gateway, entry: RosterEntry) -> None:
        live = gateway.registry.require(entry.uuid)
        if not live.has_session("test"):
            live.open_session("test", writer=True, grace=5.0)
        with trio.fail_after(60):
            result = await live.exchange("test", ENGINE, READ_VIN)
        # Not a bit of it may be another one, flipped bits or not: this link has TLS.
        assert not result.failure, result
        assert [answer.data[3:].decode() for answer in result.responses] == [self.vin]


@pytest.mark.long
@pytest.mark.timeout(300)
async def test_whatever_befalls_the_fleet_exchanges_come_back_once_or_say_why_not(
    settings: Settings, log: FilteringBoundLogger, tmp_path: Path
) -> None:
    authority = trustme.CA()
    certificate = authority.issue_cert("127.0.0.1")
    certificate.cert_chain_pems[0].write_to_path(tmp_path / "gateway.pem")
    certificate.private_key_pem.write_to_path(tmp_path / "gateway.key")
    link = LinkSettings(
        port=0,
        certificate=tmp_path / "gateway.pem",
        private_key=tmp_path / "gateway.key",
        ping_interval=0.5,
        resume_window=8.0,
    )
    trust = ssl.create_default_context()
    authority.configure_trust(trust)
    async with open_gateway(replace(settings, link=link), log) as gateway:
        entries = await _enlist(gateway)
        options = FleetOptions(
            replace(PROFILES["flaky"], status_every=1.0),
            Schedule(WORST, seed=3),
            tls=trust,
            backoff=Backoff(first=0.1, longest=0.5),
        )
        fleet = Fleet(entries, options)
        operators = [Asked(vin_for_seed(MODEL_VIN, number)) for number in range(CONNECTORS)]
        async with trio.open_nursery() as nursery:
            nursery.start_soon(fleet.run)
            async with trio.open_nursery() as asking:
                enough = trio.Event()
                for operator, entry in zip(operators, entries, strict=True):
                    asking.start_soon(operator.ask_on, gateway, entry, enough)
                with trio.fail_after(240):
                    while not _enough(fleet, operators):  # noqa: ASYNC110 - many are waited for
                        await trio.sleep(0.1)
                enough.set()
            summary = fleet.tally.summary()
            nursery.cancel_scope.cancel()
    assert summary.exchanges_twice == 0
    assert summary.exchanges_refused == 0
    assert summary.given_up == 0
    assert summary.resumed > CONNECTORS
    reasons = sum((operator.reasons for operator in operators), Counter[str]())
    assert set(reasons) <= REASONS, reasons
    for fates in map(msgspec.structs.asdict, summary.faults.values()):
        assert fates.pop("injected") == sum(fates.values())


def _enough(fleet: Fleet, operators: list[Asked]) -> bool:
    """Tell whether everybody was answered often and everything has gone wrong several times."""
    faults = fleet.tally.faults
    return (
        all(operator.answers >= 10 for operator in operators)
        and all(kind in faults and faults[kind].injected >= 10 for kind in FaultKind)
        and fleet.tally.resumed > CONNECTORS
    )


async def _enlist(gateway: Gateway) -> tuple[RosterEntry, ...]:
    tenants = gateway.identity.tenants
    provider = await tenants.add_provider(Provider("Remote", "EUR"), actor="test")
    tenant = await tenants.add(Tenant(provider, "Garage", "EUR"), actor="test")
    keys = await gateway.identity.connectors.create_many(tenant, CONNECTORS, actor="test")
    return tuple(RosterEntry(gateway.link_url, key.uuid, key.private_key) for key in keys)
