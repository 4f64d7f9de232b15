"""A gateway's link port in memory, and a fleet whose connectors it knows."""

from __future__ import annotations

import base64
from dataclasses import dataclass, replace
from random import Random
from uuid import UUID

import trio
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from firmware_sim.firmware.link import Backoff
from firmware_sim.fleet.agenda import Agenda
from firmware_sim.fleet.graveyard import Graveyard
from firmware_sim.fleet.member import Member, Surroundings
from firmware_sim.fleet.profiles import Profile
from firmware_sim.fleet.schedule import Schedule
from firmware_sim.fleet.tally import Tally
from firmware_sim.roster import RosterEntry
from gateway.links.connector import LiveConnector
from gateway.links.port import PATH
from tests.support.link_world import KNOWN, LinkWorld, until

QUICK = Backoff(first=0.1, longest=1.0)


def enlist(world: LinkWorld, count: int) -> tuple[RosterEntry, ...]:
    """Make connectors known to the gateway and return their roster."""
    return tuple(_enlisted(world, number) for number in range(count))


def _enlisted(world: LinkWorld, number: int) -> RosterEntry:
    uuid, key = UUID(int=number + 1), bytes((number % 256, number // 256)) * 16
    public = Ed25519PrivateKey.from_private_bytes(key).public_key().public_bytes_raw()
    known = replace(KNOWN, number=100_000_000 + number, uuid=uuid, public_keys=(public,))
    world.known[uuid] = known
    return RosterEntry(f"ws://gateway{PATH}", uuid, base64.b64encode(key).decode())


@dataclass
class Company:
    """One member at a time, with everything a fleet would give it."""

    world: LinkWorld
    shared: Surroundings
    graveyard: Graveyard

    @property
    def tally(self) -> Tally:
        return self.shared.tally

    async def join(self, number: int = 0) -> tuple[Member, LiveConnector]:
        """Let a member come online; returns it and how the gateway sees it."""
        entry = enlist(self.world, number + 1)[number]
        member = Member(self.shared, number, entry)
        settled = trio.Event()
        self.shared.nursery.start_soon(member.run, settled.set)
        with trio.fail_after(20):
            await settled.wait()
        await until(lambda: self.world.registry.find(entry.uuid) is not None)
        return member, self.world.registry.require(entry.uuid)


def company(
    world: LinkWorld, profile: Profile | None = None, schedule: Schedule | None = None
) -> Company:
    """Return what members need; their tasks live as long as the world."""

    async def dial(_host: str, _port: int) -> trio.abc.Stream:
        await trio.lowlevel.checkpoint()
        return world.dial()

    agenda = Agenda()
    world.nursery.start_soon(agenda.run)
    graveyard = Graveyard(agenda, world.nursery)
    shared = Surroundings(
        profile=profile or Profile(),
        schedule=schedule,
        tally=Tally(1),
        agenda=agenda,
        nursery=world.nursery,
        random=Random(1),
        dial=dial,
        bury=graveyard.bury,
        backoff=QUICK,
    )
    return Company(world, shared, graveyard)
