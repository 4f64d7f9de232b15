"""Refusals that only the back office has."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from gateway.domain.errors import GatewayError, Invalid


class Unprocessable(Invalid):
    """Input that breaks rules.

    Attributes:
        errors: field as the caller spelled it -> sentences.
    """

    def __init__(self, errors: Mapping[str, list[str]]) -> None:
        sentences = [sentence for several in errors.values() for sentence in several]
        extra = len(sentences) - 1
        more = f" (and {extra} more)" if extra > 0 else ""
        super().__init__(
            "backoffice.unprocessable", sentences[0] + more, field=next(iter(errors), None)
        )
        self.errors = dict(errors)


class MethodNotAllowed(GatewayError):
    """The path exists, but not with this method; ``allowed`` says which do."""

    kind: ClassVar[str] = "method"
    title: ClassVar[str] = "Method not allowed"

    def __init__(self, allowed: tuple[str, ...]) -> None:
        super().__init__("backoffice.method", f"Use one of: {', '.join(allowed)}.")
        self.allowed = allowed


class Upstream(GatewayError):
    """A service on the other side of the network did not do its part."""

    kind: ClassVar[str] = "upstream"
    title: ClassVar[str] = "Another service failed"

    def __init__(self, detail: str) -> None:
        super().__init__("backoffice.upstream", detail)


def wrong_field(name: str, sentence: str) -> Unprocessable:
    """Return the refusal of one field; ``sentence`` completes "The x field ..."."""
    return Unprocessable({name: [f"The {name} field {sentence}"]})


def broken_rule(sentence: str) -> Invalid:
    """Return the refusal of what a rule of the shop forbids; no field is at fault."""
    return Invalid("backoffice.rule", sentence)
