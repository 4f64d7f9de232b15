"""Signed addresses that lead to one file, for one thing, for a while.

The signature (HMAC-SHA-256) covers what may be done, the file and the end: nobody without the
key can make one, or turn a link to fetch into one to upload. Whoever has a link may use it.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from datetime import timedelta
from typing import Literal
from urllib.parse import urlencode
from uuid import UUID

from gateway.domain.clock import Clock
from gateway.domain.errors import NotFound

Deed = Literal["upload", "fetch"]

#: Where links lead; the file's id follows.
PREFIX = "/files/"


class FileLinks:
    """Makes and judges links.

    Args:
        key: 32 bytes that nobody else has.
        lifetime: seconds a link is good for.
        clock: wall clock.
    """

    def __init__(self, key: bytes, lifetime: float, clock: Clock) -> None:
        self._key = key
        self._lifetime = timedelta(seconds=lifetime)
        self._clock = clock

    def make(self, deed: Deed, file_id: UUID) -> str:
        """Return path and query of a new link."""
        expires = int((self._clock() + self._lifetime).timestamp())
        signed = {"expires": str(expires), "signature": self._sign(deed, file_id, expires)}
        return f"{PREFIX}{file_id}?{urlencode(signed)}"

    def check(self, deed: Deed, file_id: str, expires: str, signature: str) -> UUID:
        """Return the file that a link leads to.

        Args:
            deed: what is being done.
            file_id: as it stands in the path.
            expires: as it stands in the query.
            signature: as it stands in the query.

        Raises:
            NotFound: forged, expired, or for something else; which of them is not told.
        """
        # Twelve digits last for thirty thousand years; a longer number is no time.
        if not (expires.isascii() and expires.isdigit() and len(expires) <= 12):
            raise _refused()
        try:
            wanted = UUID(file_id)
        except ValueError:
            raise _refused() from None
        right = self._sign(deed, wanted, int(expires))
        same = hmac.compare_digest(right.encode(), signature.encode("utf-8", "replace"))
        if not same or self._clock().timestamp() >= int(expires):
            raise _refused()
        return wanted

    def _sign(self, deed: Deed, file_id: UUID, expires: int) -> str:
        text = f"{deed}\n{file_id}\n{expires}".encode()
        made = hmac.new(self._key, text, hashlib.sha256).digest()
        return base64.urlsafe_b64encode(made).rstrip(b"=").decode("ascii")


def _refused() -> NotFound:
    return NotFound(
        "files.link", "This link leads nowhere: it is wrong or has expired. Ask for a new one."
    )
