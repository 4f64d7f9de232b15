"""The keys that sign tokens: made here, kept encrypted, replaced in time.

Private keys are stored under a Fernet key that is not in the database: it comes from
``security.key``, or from a file beside the database that only its owner may read. A stolen
database alone signs nothing.

A key signs for ``security.signing_key_lifetime``; then a new one takes over, and the old one
verifies until the last token it signed has expired.
"""

from __future__ import annotations

import base64
import os
import secrets
import stat
from datetime import timedelta
from pathlib import Path

import trio
from cryptography.fernet import Fernet, InvalidToken
from joserfc.jwk import OKPKey

from gateway.config import ConfigError, SecuritySettings
from gateway.domain.clock import Clock
from gateway.storage.database import Database
from gateway.storage.queries import signing_keys
from gateway.storage.queries.signing_keys import StoredKey

#: Name of the key file in the data directory.
KEY_FILE = "secret.key"

#: Seconds between two looks for a key this process does not know (another may have made it).
RELOAD_INTERVAL = 10.0


class KeyRing:
    """Owns the signing keys in memory; :meth:`open` it before use."""

    def __init__(
        self, database: Database, fernet: Fernet, settings: SecuritySettings, clock: Clock
    ) -> None:
        self._database = database
        self._fernet = fernet
        self._clock = clock
        self._lifetime = timedelta(seconds=settings.signing_key_lifetime)
        self._longest_token = timedelta(
            seconds=max(settings.refresh_token_lifetime, settings.operator_token_lifetime)
        )
        self._keys: dict[str, OKPKey] = {}
        self._current = ""
        self._reload_at = 0.0

    async def open(self) -> None:
        """Read the keys, and make one where there is none or the last is due.

        Raises:
            ConfigError: the stored keys were encrypted with another key.
            Unavailable: the database does not answer.
        """
        await self._load()
        await self.rotate_if_due()

    async def rotate_if_due(self) -> bool:
        """Let a new key take over when the one in use is old enough; say whether it did."""
        now = self._clock()
        kid = secrets.token_hex(8)
        key = OKPKey.generate_key("Ed25519", {"kid": kid})
        stored = StoredKey(kid, self._fernet.encrypt(_private_bytes(key)), now, None)
        replaced = await self._database.write(
            signing_keys.replace,
            stored,
            created_before=now - self._lifetime,
            forget_before=now - self._longest_token,
        )
        await self._load()
        return replaced

    @property
    def current(self) -> OKPKey:
        """The key that signs now."""
        return self._keys[self._current]

    async def find(self, kid: str) -> OKPKey | None:
        """Return the key named ``kid``, also one that another process has just made."""
        if kid not in self._keys and trio.current_time() >= self._reload_at:
            self._reload_at = trio.current_time() + RELOAD_INTERVAL
            await self._load()
        return self._keys.get(kid)

    def public_keys(self) -> dict[str, list[dict[str, str | list[str]]]]:
        """Return the key set (RFC 7517) with which anybody can verify our tokens."""
        return {
            "keys": [
                {**key.as_dict(private=False), "use": "sig", "alg": "Ed25519"}
                for key in self._keys.values()
            ]
        }

    async def _load(self) -> None:
        stored = await self._database.read(signing_keys.every)
        oldest = self._clock() - self._longest_token
        self._keys = {
            key.kid: self._decrypt(key)
            for key in stored
            if key.retired_at is None or key.retired_at >= oldest
        }
        self._current = next((key.kid for key in stored if key.retired_at is None), "")

    def _decrypt(self, stored: StoredKey) -> OKPKey:
        try:
            raw = self._fernet.decrypt(stored.private_key)
        except InvalidToken as error:
            problem = (
                "security.key: the signing keys in the database were encrypted with another key. "
                f"Restore that key (or the file {KEY_FILE} in data.directory), or empty the table "
                "signing_key, which signs everybody out."
            )
            raise ConfigError((problem,)) from error
        return OKPKey.import_key(
            {"kty": "OKP", "crv": "Ed25519", "d": _text(raw[:32]), "x": _text(raw[32:])},
            {"kid": stored.kid},
        )


def load_fernet(settings: SecuritySettings, directory: Path) -> Fernet:
    """Return the cipher for keys at rest, from the settings or from the key file.

    The file is made on first use, mode 0600. Blocking: called once at start-up.

    Raises:
        ConfigError: the key is malformed, or others may read the file.
    """
    if settings.key is not None:
        return _fernet(settings.key.reveal(), "security.key")
    path = directory / KEY_FILE
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    _make_once(path)
    if stat.S_IMODE(path.stat().st_mode) & 0o077:
        raise ConfigError((f"{path} can be read by others. Make it yours alone: chmod 600",))
    return _fernet(path.read_text(encoding="ascii", errors="replace").strip(), str(path))


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


def _fernet(key: str, place: str) -> Fernet:
    try:
        return Fernet(key)
    except ValueError as error:
        raise ConfigError(
            (f"{place} is no Fernet key: it must be 32 bytes as URL-safe base64",)
        ) from error


def _private_bytes(key: OKPKey) -> bytes:
    """Return seed and public key, 32 bytes each."""
    parts = key.as_dict(private=True)
    return b"".join(base64.urlsafe_b64decode(f"{parts[name]}=") for name in ("d", "x"))


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode("ascii")
