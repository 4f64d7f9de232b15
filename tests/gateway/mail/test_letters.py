from __future__ import annotations

import email
from datetime import UTC, datetime
from email.policy import default as modern

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.domain.errors import Invalid
from gateway.mail.letters import Letter

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)


def test_a_letter_reads_back() -> None:
    letter = Letter("eva@garage.example", "Wähle dein Passwort", "Grüße\n\nzwei")
    read = email.message_from_bytes(letter.to_bytes("p@gateway.example", NOW), policy=modern)
    assert (read["To"], read["From"]) == ("eva@garage.example", "p@gateway.example")
    assert read["Subject"] == "Wähle dein Passwort"
    assert read["Message-ID"].endswith("@gateway.example>")
    assert read["Auto-Submitted"] == "auto-generated"
    assert read.get_content().strip() == "Grüße\n\nzwei"


@pytest.mark.parametrize("bad", ["a@b\nBcc: c@d", "a@b\r\nX: y"])
def test_no_address_adds_a_header(bad: str) -> None:
    with pytest.raises(Invalid, match="cannot be written to"):
        Letter(bad, "s", "t").to_bytes("p@gateway.example", NOW)


@given(st.text(max_size=40), st.text(max_size=40))
def test_whatever_is_in_it_there_is_one_reader(subject: str, text: str) -> None:
    try:
        raw = Letter("eva@garage.example", subject, text).to_bytes("p@gateway.example", NOW)
    except (Invalid, UnicodeError):
        return
    read = email.message_from_bytes(raw, policy=modern)
    assert (read.get_all("To"), read["Bcc"], read["Cc"]) == (["eva@garage.example"], None, None)
