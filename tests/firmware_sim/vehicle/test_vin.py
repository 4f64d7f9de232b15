from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_sim.vehicle.loader import load_vehicle
from firmware_sim.vehicle.vin import check_digit, has_check_digit, is_vin, vin_for_seed


@pytest.mark.parametrize(
    "vin", ["1M8GDM9AXKP042788", "11111111111111111", "1HGCM82633A004352", "JHMCM56557C404453"]
)
def test_known_check_digits(vin: str) -> None:
    assert has_check_digit(vin)
    assert check_digit(vin) == vin[8]


@given(st.text("ABCDEFGHJKLMNPRSTUVWXYZ0123456789", min_size=11, max_size=11), st.integers(0, 5))
def test_one_wrong_character_spoils_the_digit(head: str, place: int) -> None:
    vin = f"{head}123456"
    vin = vin[:8] + check_digit(vin) + vin[9:]
    wrong = vin[: 11 + place] + str((int(vin[11 + place]) + 1) % 10) + vin[12 + place :]
    assert has_check_digit(vin)
    assert not has_check_digit(wrong)


@pytest.mark.parametrize(
    "text",
    ["", "WVWZZZAUZHP34156", "WVWZZZAUZHP3415621", "wvwzzzauzhp341562", "WVWZZZAUIHP341562"],
)
def test_what_has_not_the_form_is_no_number(text: str) -> None:
    assert not is_vin(text)


@pytest.mark.parametrize("model", ["ram1500", "xc90"])
def test_a_fleet_keeps_model_and_check_digit(model: str) -> None:
    vin = load_vehicle(model).vin
    assert has_check_digit(vin)
    fleet = [vin_for_seed(vin, seed) for seed in range(200)]
    assert all(has_check_digit(other) and is_vin(other) for other in fleet)
    assert all(other[:8] == vin[:8] and other[9:11] == vin[9:11] for other in fleet)
    assert len(set(fleet)) == 200
    assert fleet == [vin_for_seed(vin, seed) for seed in range(200)]


def test_a_european_number_without_check_digit_keeps_its_filler() -> None:
    assert vin_for_seed("WVWZZZAUZHP341562", 7)[:11] == "WVWZZZAUZHP"


def test_seed_zero_is_the_model_itself() -> None:
    assert vin_for_seed("1C6SRFFT4MN528417", 0) == "1C6SRFFT4MN528417"
