from __future__ import annotations

import dataclasses

import pytest

from protocols.doip.settings import expect_key
from protocols.errors import LocalProtocolError
from tests.protocols.doip.wired import EID, SETTINGS, VIN


@pytest.mark.parametrize(
    ("vin", "eid", "gid"),
    [("SHORT", bytes(6), bytes(6)), (VIN, bytes(5), bytes(6)), (VIN, EID, b"")],
)
def test_identities_of_the_wrong_length_are_refused(vin: str, eid: bytes, gid: bytes) -> None:
    with pytest.raises(LocalProtocolError, match="17, 6, 6"):
        dataclasses.replace(SETTINGS, vin=vin, eid=eid, gid=gid)


@pytest.mark.parametrize("sockets", [0, 256])
def test_a_socket_count_outside_one_byte_is_refused(sockets: int) -> None:
    with pytest.raises(LocalProtocolError, match="1 to 255"):
        dataclasses.replace(SETTINGS, max_sockets=sockets)


def test_a_key_is_the_whole_oem_field() -> None:
    rule = expect_key(0xCAFE0001)
    assert rule(bytes.fromhex("CAFE0001"))
    assert not rule(bytes.fromhex("CAFE0002"))
    assert not rule(b"")
    assert expect_key(7)(bytes.fromhex("00000007"))
