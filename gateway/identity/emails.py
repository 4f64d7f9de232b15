"""Emails that people sign in with: kept in lower case, plain enough to write to."""

from __future__ import annotations

import re

from gateway.domain.errors import Invalid

#: Longest one that is kept.
LONGEST = 255

# One @, no blanks, nothing that has a meaning in a header. RFC 5322 allows more; nobody has it.
_EMAIL = re.compile(r"[^\s@<>()\[\],;:\\\"\x00-\x1f\x7f]+@[^\s@<>()\[\],;:\\\"\x00-\x1f\x7f]+")


def checked_email(email: str, *, field: str) -> str:
    """Return ``email`` in lower case.

    Raises:
        Invalid: it is none; names ``field``.
    """
    email = email.strip().lower()
    if len(email) > LONGEST or _EMAIL.fullmatch(email) is None:
        raise Invalid(
            "identity.email_malformed", f"{email!r:.100} is no email. Correct it.", field=field
        )
    return email
