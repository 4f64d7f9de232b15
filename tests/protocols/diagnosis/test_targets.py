from __future__ import annotations

import pytest

from protocols.diagnosis.targets import (
    OBD_FUNCTIONAL_29,
    functional_addresses,
    physical_address,
)
from protocols.errors import LocalProtocolError
from protocols.isotp.addressing import IsoTpAddress
from protocols.link.vehicle import CanTarget, EcuInfo

ECUS = (
    EcuInfo("engine", "can0", 0x7E0, 0x7E8),
    EcuInfo("body", "can0", 0x70E, 0x778),
    EcuInfo("wide", "can0", 0x18DA40F1, 0x18DAF140, extended=True),
    EcuInfo("elsewhere", "doip0", logical_address=0x1001),
)


@pytest.mark.parametrize(
    ("target", "address"),
    [
        (CanTarget(0x7E0, 0x7E8), IsoTpAddress.normal_11(0x7E0, 0x7E8)),
        (
            CanTarget(0x18DA10F1, 0x18DAF110, extended=True),
            IsoTpAddress.normal_29(0x18DA10F1, 0x18DAF110),
        ),
        (
            CanTarget(0x18DA10F1, 0x18DAF110, extended=True, mode="normal_fixed"),
            IsoTpAddress.normal_29(0x18DA10F1, 0x18DAF110),
        ),
        (
            CanTarget(0x6F1, 0x612, mode="extended", target_address=0x12, source_address=0xF1),
            IsoTpAddress.extended_11(0x6F1, 0x612, 0x12, 0xF1),
        ),
        (
            CanTarget(0x7E0, 0x7E8, mode="mixed", address_extension=0x55),
            IsoTpAddress.mixed_11(0x7E0, 0x7E8, 0x55),
        ),
        (
            CanTarget(0x18CE10F1, 0x18CEF110, extended=True, mode="mixed", address_extension=0x55),
            IsoTpAddress.mixed_29(0x10, 0xF1, 0x55),
        ),
    ],
)
def test_every_mode_has_its_address(target: CanTarget, address: IsoTpAddress) -> None:
    assert physical_address(target) == address


@pytest.mark.parametrize(
    ("target", "complaint"),
    [
        (CanTarget(0x7E0, 0x7E8, mode="sideways"), "no addressing mode 'sideways'"),
        (CanTarget(0x7E0), "needs a response_id"),
        (CanTarget(0x7E0, 0x7E8, mode="extended"), "needs target_address"),
        (CanTarget(0x7E0, 0x7E8, mode="mixed"), "needs address_extension"),
        (CanTarget(0x7E0, 0x7E0), "both directions"),
        (CanTarget(0x800, 0x7E8), "out of range"),
        (
            CanTarget(0x18DA10F1, 0x18DAF110, extended=True, mode="mixed", address_extension=1),
            "no identifier of mixed addressing",
        ),
    ],
)
def test_what_makes_no_address_is_refused(target: CanTarget, complaint: str) -> None:
    with pytest.raises(LocalProtocolError, match=complaint):
        physical_address(target)


def answers(addresses: tuple[IsoTpAddress, ...]) -> set[int]:
    return {address.rx.id for address in addresses}


def test_everybody_known_may_answer_and_legislated_ecus_too() -> None:
    found = functional_addresses(CanTarget(0x7DF), ECUS)
    assert answers(found) == {0x778, *range(0x7E8, 0x7F0)}
    assert {(address.tx.id, address.rx.id) for address in found} >= {(0x70E, 0x778)}
    assert all(
        address.functional_tx is not None and address.functional_tx.id == 0x7DF
        for address in found
    )


def test_a_makers_own_functional_identifier_reaches_the_known_ones() -> None:
    assert answers(functional_addresses(CanTarget(0x700), ECUS)) == {0x778, 0x7E8}


def test_29_bit_ecus_or_else_every_address_of_the_standard() -> None:
    known = functional_addresses(CanTarget(OBD_FUNCTIONAL_29, extended=True), ECUS)
    assert answers(known) == {0x18DAF140}
    unknown = functional_addresses(CanTarget(OBD_FUNCTIONAL_29, extended=True), ())
    assert answers(unknown) == {0x18DAF100 | ecu for ecu in range(0x100) if ecu != 0xF1}


def test_with_nobody_to_answer_there_is_no_request() -> None:
    with pytest.raises(LocalProtocolError, match="no known control unit"):
        functional_addresses(CanTarget(0x700), ())
