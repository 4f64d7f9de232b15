"""The page of settings says what the program does."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from gateway.config import Settings
from gateway.config.reference import attributes, reference

PAGE = Path(__file__).parents[3] / "docs" / "configuration.md"


def test_the_page_is_what_the_program_says() -> None:
    assert PAGE.read_text() == reference(), "run: gateway config > docs/configuration.md"


def test_every_setting_is_on_it_with_its_default() -> None:
    page = reference()
    for section in dataclasses.fields(Settings):
        assert f"## `[{section.name}]`" in page
        for field in dataclasses.fields(getattr(Settings(), section.name)):
            assert f"| `{field.name}` | " in page
    assert "| `port` | `8080` | TCP port; 0 takes a free one" in page
    assert "### `[[local.connector]]`" in page
    assert "| `uuid` | required | a connector on record" in page


def test_several_alike_share_a_sentence_and_lines_are_joined() -> None:
    class Group:
        """Words.

        Attributes:
            one, two: both ``of`` them
                go on.
            three: alone.
        """

    both = "both `of` them go on."
    assert attributes(Group) == {"one": both, "two": both, "three": "alone."}


def test_what_describes_nothing_is_named() -> None:
    class Silent:
        """Words."""

    with pytest.raises(LookupError, match="Silent does not describe"):
        attributes(Silent)
