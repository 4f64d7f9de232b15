from __future__ import annotations

import stat
import threading
from pathlib import Path

import pytest
from cryptography.fernet import Fernet, MultiFernet

from gateway.config import ConfigError, Secret, SecuritySettings
from gateway.identity.sealing import KEY_FILE, Seal, load_seal


def test_a_key_file_is_made_once_for_its_owner_alone(tmp_path: Path) -> None:
    directory = tmp_path / "data"
    token = load_seal(SecuritySettings(), directory).fernet.encrypt(b"x")
    assert load_seal(SecuritySettings(), directory).fernet.decrypt(token) == b"x"
    assert stat.S_IMODE((directory / KEY_FILE).stat().st_mode) == 0o600
    assert stat.S_IMODE(directory.stat().st_mode) == 0o700
    assert [path.name for path in directory.iterdir()] == [KEY_FILE]


def test_many_that_start_together_get_one_key(tmp_path: Path) -> None:
    ciphers: list[MultiFernet] = []
    threads = [
        threading.Thread(
            target=lambda: ciphers.append(load_seal(SecuritySettings(), tmp_path).fernet)
        )
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    token = ciphers[0].encrypt(b"x")
    assert [cipher.decrypt(token) for cipher in ciphers] == [b"x"] * 8


def test_a_file_that_others_can_read_is_refused(tmp_path: Path) -> None:
    load_seal(SecuritySettings(), tmp_path)
    (tmp_path / KEY_FILE).chmod(0o640)
    with pytest.raises(ConfigError, match="chmod 600"):
        load_seal(SecuritySettings(), tmp_path)


def test_a_key_from_the_settings_needs_no_file(tmp_path: Path) -> None:
    key = Fernet.generate_key()
    settings = SecuritySettings(key=Secret(key.decode()))
    assert Fernet(key).decrypt(load_seal(settings, tmp_path).fernet.encrypt(b"x")) == b"x"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("key", ["", "short", "é" * 44])
def test_a_malformed_key_is_refused_and_not_printed(tmp_path: Path, key: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load_seal(SecuritySettings(key=Secret(key)), tmp_path)
    assert "security.key" in str(caught.value)
    assert not key or key not in str(caught.value)


def test_each_purpose_has_a_key_of_its_own_that_stays() -> None:
    secret = Fernet.generate_key()
    one, two = Seal(secret), Seal(secret)
    assert one.derive("files") == two.derive("files")
    assert one.derive("files") != one.derive("other")
    assert len(one.derive("files")) == 32
    assert Seal(Fernet.generate_key()).derive("files") != one.derive("files")
    assert secret.decode() not in repr(one)
