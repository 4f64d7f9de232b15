"""Tutorials (contracts/repair.yaml, Tutorial System)."""

from __future__ import annotations

from gateway.backoffice.access import ADMINS
from gateway.backoffice.action import Action, Rule, in_shop
from gateway.backoffice.catalogue.repair.shapes import (
    FLAG,
    MESSAGE,
    TEXT,
    WHOLE,
    listed,
    members,
)
from gateway.backoffice.kinds import Document, Flag, Identifier, Schema
from gateway.backoffice.profiles.repair import REPAIR
from gateway.backoffice.resource import Input
from gateway.backoffice.rules import tutorials

_BRIEF = members(id=WHOLE, title=TEXT, role=TEXT, total_steps=WHOLE)
_STEP = members(id=WHOLE, order=WHOLE, title=TEXT, body=TEXT, completed=FLAG)
_FULL = members(id=WHOLE, title=TEXT, steps=listed(_STEP))
_PROGRESS = members(
    tutorial=members(id=WHOLE, title=TEXT),
    total_steps=WHOLE,
    completed_steps=WHOLE,
    percent=WHOLE,
    completed=FLAG,
)
_STEP_DONE = members(message=TEXT, percent=WHOLE, completed=FLAG)
_SETTINGS = members(
    tutorials_enabled=FLAG, completed_onboarding=FLAG, dismissed_hints=listed(TEXT)
)
_STEP_ID = Input("step_id", Identifier(), required=True)


def _action(
    name: str,
    how: str,
    summary: str,
    rule: Rule,
    answer: Schema,
    *,
    inputs: tuple[Input, ...] = (),
    also: tuple[str, ...] = (),
    aliases: tuple[str, ...] = (),
    roles: frozenset[str] | None = None,
) -> Action:
    method, path = how.split(" ")
    reads = method == "GET"
    return Action(
        name,
        REPAIR,
        method,
        f"/v1/tutorials{path}",
        summary,
        answer,
        in_shop(rule, writes=not reads),
        inputs,
        ability=f"tutorials:{'read' if reads else 'write'}",
        roles=roles,
        also=also,
        aliases=aliases,
        tag="tutorials",
    )


ACTIONS = (
    _action(
        "listTutorials",
        "GET ",
        "Tutorials of the role",
        tutorials.listing,
        listed(_BRIEF),
    ),
    _action("showTutorial", "GET /{id}", "One with its steps", tutorials.reading, _FULL),
    _action(
        "listTutorialProgress",
        "GET /progress",
        "How far the caller has come",
        tutorials.progress,
        listed(_PROGRESS),
    ),
    _action(
        "completeTutorialStep",
        "POST /progress",
        "Note a step as done",
        tutorials.complete_named_step,
        _STEP_DONE,
        inputs=(Input("tutorial_id", Identifier(), required=True), _STEP_ID),
    ),
    _action(
        "completeTutorialStepById",
        "POST /{id}/complete-step",
        "Note a step as done",
        tutorials.complete_step,
        _STEP_DONE,
        inputs=(_STEP_ID,),
        aliases=("/v1/tutorials/{id}/steps/complete",),
    ),
    _action(
        "resetTutorial",
        "POST /{id}/reset",
        "Begin a tutorial again",
        tutorials.reset,
        MESSAGE,
        also=("DELETE",),
    ),
    _action(
        "getTutorialSettings",
        "GET /settings",
        "The caller's settings",
        tutorials.settings,
        _SETTINGS,
    ),
    _action(
        "setTutorialSettings",
        "PUT /settings",
        "Change the caller's settings",
        tutorials.set_settings,
        _SETTINGS,
        inputs=(
            Input("tutorials_enabled", Flag()),
            Input("completed_onboarding", Flag()),
            Input("dismissed_hints", Document(texts=True)),
        ),
        also=("PATCH",),
    ),
    _action(
        "seedTutorials",
        "POST /seed",
        "Store the product's own tutorials",
        tutorials.seed,
        MESSAGE,
        roles=ADMINS,
    ),
)
