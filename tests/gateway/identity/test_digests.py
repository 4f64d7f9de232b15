from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from gateway.identity.digests import digest, matches

# Whatever a client may send, lone surrogates included.
anything = st.text(st.characters(), max_size=50)


@given(anything, anything)
def test_only_the_same_secret_matches(one: str, other: str) -> None:
    assert matches(digest(one), one)
    assert matches(digest(one), other) == (one == other)


@given(anything)
def test_nobody_is_matched_by_nothing(secret: str) -> None:
    assert not matches(None, secret)
    assert not matches(None, "the secret of nobody")
