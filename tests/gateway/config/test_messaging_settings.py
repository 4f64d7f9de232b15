from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from gateway.config import ChatSettings, ConfigError, MailSettings, Secret
from gateway.config.loading import settings_from

DOCUMENT = Path(__file__).parents[3] / "docs" / "portal-access.md"


def told(document: dict[str, object]) -> str:
    with pytest.raises(ConfigError) as caught:
        settings_from(document, {})
    return str(caught.value)


def test_mail_needs_a_sender_and_a_name_for_its_password() -> None:
    assert "mail.sender" in told({"mail": {"host": "smtp.example"}})
    assert "go together" in told({"mail": {"username": "portal"}})
    open_word = {"host": "smtp.example", "sender": "p@x.example", "encryption": "none"}
    assert "unencrypted" in told({"mail": {**open_word, "username": "p", "password": "hunter2"}})
    here = {**open_word, "host": "127.0.0.1", "username": "p", "password": "hunter2"}
    assert settings_from({"mail": here}, {}).mail.password == Secret("hunter2")


@pytest.mark.parametrize("url", ["translate.example", "ftp://translate.example", "https://"])
def test_the_translation_server_has_an_address(url: str) -> None:
    assert "chat.translation_url" in told({"chat": {"translation_url": url}})


def test_secrets_do_not_print() -> None:
    mail = MailSettings(username="p", password=Secret("hunter2"))
    assert "hunter2" not in f"{mail!r} {ChatSettings(translation_key=Secret('hunter2'))!r}"


def test_the_document_shows_settings_that_are_taken() -> None:
    blocks = re.findall(r"^```toml\n(.*?)^```", DOCUMENT.read_text(), re.MULTILINE | re.DOTALL)
    assert blocks
    for block in blocks:
        settings_from(tomllib.loads(block), {})


def test_an_account_is_locked_later_than_a_network() -> None:
    assert "attempts_per_account" in told({"security": {"attempts_per_account": 2}})
