from __future__ import annotations

from dataclasses import dataclass

import pytest
import structlog
from quart_trio import QuartTrio

from gateway.bus.memory import MemoryBus
from gateway.chat.parts import ChatParts, build_chat
from gateway.config import PartnerApiSettings, Settings
from gateway.domain.clock import utc_now
from gateway.identity.identity import Identity, open_identity
from gateway.nodes.parts import Node, build_node
from gateway.rest import partnering
from gateway.runtime.logs import Log
from gateway.runtime.metrics import Metrics
from gateway.sessions.service import SessionService
from gateway.storage.database import Database
from gateway.tickets.partner_events import PartnerFeed
from gateway.tickets.service import TicketService
from gateway.web import problems
from tests.gateway.operators import Floor, open_floor
from tests.gateway.workshops import Workshop
from tests.settable_clock import SettableClock

pytestmark = pytest.mark.slow


@dataclass(frozen=True, slots=True)
class Below:
    """What the composition root would have."""

    settings: Settings
    log: Log
    identity: Identity
    database: Database
    tickets: TicketService
    sessions: SessionService
    talk: ChatParts
    node: Node
    partner_feed: PartnerFeed


async def _below(floor: Floor, settings: Settings, clock: SettableClock) -> Below:
    log, database = structlog.get_logger(), floor.workshop.database
    identity = await open_identity(database, settings, clock)
    bus, seal = MemoryBus(), identity.seal
    talk = build_chat(settings, database, seal, floor.sessions, bus, clock, log)
    node = build_node(settings, database, seal, bus, clock, Metrics(), log)
    feed = PartnerFeed(database, log)
    return Below(
        settings, log, identity, database, floor.tickets, floor.sessions, talk, node, feed
    )


async def test_settings_reach_the_doors(
    workshop: Workshop, clock: SettableClock, settings: Settings
) -> None:
    chosen = Settings(
        data=settings.data,
        security=settings.security,
        partner_api=PartnerApiSettings(burst=2, page_default=1),
    )
    async with open_floor(workshop, clock) as floor:
        below = await _below(floor, chosen, clock)
        assert set(partnering.services(below)) == {"partner events", "partner feed"}
        app = QuartTrio("partners")
        problems.install(app, below.log)
        for blueprint in partnering.blueprints(below, utc_now):
            app.register_blueprint(blueprint)
        made = await below.identity.operators.add(1, "One", actor="test")
        client = app.test_client()
        form = {"grant_type": "client_credentials", "client_id": made.client_id}
        issued = await client.post(
            "/partner/oauth2/token", form=form | {"client_secret": made.client_secret}
        )
        headers = {"Authorization": f"Bearer {(await issued.get_json())['access_token']}"}
        listed = await client.get("/partner/v2/customers", headers=headers)
        assert (await listed.get_json())["query"]["limit"] == 1
        assert listed.headers["RateLimit-Limit"] == "2"
