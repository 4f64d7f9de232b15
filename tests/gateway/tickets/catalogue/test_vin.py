from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.domain.errors import Invalid, NotFound
from gateway.storage.queries.vehicles import Make, PatternRule, WmiRule
from gateway.tickets.catalogue.vin import check, has_check_digit, identify, matching, model_year
from tests.gateway.workshops import Workshop

TODAY = date(2026, 3, 2)
ANY_MAKE = Make(1, "Any")


@pytest.mark.parametrize(
    ("vin", "year", "make", "model", "variant"),
    [
        # The simulator's vehicles.
        ("WVWZZZAUZHP341562", 2017, "Volkswagen", "Golf VII (5G1, BQ1, BE1, BE2)", None),
        ("1C6SRFFT4MN528417", 2021, "Ram", "1500 (DT)", "5.7 V8 eTorque (295 kW)"),
        ("YV1LFA2A9J1338204", 2018, "Volvo", "XC90 II (256)", "T6 (235 kW)"),
        # One beginning for two generations: the year decides.
        ("WVWZZZ1KZ8W123456", 2008, "Volkswagen", "Golf V (1K1)", None),
        ("WVWZZZ1KZAW123456", 2010, "Volkswagen", "Golf VI (5K1)", None),
        # Ford of Europe writes the year in the eleventh place.
        ("WF0AXXGCDAJR12345", 2018, "Ford", "Focus IV (HN)", None),
        # Makes that share a WMI.
        ("1C4RDJDG5FC715382", 2015, "Dodge", "Durango (WD)", "3.6 V6 (216 kW)"),
        # Makers that do not write the year.
        ("WDD2050041R123456", None, "Mercedes-Benz", "C-Class (W205)", None),
        ("ZFA31200000123456", None, "Fiat", "500 (312)", None),
        # A make alone.
        ("WVWZZZXXZHP341562", 2017, "Volkswagen", None, None),
    ],
)
async def test_what_a_vin_leads_to(
    workshop: Workshop,
    vin: str,
    year: int | None,
    make: str,
    model: str | None,
    variant: str | None,
) -> None:
    found = await workshop.database.read(identify, _with_check_digit(vin), TODAY)
    assert (found.year, found.make.name) == (year, make)
    assert (found.model and found.model.name) == model
    assert (found.variant and found.variant.name) == variant
    if found.model is not None:
        assert found.group == found.model.group


async def test_an_unclear_generation_leaves_the_group(workshop: Workshop) -> None:
    # Pattern of both Golf V and VI, and no year to tell them apart.
    found = await workshop.database.read(identify, "WVWZZZ1KZ0W123456", TODAY)
    assert found.group is not None
    assert (found.group.name, found.model, found.variant) == ("Golf", None, None)


async def test_an_unknown_maker_is_not_found(workshop: Workshop) -> None:
    with pytest.raises(NotFound) as caught:
        await workshop.database.read(identify, "XYZZZZAUZHP341562", TODAY)
    assert caught.value.code == "vehicle.unknown_maker"
    assert "XYZ" in caught.value.detail


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "0 characters"),
        ("WVWZZZAUZHP34156", "16 characters"),
        ("WVWZZZAUZHP3415620", "18 characters"),
        ("WVWZZZAUZHP34156O", "contains O"),
        ("IQWZZZAUZHP341562", "contains I or Q"),
        ("WVWZZZAUZHP34-562", "letters and digits"),
        ("WVWZZZAUZHP34156²", "letters and digits"),
    ],
)
def test_malformed_vins_say_what_is_wrong(text: str, reason: str) -> None:
    with pytest.raises(Invalid, match=reason) as caught:
        check(text)
    assert (caught.value.code, caught.value.field) == ("vehicle.vin_malformed", "vin")


def test_a_vin_may_be_typed_in_any_case() -> None:
    assert check(" wvwzzzauzhp341562 ") == "WVWZZZAUZHP341562"


@pytest.mark.parametrize("vin", ["1M8GDM9AXKP042788", "11111111111111111", "1C6SRFFT4MN528417"])
def test_check_digits_that_are_right(vin: str) -> None:
    assert check(vin) == vin


@pytest.mark.parametrize("vin", ["1M8GDM9A1KP042788", "11111111211111111", "LSJWH4090NZ123456"])
def test_check_digits_that_are_wrong(vin: str) -> None:
    with pytest.raises(Invalid) as caught:
        check(vin)
    assert caught.value.code == "vehicle.vin_check_digit"


def test_where_check_digits_are_used() -> None:
    assert all(has_check_digit(first + "F" + "0" * 15) for first in "123457L")
    assert not any(has_check_digit(wmi + "0" * 15) for wmi in ("WV", "7A", "JT", "VF", "6F"))


def outcome(text: str) -> str:
    """Return the VIN, or the code it is refused with."""
    try:
        return check(text)
    except Invalid as error:
        return error.code


@given(st.text("ABCDEFGHJKLMNPRSTUVWXYZ0123456789", min_size=17, max_size=17))
def test_any_text_is_a_vin_or_has_a_wrong_check_digit(text: str) -> None:
    wrong = "vehicle.vin_check_digit"
    assert outcome(text) in ({text, wrong} if has_check_digit(text) else {text})


@given(st.text(max_size=20))
def test_other_text_is_refused_and_nothing_else_is_raised(text: str) -> None:
    told = outcome(text)
    assert told.startswith("vehicle.vin_") or told == text.strip().upper()


@pytest.mark.parametrize(
    ("letter", "year"),
    [("9", 2009), ("A", 2010), ("H", 2017), ("T", 2026), ("V", 2027), ("W", 1998), ("0", None)],
)
def test_the_newest_year_that_a_letter_can_mean(letter: str, year: int | None) -> None:
    vin = f"WVWZZZAUZ{letter}P341562"
    assert model_year(vin, WmiRule("WVW", ANY_MAKE, 10), TODAY) == year
    assert model_year(vin, WmiRule("WVW", ANY_MAKE, None), TODAY) is None


def test_the_most_specific_pattern_wins() -> None:
    rules = [
        PatternRule("1C4RJF", 1, None, None, None),
        PatternRule("1C4RJF?G", 1, 7, None, None),
        PatternRule("1C4RJF?M", 1, 8, None, None),
        PatternRule("1C4RJF", 2, None, 2022, None),
    ]
    assert matching(rules, "1C4RJFAG5FC000001", 2015) == (rules[1],)
    assert matching(rules, "1C4RJFAX5FC000001", 2015) == (rules[0],)
    assert matching(rules, "1C4RJFAX5FC000001", None) == (rules[0], rules[3])
    assert matching(rules, "2C4RJFAX5FC000001", 2015) == ()


def _with_check_digit(vin: str) -> str:
    """Put the right check digit where the region has one, so that the table above reads well."""
    if not has_check_digit(vin):
        return vin
    for digit in "0123456789X":
        candidate = vin[:8] + digit + vin[9:]
        try:
            return check(candidate)
        except Invalid:
            continue
    raise AssertionError(vin)
