"""Everything that is declared, in one record."""

from __future__ import annotations

from dataclasses import dataclass

from gateway.backoffice.action import Action
from gateway.backoffice.noun import Noun
from gateway.backoffice.profile import Api
from gateway.backoffice.resource import Resource


@dataclass(frozen=True, slots=True)
class Declarations:
    """What the back office serves.

    Attributes:
        nouns: the tables.
        resources: their faces.
        actions: what is more than that.
    """

    nouns: tuple[Noun, ...]
    resources: tuple[Resource, ...]
    actions: tuple[Action, ...] = ()

    @property
    def apis(self) -> tuple[Api, ...]:
        """The APIs that have something to serve, by name."""
        found = {r.profile.api.name: r.profile.api for r in self.resources}
        found |= {action.api.name: action.api for action in self.actions}
        return tuple(found[name] for name in sorted(found))
