"""What a connector signs, and how the gateway checks it.

The connector proves that it holds the private key of the UUID it claims. The gateway keeps the
public key alone, so a stolen database lets nobody dial in. The gateway itself is proved by TLS.

What is signed covers both nonces, the UUID, the version and the resume claim: a recorded
signature fits no other connection, and none of its parts can be exchanged. It begins with the
role and the protocol's name, so that it fits no other protocol either, and cannot be reflected.
"""

from __future__ import annotations

from collections.abc import Iterable

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import (
    Ed25519PrivateKey,
    Ed25519PublicKey,
)

from protocols.link.messages import SUBPROTOCOL, Challenge, Hello

#: Bytes of each side's nonce: with 32, no two connections ever share one.
NONCE_SIZE = 32
SIGNATURE_SIZE = 64


def transcript(hello: Hello, challenge: Challenge) -> bytes:
    """Return the bytes to sign; every part is preceded by its length, so none can shift."""
    resume = hello.resume
    parts = (
        f"{SUBPROTOCOL} connector".encode(),
        hello.uuid.encode(),
        hello.nonce,
        challenge.nonce,
        challenge.version.to_bytes(4, "big"),
        resume.token if resume else b"",
        (resume.received if resume else 0).to_bytes(8, "big"),
    )
    return b"".join(len(part).to_bytes(4, "big") + part for part in parts)


def sign(private_key: bytes, data: bytes) -> bytes:
    """Sign with a raw Ed25519 private key of 32 bytes.

    Raises:
        ValueError: the key is not 32 bytes long.
    """
    return Ed25519PrivateKey.from_private_bytes(private_key).sign(data)


def verify(public_keys: Iterable[bytes], signature: bytes, data: bytes) -> bool:
    """Tell whether any of the raw public keys (32 bytes each) made ``signature``.

    Several, because a rotated key stays good for a grace time.
    """
    return any(_fits(key, signature, data) for key in public_keys)


def _fits(public_key: bytes, signature: bytes, data: bytes) -> bool:
    try:
        Ed25519PublicKey.from_public_bytes(public_key).verify(signature, data)
    except (InvalidSignature, ValueError):
        return False
    return True
