from __future__ import annotations

from pathlib import Path

import pytest

from firmware_sim.assembly import SettingsError
from firmware_sim.fleet.scenario import (
    MAX_FILE,
    SCENARIOS,
    FaultKind,
    FaultSpec,
    load_scenario,
    parse_scenario,
)

UNDERGROUND = b"""
name: underground
faults:
  - {kind: cut, weight: 3, after: [5, 40], at_byte: [0, 2000]}
  - kind: half-open
"""


def test_a_file_is_read(tmp_path: Path) -> None:
    file = tmp_path / "underground.yaml"
    file.write_bytes(UNDERGROUND)
    scenario = load_scenario(str(file))
    assert scenario.name == "underground"
    cut, half_open = scenario.faults
    assert cut == FaultSpec(FaultKind.CUT, weight=3, after=(5, 40), at_byte=(0, 2000))
    assert half_open == FaultSpec(FaultKind.HALF_OPEN)


@pytest.mark.parametrize("kind", list(FaultKind))
def test_each_kind_has_a_scenario_of_its_name(kind: FaultKind) -> None:
    assert [spec.kind for spec in load_scenario(kind.value).faults] == [kind]


def test_mixed_leaves_every_value_true_and_hostile_does_not() -> None:
    mixed = {spec.kind for spec in SCENARIOS["mixed"].faults}
    hostile = {spec.kind for spec in SCENARIOS["hostile"].faults}
    assert hostile == set(FaultKind)
    assert hostile - mixed == {FaultKind.CORRUPT}


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        (b"name: x\nfaults: []", "length >= 1"),
        (b"name: x\nfaults: [{kind: meteor}]", "meteor"),
        (b"name: x\nfaults: [{kind: cut, after: [9, 1]}]", "after of cut runs from 9.0 down"),
        (b"name: x\nfaults: [{kind: cut, after: [-1, 1]}]", ">= 0"),
        (b"name: x\nfaults: [{kind: cut, weight: 0}]", "> 0"),
        (b"name: x\nfaults: [{kind: cut, oops: 1}]", "oops"),
        (b"faults: [{kind: cut}]", "name"),
        (b"- 1", "object"),
        (b"{", "expected"),
        (b"\xff\xfe\xff", "s.yaml"),
        (b"x" * (MAX_FILE + 1), "larger than"),
    ],
)
def test_a_broken_file_is_told_with_its_name(text: bytes, complaint: str) -> None:
    with pytest.raises(SettingsError) as caught:
        parse_scenario(text, "s.yaml")
    assert str(caught.value).startswith("s.yaml")
    assert complaint in str(caught.value)


def test_an_unknown_name_lists_the_known_ones() -> None:
    with pytest.raises(SettingsError, match=r"no scenario 'x'; choose cut, .*hostile or a \.yaml"):
        load_scenario("x")
    with pytest.raises(SettingsError, match="No such file"):
        load_scenario("/nowhere/x.yaml")
