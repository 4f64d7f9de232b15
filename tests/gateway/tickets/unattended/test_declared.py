from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import String

from firmware_sim.vehicle.function_spec import SecuritySpec
from firmware_sim.vehicle.security import key_for
from gateway.domain.errors import Invalid
from gateway.storage.tables.unattended import unattended_run
from gateway.tickets.unattended.declared import Lock, Write, load, parse
from gateway.tickets.unattended.steps import title_of

GOLF = ("Volkswagen", "Golf", "Golf VII (5G1)", "1.4 TSI")


def test_the_procedures_that_come_with_the_product_are_whole() -> None:
    known = {number for procedure in load() for number in procedure.products}
    assert {"100201", "100202", "100701"} <= known
    reset = next(one for one in load() if "100701" in one.products)
    assert reset.changes
    assert reset.fits("100701", GOLF)
    assert not reset.fits("100701", ("BMW", "i4", "i4 (G26)", "eDrive40"))
    assert not reset.fits("100201", GOLF)
    assert all(isinstance(step, Write) for step in reset.steps)


def test_what_people_are_told_of_a_step_fits_its_column() -> None:
    titles = [title_of(step) for procedure in load() for step in procedure.steps]
    assert titles[:3] == [
        "Read trouble codes",
        "Clear trouble codes",
        "Write distance since service",
    ]
    kept = unattended_run.c.label.type
    assert isinstance(kept, String)
    assert (kept.length or 0) >= len("Write ") + 120


def test_the_procedure_that_the_page_shows_is_one() -> None:
    page = (Path(__file__).parents[4] / "docs" / "portal.md").read_text(encoding="utf-8")
    [shown] = re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)
    [procedure] = parse(shown)
    assert [title_of(step) for step in procedure.steps][1:3] == [
        "Write car configuration",
        "Run check",
    ]


def test_a_file_replaces_them(tmp_path: Path) -> None:
    path = tmp_path / "own.yaml"
    path.write_text(
        "- {name: Scan, products: [A1], steps: [{do: read_trouble_codes, "
        "ecus: [engine, {request_id: 0x7E0, response_id: 0x7E8}]}]}"
    )
    [only] = load(path)
    assert not only.changes
    with pytest.raises(Invalid, match=r"missing\.yaml: cannot be read"):
        load(tmp_path / "missing.yaml")


@given(
    st.integers(0, 2**32 - 1),
    st.integers(0, 31),
    st.integers(0, 2**32 - 1),
    st.binary(min_size=4, max_size=4),
)
def test_a_key_is_what_simulated_vehicles_compute(
    mask: int, rotate: int, add: int, seed: bytes
) -> None:
    spec = SecuritySpec(level=3, mask=mask, rotate=rotate, add=add)
    assert Lock(3, mask, rotate, add).key(seed) == key_for(spec, seed)


STEP = "{{do: write, ecu: body, identifier: 0x0600, name: coding, {}}}"


@pytest.mark.parametrize(
    ("steps", "complaint"),
    [
        ("[]", "length >= 1"),
        ("[{do: dance}]", "Invalid value 'dance'"),
        ("[{do: read, ecu: body}]", "missing required field `identifier`"),
        ("[" + STEP.format("value: xyz") + "]", "regex"),
        ("[" + STEP.format('value: "01", mask: "0101"') + "]", "value has 1 bytes and mask 2"),
        ("[" + STEP.format('value: "01", lock: {level: 2, mask: 1}') + "]", "lock is odd"),
        ("[{do: read_trouble_codes, ecus: [{request_id: 0x7E0}]}]", "step 1: "),
        ("[{do: read_trouble_codes, ecus: [{functional: true}]}]", "name one control unit"),
        ("[{do: read_trouble_codes, also: 1}]", "unknown field `also`"),
        ("{", "procedures.yaml: "),
    ],
)
def test_mistakes_are_named(steps: str, complaint: str) -> None:
    with pytest.raises(Invalid) as refused:
        parse(f"- {{name: X, products: [A1], steps: {steps}}}")
    assert complaint in refused.value.detail
