"""The index of words, on both engines."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st
from sqlalchemy import delete

from gateway.backoffice import finding
from gateway.backoffice.shop import Shop
from gateway.storage.full_text import words_of
from tests.gateway.backoffice.conftest import FOREIGN, OWN

both_engines = pytest.mark.both_engines

InShop = Callable[..., Any]


def customer(shop: Shop, number: int, **values: object) -> int:
    return shop.insert("customer", {"client_number": number, "first_name": ""} | values)


def found(shop: Shop, text: str, noun: str = "customer") -> list[int]:
    return finding.find_ids(shop, (noun,), text, 10)[noun]


@both_engines
async def test_words_find_by_their_beginnings_whatever_case_accent_and_order(
    in_shop: InShop,
) -> None:
    def story(shop: Shop) -> None:
        zoe = customer(shop, 1, first_name="Zoë", last_name="d'Hondt-Ångström")
        other = customer(shop, 2, first_name="Zoltan", last_name="Hond")
        assert found(shop, "zoe") == [zoe]
        assert found(shop, "ANGSTR zoë") == [zoe]
        assert set(found(shop, "hon zo")) == {zoe, other}
        assert found(shop, "ondt") == []
        assert found(shop, "zoe hond") == [zoe]
        assert found(shop, " -- ' \" * : & | ! ( ") == []
        assert found(shop, "c00000001zoe") == []

    await in_shop(story)


@both_engines
async def test_the_whole_word_in_the_name_goes_first(in_shop: InShop) -> None:
    def story(shop: Shop) -> None:
        mailed = customer(shop, 1, first_name="A", email="vos@example.test")
        begun = customer(shop, 2, last_name="Vossen")
        whole = customer(shop, 3, last_name="Vos")
        customer(shop, 4, last_name="Wolf")
        assert found(shop, "vos") == [whole, begun, mailed]

    await in_shop(story)


@both_engines
async def test_changes_and_removals_are_followed_in_their_transaction(in_shop: InShop) -> None:
    def story(shop: Shop) -> None:
        one = customer(shop, 1, last_name="Before")
        shop.change("customer", one, {"last_name": "After"})
        assert (found(shop, "before"), found(shop, "after")) == ([], [one])
        shop.remove("customer", one)
        assert found(shop, "after") == []
        assert shop.count("search_entry") == 0

    await in_shop(story)


@both_engines
async def test_a_transaction_that_fails_leaves_nothing_to_be_found(in_shop: InShop) -> None:
    def fail(shop: Shop) -> None:
        customer(shop, 1, last_name="Ghost")
        raise LookupError

    with pytest.raises(LookupError):
        await in_shop(fail)
    assert await in_shop(found, "ghost") == []


@both_engines
async def test_other_garages_and_kinds_are_not_found(in_shop: InShop) -> None:
    def other(shop: Shop) -> None:
        customer(shop, 1, last_name="Shared")
        shop.insert("product", {"name": "Shared part", "price_excl": 1})

    await in_shop(other, tenant_id=FOREIGN)
    assert await in_shop(found, "shared") == []
    assert len(await in_shop(found, "shared", "product", tenant_id=FOREIGN)) == 1
    assert await in_shop(found, "shared", tenant_id=OWN) == []


@both_engines
async def test_long_stories_are_cut_and_stored(in_shop: InShop) -> None:
    def story(shop: Shop) -> None:
        product = shop.insert("product", {"name": "x" * 255, "price_excl": 1})
        assert found(shop, "x" * 200, "product") == [product]
        text = " ".join(f"w{number}" for number in range(3_000))
        client = customer(shop, 1, last_name="L")
        order = {"ticket_no": "WO-1", "customer_id": client, "status": "new"}
        number = shop.insert("work_order", order | {"problem_description": text})
        assert found(shop, "w900 wo", "work_order") == [number]
        assert found(shop, "w2999", "work_order") == []

    await in_shop(story)


@both_engines
async def test_what_was_there_before_the_index_is_taken_up_once(in_shop: InShop) -> None:
    def story(shop: Shop) -> None:
        one = customer(shop, 1, last_name="Old")
        gone = customer(shop, 2, last_name="Gone")
        shop.remove("customer", gone)
        shop.connection.execute(delete(shop.tables["search_entry"]))
        assert found(shop, "old") == []
        assert finding.index_missing(shop) == 1
        assert finding.index_missing(shop) == 0
        assert found(shop, "old") == [one]

    await in_shop(story)


def _text(most: int) -> st.SearchStrategy[str]:
    """Any text that gets past the door: no NUL, no halves of characters."""
    return st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=most)


@examples(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(name=_text(60), asked=_text(20), cut=st.integers(1, 8))
def test_any_text_may_be_stored_and_asked_for(
    trial_shop: Callable[..., Any], name: str, asked: str, cut: int
) -> None:
    def story(shop: Shop) -> None:
        one = shop.insert("product", {"name": name, "price_excl": 1})
        found(shop, asked, "product")
        for word in words_of(name):
            assert found(shop, word[:cut], "product") == [one]

    trial_shop(story)
