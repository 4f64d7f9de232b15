"""The one secret outside the database, and what is made of it.

It comes from ``security.key``, or from a file beside the database that only its owner may read.
It seals what must be read again (signing keys, letters that hold a code), and further keys are
derived from it, one for each purpose, so that none of them tells another.
"""

from __future__ import annotations

import base64
import os
import secrets
import stat
from collections.abc import Sequence
from pathlib import Path

from cryptography.fernet import Fernet, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from gateway.config import ConfigError, SecuritySettings

#: Name of the key file in the data directory.
KEY_FILE = "secret.key"


class Seal:
    """The secret in memory; never prints.

    Args:
        key: 32 bytes as URL-safe base64, as Fernet takes them.
        older: those before it, newest first; they open what they sealed.

    Raises:
        ValueError: it is no such key.

    Attributes:
        cipher: of the key alone.
        fernet: seals with the key, opens with any of them.
        older: those before it.
    """

    def __init__(self, key: bytes, older: Sequence[Seal] = ()) -> None:
        self.older = tuple(older)
        self.cipher = Fernet(key)
        self.fernet = MultiFernet([self.cipher, *(seal.cipher for seal in self.older)])
        self._secret = base64.urlsafe_b64decode(key)

    def derive(self, purpose: str) -> bytes:
        """Return a key of 32 bytes for one purpose (HKDF, RFC 5869)."""
        return HKDF(SHA256(), 32, salt=None, info=purpose.encode()).derive(self._secret)


def load_seal(settings: SecuritySettings, directory: Path) -> Seal:
    """Return the secret from the settings or from the key file.

    The file is made on first use, mode 0600. Blocking: called once at start-up.

    Raises:
        ConfigError: the key is malformed, or others may read the file.
    """
    older = [_seal(old.reveal(), "security.old_keys") for old in settings.old_keys]
    if settings.key is not None:
        return _seal(settings.key.reveal(), "security.key", older)
    path = directory / KEY_FILE
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    _make_once(path)
    if stat.S_IMODE(path.stat().st_mode) & 0o077:
        raise ConfigError((f"{path} can be read by others. Make it yours alone: chmod 600",))
    return _seal(path.read_text(encoding="ascii", errors="replace").strip(), str(path), older)


def _make_once(path: Path) -> None:
    if path.exists():
        return
    # Written aside and linked into place: two processes that start together agree on one key,
    # and a crash in between leaves no half-written one.
    draft = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(Fernet.generate_key() + b"\n")
        file.flush()
        os.fsync(file.fileno())
    try:
        path.hardlink_to(draft)
    except FileExistsError:
        return
    finally:
        draft.unlink()


def _seal(key: str, place: str, older: Sequence[Seal] = ()) -> Seal:
    try:
        return Seal(key.encode(), older)
    except ValueError as error:
        raise ConfigError(
            (f"{place} is no Fernet key: it must be 32 bytes as URL-safe base64",)
        ) from error
