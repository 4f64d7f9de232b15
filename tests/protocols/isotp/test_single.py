from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.can.frame import CanFrame, check_local
from protocols.isotp.addressing import IsoTpAddress
from protocols.isotp.engine import Engine
from protocols.isotp.params import IsoTpParams
from protocols.isotp.single import SingleFrames

NORMAL = IsoTpAddress.normal_11(0x7E0, 0x7E8)
EXTENDED = IsoTpAddress.extended_29(0x80001, 0x80002, 0x12, 0xF1)
CLASSIC = IsoTpParams()
SHORT = IsoTpParams(padding=None)
WIDE = IsoTpParams(can_fd=True, bitrate_switch=True, tx_data_length=64, padding=0xAA)


@pytest.mark.parametrize(
    ("address", "params", "payload", "data"),
    [
        (NORMAL, CLASSIC, "3e00", "023e00cccccccccc"),
        (NORMAL, SHORT, "3e00", "023e00"),
        (EXTENDED, CLASSIC, "3e00", "12023e00cccccccc"),
        (NORMAL, WIDE, "3e00", "023e00aaaaaaaaaa"),
        (NORMAL, WIDE, "11" * 8, "0008" + "11" * 8 + "aa" * 2),
        (EXTENDED, WIDE, "11" * 7, "120007" + "11" * 7 + "aa" * 2),
    ],
)
def test_a_payload_in_one_frame(
    address: IsoTpAddress, params: IsoTpParams, payload: str, data: str
) -> None:
    frame = SingleFrames(address, params).pack(bytes.fromhex(payload), address.tx)
    assert frame.data.hex() == data
    assert (frame.id, frame.extended) == (address.tx.id, address.extended)
    assert (frame.fd, frame.brs) == (params.can_fd, params.bitrate_switch)


@pytest.mark.parametrize(
    ("address", "params", "room"),
    [(NORMAL, CLASSIC, 7), (EXTENDED, CLASSIC, 6), (NORMAL, WIDE, 62), (EXTENDED, WIDE, 61)],
)
def test_the_room_is_used_to_the_last_byte(
    address: IsoTpAddress, params: IsoTpParams, room: int
) -> None:
    single = SingleFrames(address, params)
    assert single.room == room
    assert len(check_local(single.pack(bytes(room), address.tx)).data) == params.tx_data_length


@given(st.binary(max_size=64), st.sampled_from([NORMAL, EXTENDED]))
def test_what_is_unpacked_is_what_the_engine_would_say(data: bytes, address: IsoTpAddress) -> None:
    frame = CanFrame(address.rx.id, data, address.extended, fd=len(data) > 8)
    payload = SingleFrames(address, CLASSIC).unpack(frame)
    if payload is None:
        return
    engine = Engine(address, CLASSIC, 0.0)
    engine.receive(frame)
    assert bytes(engine.recv() or b"") == payload
