from __future__ import annotations

from gateway.domain.connector import OFFLINE, ConnectorStatus
from gateway.links.elsewhere import Nowhere
from tests.support.link_world import KNOWN, UUID_ONE


def test_one_node_alone_knows_of_no_other() -> None:
    nowhere = Nowhere()
    nowhere.arrived(KNOWN, OFFLINE)
    nowhere.changed(KNOWN, ConnectorStatus(online=True))
    assert nowhere.node_of(UUID_ONE) is None
    assert nowhere.status(UUID_ONE) is OFFLINE
