"""SHA-256 for secrets that were drawn at random: they need no salt and no cost."""

from __future__ import annotations

import hashlib
import hmac


def digest(secret: str) -> bytes:
    """Return what is stored of ``secret``."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).digest()


#: What an unknown account is compared with, so that it takes the steps of a known one.
_NOBODYS = digest("the secret of nobody")


def matches(stored: bytes | None, secret: str) -> bool:
    """Tell in constant time whether ``secret`` is what was stored; ``None`` never matches."""
    same = hmac.compare_digest(_NOBODYS if stored is None else stored, digest(secret))
    return same and stored is not None
