"""The keys that sign tokens: made here, kept encrypted, replaced in time.

Private keys are stored sealed (``sealing``). A stolen database alone signs nothing.

A key signs for ``security.signing_key_lifetime``; then a new one takes over, and the old one
verifies until the last token it signed has expired.
"""

from __future__ import annotations

import base64
import secrets
from datetime import datetime, timedelta

import trio
from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from joserfc.jwk import OKPKey

from gateway.config import ConfigError, SecuritySettings
from gateway.domain.clock import Clock
from gateway.identity.sealing import KEY_FILE
from gateway.storage.database import Connection, Database
from gateway.storage.queries import audit, signing_keys
from gateway.storage.queries.audit import AuditEntry
from gateway.storage.queries.signing_keys import StoredKey

#: Seconds between two looks for a key this process does not know (another may have made it).
RELOAD_INTERVAL = 10.0

#: Seconds for which another process may go on signing with a key that was retired: it looks at
#: the keys every ``RELOAD_INTERVAL``, unless the database does not answer.
RETIRED_IN_USE = 600.0


class KeyRing:
    """Owns the signing keys in memory; :meth:`open` it before use."""

    def __init__(
        self,
        database: Database,
        fernet: Fernet | MultiFernet,
        settings: SecuritySettings,
        clock: Clock,
    ) -> None:
        self._database = database
        self._fernet = fernet
        self._clock = clock
        self._lifetime = timedelta(seconds=settings.signing_key_lifetime)
        self._longest_token = timedelta(
            seconds=RETIRED_IN_USE
            + max(settings.refresh_token_lifetime, settings.operator_token_lifetime)
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
        return await self._replace(self._clock() - self._lifetime, "gateway")

    async def rotate(self, *, actor: str) -> str:
        """Let a new key take over now, and return its name.

        What the old one signed stays good until it expires. Other processes notice within
        seconds.
        """
        await self._replace(self._clock(), actor)
        return self._current

    async def _replace(self, created_before: datetime, actor: str) -> bool:
        now = self._clock()
        kid = secrets.token_hex(8)
        key = OKPKey.generate_key("Ed25519", {"kid": kid})
        new = StoredKey(kid, self._fernet.encrypt(_private_bytes(key)), now, None)
        replaced = await self._database.write(self._store, new, created_before, actor)
        await self._load()
        return replaced

    def _store(
        self, connection: Connection, new: StoredKey, created_before: datetime, actor: str
    ) -> bool:
        replaced = signing_keys.replace(
            connection,
            new,
            created_before=created_before,
            forget_before=new.created_at - self._longest_token,
        )
        if replaced:
            entry = AuditEntry(new.created_at, "signing_key.rotated", actor, f"key:{new.kid}")
            audit.record(connection, entry)
        return replaced

    async def reload(self) -> None:
        """Read the keys again: another process may have replaced the one in use."""
        await self._load()

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


def _private_bytes(key: OKPKey) -> bytes:
    """Return seed and public key, 32 bytes each."""
    parts = key.as_dict(private=True)
    return b"".join(base64.urlsafe_b64decode(f"{parts[name]}=") for name in ("d", "x"))


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode("ascii")
