from __future__ import annotations

from collections.abc import Callable

import pytest

from gateway.domain.errors import Unavailable
from gateway.links import refusals


@pytest.mark.parametrize(
    ("refusal", "code", "retry_after"),
    [
        (refusals.busy, "connector.busy", 1),
        (refusals.interrupted, "connector.interrupted", 1),
        (refusals.restarted, "connector.restarted", None),
        (refusals.gone, "connector.offline", None),
    ],
)
def test_each_refusal_has_its_code_and_says_what_to_do(
    refusal: Callable[[], Unavailable], code: str, retry_after: float | None
) -> None:
    error = refusal()
    assert (error.code, error.retry_after) == (code, retry_after)
    assert error.detail.count(".") >= 2
    assert refusal() is not error  # each caller gets one of its own: tracebacks are kept in them
