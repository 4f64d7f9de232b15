from __future__ import annotations

from gateway.domain.connector import OFFLINE
from gateway.links.elsewhere import Face, Nowhere
from tests.support.link_world import KNOWN, UUID_ONE


def test_one_node_alone_knows_of_no_other() -> None:
    nowhere, face = Nowhere(), Face(KNOWN)
    nowhere.arrived(face)
    nowhere.changed(face)
    assert nowhere.node_of(UUID_ONE) is None
    assert nowhere.face(UUID_ONE) is None
    assert (face.status, face.capabilities.buses) == (OFFLINE, ())
