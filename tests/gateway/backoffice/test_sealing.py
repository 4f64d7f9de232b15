"""Secrets at rest: unreadable, replaceable keys, masks that mean "as it was"."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import trio
from cryptography.fernet import Fernet

from gateway.backoffice import schema
from gateway.backoffice.outside import Outside
from gateway.backoffice.sealing import BULLETS, MASK, Sealer, unchanged
from gateway.backoffice.sending import Sending
from gateway.backoffice.shop import Shop
from gateway.config import Secret, SecuritySettings
from gateway.domain.errors import Invalid
from gateway.identity.sealing import Seal, load_seal


def test_a_new_key_takes_over() -> None:
    old, new = Seal(Fernet.generate_key()), Seal(Fernet.generate_key())
    sealed = Sealer.of(old).seal("pa55")
    assert "pa55" not in sealed
    both = Sealer.of(new, old)
    assert both.open(sealed) == "pa55"
    assert Sealer.of(new).open(both.renewed(sealed)) == "pa55"
    with pytest.raises(Invalid, match="Enter it again"):
        Sealer.of(new).open(sealed)


@pytest.mark.parametrize("text", [MASK, BULLETS, f"pk_test_{MASK}"])
def test_masks_change_nothing(text: str) -> None:
    assert unchanged(text)
    assert not unchanged("secret")


def test_the_gateways_old_keys_still_open(tmp_path: Path) -> None:
    old, new = Fernet.generate_key().decode(), Fernet.generate_key().decode()
    sealed = Sealer.of(load_seal(SecuritySettings(key=Secret(old)), tmp_path)).seal("pa55")
    settings = SecuritySettings(key=Secret(new), old_keys=(Secret(old),))
    seal = load_seal(settings, tmp_path)
    assert Sealer.of(seal, *seal.older).open(sealed) == "pa55"
    letter = load_seal(SecuritySettings(key=Secret(old)), tmp_path).fernet.encrypt(b"x")
    assert seal.fernet.decrypt(letter) == b"x"


async def test_a_start_with_an_old_key_seals_everything_anew(
    shops: Any, in_shop: Any, clock: Any, log: Any
) -> None:
    old, new = Seal(Fernet.generate_key()), Seal(Fernet.generate_key())

    def fill(shop: Shop) -> None:
        sealed = {"auth_token": Sealer.of(old).seal("t")}
        shop.insert("integration", {"slug": "twilio", "config": {}, "secrets": sealed})
        server = {"host": "h", "port": 25, "username": "u", "password": "unreadable"}
        shop.insert("mail_server", server)

    await in_shop(fill)
    outside = Outside(Sealer.of(new, old))
    async with trio.open_nursery() as nursery:
        await nursery.start(Sending(shops, schema.TABLES, clock, outside, log).run)
        nursery.cancel_scope.cancel()

    def look(shop: Shop) -> tuple[str, str]:
        secrets = shop.where("integration")[0]["secrets"]
        return Sealer.of(new).open(secrets["auth_token"]), shop.where("mail_server")[0]["password"]

    assert await in_shop(look) == ("t", "unreadable")
