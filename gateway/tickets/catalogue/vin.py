"""What a vehicle identification number tells, as far as the catalogue knows.

``vininfo`` checks the form, the check digit and the letters of model years (ISO 3779, SAE J853);
the catalogue says which make a beginning belongs to, where that make writes the year, and which
models begin how. Not every maker tells everything: a VIN may lead to a make alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date

import vininfo  # type: ignore[import-untyped]  # ships no type information
from typing_extensions import override

from gateway.domain.errors import Invalid, NotFound
from gateway.storage.database import Connection
from gateway.storage.queries import vehicles
from gateway.storage.queries.vehicles import (
    Make,
    Model,
    ModelGroup,
    PatternRule,
    Variant,
    WmiRule,
)

#: Models and variants are few; this is more than any model has.
_ALL = 1_000


@dataclass(frozen=True, slots=True)
class Identified:
    """A vehicle, as far as its VIN leads: each level is there only if the one before is.

    Attributes:
        vin: 17 characters, upper case.
        year: the model year, where the maker writes it.
        make: always known.
        group: the model group, where all models that match share one.
        model: the model, where one remains.
        variant: the variant, where one remains.
    """

    vin: str
    year: int | None
    make: Make
    group: ModelGroup | None = None
    model: Model | None = None
    variant: Variant | None = None


class _Vin(vininfo.Vin):  # type: ignore[misc]  # likewise
    """A VIN whose model year stands where the catalogue says."""

    year_position: int | None = None

    @property
    @override
    def years_code(self) -> str:
        return "" if self.year_position is None else str(self.num[self.year_position - 1])


def check(text: str) -> str:
    """Return ``text`` as a VIN in upper case.

    Raises:
        Invalid: wrong length, a letter no VIN has, or a wrong check digit where the region has
            one.
    """
    vin = text.strip().upper()
    if len(vin) != 17:
        raise _malformed(f"it has {len(vin)} characters instead of 17")
    strange = sorted({character for character in vin if character in "IOQ"})
    if strange:
        raise _malformed(f"no VIN contains {' or '.join(strange)}; 1 or 0 may be meant")
    if not (vin.isascii() and vin.isalnum()):
        raise _malformed("only letters and digits can stand in it")
    if has_check_digit(vin) and not _Vin(vin).verify_checksum(check_year=False):
        detail = f"{vin} cannot be right: its check digit (the 9th character) does not match."
        raise Invalid(
            "vehicle.vin_check_digit", f"{detail} Compare it letter by letter.", field="vin"
        )
    return vin


def has_check_digit(vin: str) -> bool:
    """Tell whether the ninth character has to match: North America (1 to 5, 7F to 70) and China.

    Elsewhere makers may use the place for what they like (49 CFR 565, GB 16735).
    """
    return vin[0] in "12345L" or (vin[0] == "7" and vin[1] not in "ABCDE")


def identify(connection: Connection, text: str, today: date) -> Identified:
    """Return what the catalogue knows of a VIN.

    Raises:
        Invalid: the VIN is malformed.
        NotFound: no make has this beginning.
    """
    vin = check(text)
    wmi = vehicles.wmi_rules(connection, vin[:3])
    rule = max(
        (rule for rule in wmi if vin.startswith(rule.prefix)),
        key=lambda rule: len(rule.prefix),
        default=None,
    )
    if rule is None:
        raise NotFound(
            "vehicle.unknown_maker",
            f"The catalogue knows no maker whose VINs begin with {vin[:3]}. Choose make, model "
            "group, model and variant by hand.",
            field="vin",
        )
    year = model_year(vin, rule, today)
    patterns = matching(vehicles.pattern_rules(connection, vin[:3]), vin, year)
    return _descend(connection, Identified(vin, year, rule.make), patterns)


def model_year(vin: str, rule: WmiRule, today: date) -> int | None:
    """Return the newest year that the year letter can mean, ``None`` where it means none."""
    decoded = _Vin(vin)
    decoded.year_position = rule.year_position
    if rule.year_position is None:
        return None
    # Next year's models are sold from summer on.
    return max((year for year in decoded.years if year <= today.year + 1), default=None)


def matching(rules: Iterable[PatternRule], vin: str, year: int | None) -> tuple[PatternRule, ...]:
    """Return the most specific of the rules that ``vin`` matches; several when they tie."""
    fitting = [rule for rule in rules if _matches(rule.pattern, vin) and _within(rule, year)]
    most = max((_specificity(rule) for rule in fitting), default=0)
    return tuple(rule for rule in fitting if _specificity(rule) == most)


def _descend(
    connection: Connection, found: Identified, patterns: Sequence[PatternRule]
) -> Identified:
    models = [vehicles.find_model(connection, rule.model_id) for rule in patterns]
    known = [model for model in models if model is not None]
    if not known:
        return found
    groups = {model.group.id for model in known}
    group = known[0].group if len(groups) == 1 else None
    if len(known) > 1 or group is None:
        return Identified(found.vin, found.year, found.make, group)
    model, rule = known[0], patterns[0]
    variant = _variant(connection, model, rule, found.year)
    return Identified(found.vin, found.year, found.make, group, model, variant)


def _variant(
    connection: Connection, model: Model, rule: PatternRule, year: int | None
) -> Variant | None:
    if rule.variant_id is not None:
        return vehicles.find_variant(connection, rule.variant_id)
    variants = vehicles.variants(connection, model.id, offset=0, limit=_ALL).items
    built = [variant for variant in variants if year is None or _built_in(variant, year)]
    return built[0] if len(built) == 1 else None


def _built_in(variant: Variant, year: int) -> bool:
    # A model year begins up to a year before, and the last ones are registered a year later.
    begins, ends = variant.manufactured_from, variant.manufactured_to
    return (begins is None or begins.year - 1 <= year) and (ends is None or year <= ends.year + 1)


def _matches(pattern: str, vin: str) -> bool:
    return all(wanted in {"?", character} for wanted, character in zip(pattern, vin, strict=False))


def _within(rule: PatternRule, year: int | None) -> bool:
    if year is None:
        return True
    return (rule.year_from or year) <= year <= (rule.year_to or year)


def _specificity(rule: PatternRule) -> int:
    return sum(character != "?" for character in rule.pattern)


def _malformed(reason: str) -> Invalid:
    detail = f"This is no vehicle identification number: {reason}. Read it off the vehicle again."
    return Invalid("vehicle.vin_malformed", detail, field="vin")
