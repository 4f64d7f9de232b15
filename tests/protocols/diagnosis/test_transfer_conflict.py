from __future__ import annotations

import pytest

from protocols.diagnosis.transfer_conflict import concerns, is_functional, target_bus
from protocols.link.vehicle import CanTarget, DoipTarget, FunctionalTarget, Target

ENGINE = CanTarget(0x7E0, 0x7E8, "can0")


@pytest.mark.parametrize(
    ("target", "unit", "found"),
    [
        (ENGINE, ENGINE, True),
        (CanTarget(0x7E0, 0x7E8), ENGINE, True),
        (CanTarget(0x7E0, 0x7E8, "can1"), ENGINE, False),
        (CanTarget(0x7E1, 0x7E9, "can0"), ENGINE, False),
        (CanTarget(0x7DF, None, "can0"), ENGINE, True),
        (CanTarget(0x7DF, None, "can1"), ENGINE, False),
        (
            CanTarget(0x600, 0x610, mode="extended", target_address=1, source_address=2),
            CanTarget(0x600, 0x610, mode="extended", target_address=3, source_address=2),
            False,
        ),
        (FunctionalTarget(), ENGINE, True),
        (FunctionalTarget("can1"), ENGINE, False),
        (FunctionalTarget("doip0"), DoipTarget(16), True),
        (DoipTarget(16), DoipTarget(16), True),
        (DoipTarget(17), DoipTarget(16), False),
        (DoipTarget(0xE400, functional=True), DoipTarget(16), True),
        (DoipTarget(16), ENGINE, False),
        (ENGINE, DoipTarget(16), False),
    ],
)
def test_who_is_concerned(target: Target, unit: Target, found: bool) -> None:
    assert concerns(target, unit) is found


def test_who_is_everybody() -> None:
    assert is_functional(FunctionalTarget())
    assert is_functional(CanTarget(0x7DF))
    assert is_functional(DoipTarget(0xE400, functional=True))
    assert not is_functional(ENGINE)
    assert (target_bus(ENGINE), target_bus(DoipTarget(1))) == ("can0", "")
