"""Every addressing mode: identifiers, first bytes, mirrors, and agreement with can-isotp."""

from collections.abc import Callable

import isotp
import pytest

from protocols.can.frame import CanFrame
from protocols.errors import LocalProtocolError
from protocols.isotp.addressing import (
    OBD_FUNCTIONAL_11,
    OBD_FUNCTIONAL_29,
    Endpoint,
    IsoTpAddress,
    Target,
)

ADDRESSES = {
    "normal 11": IsoTpAddress.normal_11(0x7E0, 0x7E8, 0x7DF),
    "normal 29": IsoTpAddress.normal_29(0x17FC0076, 0x17FE0076, 0x17FFFFFF),
    "normal fixed": IsoTpAddress.normal_fixed(0x10),
    "extended 11": IsoTpAddress.extended_11(0x6F1, 0x612, 0x12, 0xF1, Endpoint(0x6F1, 0xDF)),
    "extended 29": IsoTpAddress.extended_29(0x10006F1, 0x1000612, 0x12, 0xF1),
    "mixed 11": IsoTpAddress.mixed_11(0x740, 0x748, 0x22, 0x7DF),
    "mixed 29": IsoTpAddress.mixed_29(0x10, 0xF1, 0x22),
    "obd 11": IsoTpAddress.obd_11(7),
    "obd 29": IsoTpAddress.obd_29(0x10),
}
EACH = pytest.mark.parametrize("address", ADDRESSES.values(), ids=ADDRESSES.keys())


def to(end: Endpoint, address: IsoTpAddress) -> CanFrame:
    prefix = b"" if end.prefix is None else bytes([end.prefix])
    return CanFrame(end.id, prefix + b"\x02\x3e\x00", extended=address.extended)


@EACH
def test_what_one_side_sends_is_for_the_other_and_not_for_itself(address: IsoTpAddress) -> None:
    mirror = address.mirrored()
    assert mirror.target_of(to(address.tx, address)) is Target.PHYSICAL
    assert address.target_of(to(address.tx, address)) is None
    assert address.target_of(to(mirror.tx, address)) is Target.PHYSICAL
    assert mirror.mirrored() == address


@EACH
def test_what_is_sent_to_all_reaches_the_ecu_as_functional(address: IsoTpAddress) -> None:
    if address.functional_tx is None:
        assert address.mirrored().functional_rx is None
        return
    frame = to(address.functional_tx, address)
    assert address.mirrored().target_of(frame) is Target.FUNCTIONAL
    assert address.target_of(frame) is None


@EACH
def test_can_isotp_reads_the_address_the_same_way(address: IsoTpAddress) -> None:
    theirs = address.to_isotp()
    assert theirs.get_tx_arbitration_id() == address.tx.id
    assert theirs.get_rx_arbitration_id() == address.rx.id
    assert theirs.is_tx_29bits() == address.extended
    assert theirs.get_tx_extension_byte() == address.tx.prefix
    frame = to(address.rx, address)
    message = isotp.CanMessage(frame.id, len(frame.data), frame.data, frame.extended)
    assert theirs.is_for_me(message)


@EACH
def test_keys_route_every_frame_that_may_concern_a_side(address: IsoTpAddress) -> None:
    ecu = address.mirrored()
    for end in filter(None, (address.tx, address.functional_tx)):
        assert (end.id, address.extended) in ecu.rx_keys
    assert address.rx_keys == ((address.rx.id, address.extended),)


@EACH
def test_frames_without_an_address_are_for_nobody(address: IsoTpAddress) -> None:
    frame = to(address.rx, address)
    flipped = CanFrame(frame.id & 0x7FF, frame.data, extended=not address.extended)
    assert address.target_of(flipped) is None
    assert address.target_of(CanFrame(frame.id, extended=frame.extended, remote=True)) is None
    assert address.target_of(CanFrame(frame.id, frame.data, frame.extended, error=True)) is None
    assert address.target_of(CanFrame(frame.id, extended=frame.extended)) is None


def test_the_first_byte_tells_addresses_on_one_identifier_apart() -> None:
    first = IsoTpAddress.extended_11(0x6F1, 0x612, 0x12, 0xF1).mirrored()
    second = IsoTpAddress.extended_11(0x6F1, 0x640, 0x40, 0xF1).mirrored()
    assert first.rx_keys == second.rx_keys
    frame = CanFrame(0x6F1, bytes.fromhex("40023E00"))
    assert (first.target_of(frame), second.target_of(frame)) == (None, Target.PHYSICAL)


def test_identifiers_of_legislated_diagnostics() -> None:
    assert [IsoTpAddress.obd_11(i).tx.id for i in range(8)] == list(range(0x7E0, 0x7E8))
    assert [IsoTpAddress.obd_11(i).rx.id for i in range(8)] == list(range(0x7E8, 0x7F0))
    assert IsoTpAddress.obd_11(0).functional_tx == Endpoint(OBD_FUNCTIONAL_11)
    fixed = IsoTpAddress.obd_29(0x10)
    assert (fixed.tx.id, fixed.rx.id) == (0x18DA10F1, 0x18DAF110)
    assert fixed.functional_tx == Endpoint(OBD_FUNCTIONAL_29)
    mixed = IsoTpAddress.mixed_29(0x10, 0xF1, 0x22)
    assert (mixed.tx.id, mixed.rx.id) == (0x18CE10F1, 0x18CEF110)
    assert mixed.functional_tx == Endpoint(0x18CD33F1, 0x22)


@pytest.mark.parametrize(
    "build",
    [
        lambda: IsoTpAddress.normal_11(0x800, 0x7E8),
        lambda: IsoTpAddress.normal_11(0x7E0, 0x7E8, 0x800),
        lambda: IsoTpAddress.normal_11(0x7E0, 0x7E0),
        lambda: IsoTpAddress.normal_29(0x20000000, 1),
        lambda: IsoTpAddress.normal_fixed(0x100),
        lambda: IsoTpAddress.normal_fixed(0xF1, 0xF1),
        lambda: IsoTpAddress.extended_11(0x6F1, 0x612, 0x100, 0xF1),
        lambda: IsoTpAddress.extended_11(0x6F1, 0x612, 0x12, 0xF1, Endpoint(0x6F1)),
        lambda: IsoTpAddress.mixed_11(0x740, 0x748, -1),
        lambda: IsoTpAddress.obd_11(8),
    ],
)
def test_an_address_that_cannot_exist_is_refused(build: Callable[[], IsoTpAddress]) -> None:
    with pytest.raises(LocalProtocolError):
        build()
