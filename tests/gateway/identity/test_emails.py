from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.domain.errors import Invalid
from gateway.identity.emails import LONGEST, checked_email


def test_an_email_is_kept_in_lower_case() -> None:
    assert checked_email(" Eva.Bos+x@Garage.Example ", field="email") == "eva.bos+x@garage.example"


@pytest.mark.parametrize("email", ["", "@", "a@", "@b", "a b@c", "a@b@c", "<a@b>", "a@b\r\nx: y"])
def test_what_is_no_email_is_refused_by_field(email: str) -> None:
    with pytest.raises(Invalid) as caught:
        checked_email(email, field="username")
    assert caught.value.field == "username"


@given(st.text(max_size=300) | st.emails())
def test_what_is_taken_can_be_written_to(text: str) -> None:
    try:
        email = checked_email(text, field="email")
    except Invalid:
        return
    assert len(email) <= LONGEST
    assert email.count("@") == 1
    assert not set(email) & set(" \r\n<>,;:")
