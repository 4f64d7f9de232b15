"""Declarations that contradict themselves are refused, all mistakes at once."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gateway.backoffice.catalogue import DECLARATIONS
from gateway.backoffice.check import DeclarationError, check
from gateway.backoffice.declarations import Declarations
from gateway.backoffice.kinds import Ref, Text
from gateway.backoffice.noun import Column, Noun
from gateway.backoffice.profiles.repair import PAGED
from gateway.backoffice.resource import (
    READING,
    Computed,
    Field,
    Filter,
    Input,
    Match,
    Nested,
    Parent,
    Relation,
    Resource,
    Shape,
    to_many,
)

OWNER = Noun("owner", (Column("name", Text(), index=True),))
THING = Noun(
    "thing",
    (
        Column("name", Text(), null=False),
        Column("code", Text(), index=True),
        Column("owner_id", Ref("owner")),
    ),
)
SHAPE = Shape("Thing", THING, (Field("id"), Field("name", required=True), Field("code")))
THINGS = Resource("thing", PAGED, "/things", SHAPE, "things")


def mistakes(*resources: Resource, nouns: tuple[Noun, ...] = (OWNER, THING)) -> str:
    with pytest.raises(DeclarationError) as caught:
        check(Declarations(nouns, resources))
    return "\n".join(caught.value.mistakes)


def shaped(*fields: Field | Computed | Nested, relations: tuple[Relation, ...] = ()) -> Resource:
    shape = Shape("Thing", THING, fields, relations)
    return replace(THINGS, shape=shape, operations=READING)


def test_what_is_served_is_sound() -> None:
    check(DECLARATIONS)
    check(Declarations((OWNER, THING), (THINGS,)))


@pytest.mark.parametrize(
    ("noun", "mistake"),
    [
        (Noun("owner", ()), "noun owner: declared twice"),
        (Noun("x", (Column("a", Text()),) * 2), "column a: declared twice"),
        (Noun("x", (Column("tenant_id", Text()),)), "column tenant_id: every noun has it"),
        (Noun("x", (Column("y_id", Ref("y")),)), "column y_id: refers to unknown noun y"),
        (Noun("x", (), unique=(("a",),)), "no column a"),
    ],
)
def test_nouns(noun: Noun, mistake: str) -> None:
    assert mistake in mistakes(THINGS, nouns=(OWNER, THING, noun))


@pytest.mark.parametrize(
    ("resource", "mistake"),
    [
        (shaped(Field("colour")), "colour: no column colour"),
        (shaped(Field("id"), Field("id")), "id is shown twice"),
        (shaped(Nested("parts", "parts", SHAPE)), "parts: no relation parts"),
        (
            shaped(Field("id"), relations=(to_many("parts", "part", "thing_id"),)),
            "relation parts: unknown noun part",
        ),
        (
            shaped(Field("id"), relations=(Relation("twin", "thing", "nick", "code"),)),
            "relation twin: no column nick",
        ),
        (
            shaped(Field("id"), relations=(Relation("twin", "thing", "code", "name"),)),
            "thing.name has no index",
        ),
        (
            shaped(
                Nested("owner", "owner", SHAPE, many=False),
                relations=(Relation("owner", "owner", "owner_id", "id"),),
            ),
            "owner: Thing does not show owner",
        ),
        (replace(THINGS, filters=(Filter("colour"),)), "filter colour: no column colour"),
        (replace(THINGS, filters=(Filter("name"),)), "column name has no index"),
        (
            replace(THINGS, filters=(Filter("q", ("x.name",), Match.SEARCH),)),
            "filter q: no relation x",
        ),
        (replace(THINGS, filters=(Filter("q", ("x",), Match.SEARCH),)), "thing has no column x"),
        (replace(THINGS, sortable={"n": "name"}), "sortable n: column name has no index"),
        (
            replace(THINGS, filters=(Filter("owner_id"),), order=("-name",)),
            "no index of thing has owner_id and then name",
        ),
        (replace(THINGS, order=("-x",)), "order: no column x"),
        (replace(THINGS, inputs=(Field("x"),)), "input x: no column x"),
        (
            replace(THINGS, shape=Shape("Thing", THING, (Field("name"),))),
            "column name must not be empty, and no creation has to give it",
        ),
        (replace(THINGS, path="/owners/{id}/things"), "if and only if it has a parent"),
        (
            replace(
                THINGS, path="/o/{id}/things", parent=Parent("owner", "code"), item="thing_id"
            ),
            "its column code does not refer to owner",
        ),
        (
            replace(THINGS, path="/o/{id}/things", parent=Parent("owner", "owner_id")),
            "its own id needs another name",
        ),
        (replace(THINGS, shape=Shape("X", Noun("x", ()), ())), "not among the nouns"),
        (replace(THINGS, detail=Shape("O", OWNER, ())), "its detail shows another noun"),
    ],
)
def test_resources(resource: Resource, mistake: str) -> None:
    found = mistakes(resource)
    assert mistake in found
    assert "repair thing: " in found


def test_two_at_one_address() -> None:
    found = mistakes(THINGS, replace(THINGS, name="other"))
    assert "repair: GET /things is served twice" in found
    assert "repair: DELETE /things/{id} is served twice" in found


def test_two_shapes_of_one_name() -> None:
    other = replace(THINGS, path="/others", shape=Shape("Thing", THING, SHAPE.fields))
    assert "two shapes are called Thing" in mistakes(THINGS, other)


def test_foreign_tables_are_only_read() -> None:
    user = Noun("user", (Column("name", Text()),), table="shop_user")
    users = Resource("user", PAGED, "/users", Shape("User", user, (Field("name"),)), "users")
    assert "shop_user belongs to another room" in mistakes(users, nouns=(user,))


def test_all_mistakes_come_at_once() -> None:
    wrong = replace(
        THINGS, filters=(Filter("name"), Filter("colour")), order=("x",), inputs=(Field("y"),)
    )
    assert len(mistakes(wrong, replace(THINGS, path="/o")).splitlines()) == 4
    # A rule uses inputs up: they need no column.
    used_up = replace(THINGS, inputs=(Input("y", Text()),))
    check(Declarations((OWNER, THING), (used_up,)))
