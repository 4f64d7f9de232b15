"""Secrets at rest: sealed with a key that is not in the database, and masked when shown."""

from __future__ import annotations

from base64 import urlsafe_b64encode
from collections.abc import Sequence

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from gateway.backoffice.refusal import broken_rule
from gateway.identity.sealing import Seal

#: What stands for a secret in answers. A value that holds one of these means "as it was".
MASK = "***masked***"
BULLETS = "\N{BULLET}" * 8


class Sealer:
    """Seals with the first key, opens with any of them: that is how keys are replaced.

    Args:
        keys: the newest first.
    """

    def __init__(self, keys: Sequence[Fernet]) -> None:
        self._ciphers = MultiFernet(keys)
        self._keys = len(keys)

    @classmethod
    def of(cls, *seals: Seal) -> Sealer:
        """Return a sealer with a key of its own from each of the gateway's, the newest first."""
        keys = (urlsafe_b64encode(seal.derive("backoffice.secrets")) for seal in seals)
        return cls([Fernet(key) for key in keys])

    def seal(self, text: str) -> str:
        """Return ``text`` as it may be stored."""
        return self._ciphers.encrypt(text.encode()).decode("ascii")

    def open(self, sealed: str) -> str:
        """Return what was sealed.

        Raises:
            Invalid: it was sealed with a key that is gone.
        """
        try:
            return self._ciphers.decrypt(sealed).decode()
        except InvalidToken:
            raise broken_rule(
                "This secret was sealed with a key that is gone. Enter it again."
            ) from None

    def renewed(self, sealed: str) -> str:
        """Return the same secret sealed with the newest key; raises like :meth:`open`."""
        return self.seal(self.open(sealed))

    @property
    def was_replaced(self) -> bool:
        """Whether there are older keys."""
        return self._keys > 1


def unchanged(value: str) -> bool:
    """Tell whether somebody sent a mask back instead of a secret."""
    return MASK in value or BULLETS in value
