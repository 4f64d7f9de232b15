"""Proofs that a call came from the service it names; compared in constant time."""

from __future__ import annotations

import base64
import hmac
from collections.abc import Iterable
from datetime import datetime, timedelta
from hashlib import sha1, sha256

#: A signed call that is older is somebody's recording of it (Stripe's own limit).
TOLERANCE = timedelta(minutes=5)


def twilio(url: str, form: Iterable[tuple[str, str]], token: str) -> str:
    """Return the ``X-Twilio-Signature`` of a form that was posted to ``url``."""
    text = url + "".join(name + value for name, value in sorted(form))
    # SHA-1 is what the service signs with; as a keyed MAC it still holds.
    return base64.b64encode(hmac.digest(token.encode(), text.encode(), sha1)).decode("ascii")


def is_twilio(signature: str, url: str, form: Iterable[tuple[str, str]], token: str) -> bool:
    """Tell whether ``signature`` is the form's."""
    return hmac.compare_digest(signature.encode(), twilio(url, form, token).encode())


def stamp(secret: str, data: bytes, at: datetime) -> str:
    """Return ``t=SECONDS,v1=HEX``, the HMAC-SHA256 of ``SECONDS.data`` (``Stripe-Signature``)."""
    seconds = int(at.timestamp())
    return f"t={seconds},v1={_mac(secret, f'{seconds}.'.encode() + data)}"


def is_stamped(signature: str, secret: str, data: bytes, now: datetime) -> bool:
    """Tell whether ``signature`` is of ``data``, made with ``secret`` within :data:`TOLERANCE`."""
    pairs = [part.strip().partition("=") for part in signature.split(",")]
    seconds = next((value for name, _, value in pairs if name == "t"), "")
    if not (seconds.isascii() and seconds.isdigit() and len(seconds) <= 12):
        return False
    if abs(now.timestamp() - int(seconds)) > TOLERANCE.total_seconds():
        return False
    wanted = _mac(secret, f"{seconds}.".encode() + data).encode()
    given = [value.encode() for name, _, value in pairs if name == "v1"]
    # While a secret is replaced there are several.
    return any(hmac.compare_digest(one, wanted) for one in given)


def is_plain(signature: str, secret: str, data: bytes) -> bool:
    """Tell whether ``signature`` is ``sha256=HEX`` of ``data`` (``X-Mollie-Signature``)."""
    given = signature.removeprefix("sha256=")
    return hmac.compare_digest(given.encode(), _mac(secret, data).encode())


def _mac(secret: str, data: bytes) -> str:
    return hmac.digest(secret.encode(), data, sha256).hex()
