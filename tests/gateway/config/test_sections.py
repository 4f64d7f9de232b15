from __future__ import annotations

import dataclasses
import re
from dataclasses import replace
from pathlib import Path
from typing import get_type_hints

import pytest

from gateway.config import (
    DatabaseSettings,
    DataSettings,
    HttpSettings,
    LinkSettings,
    Secret,
    SecuritySettings,
    Settings,
    TicketSettings,
)
from gateway.domain.ticket import TicketState

SECTIONS = [Settings, *get_type_hints(Settings).values()]


@pytest.mark.parametrize("section", SECTIONS)
def test_every_field_is_documented_and_nothing_else_is(section: type) -> None:
    documented = re.findall(r"^        (\w+): ", section.__doc__ or "", re.MULTILINE)
    assert documented == [field.name for field in dataclasses.fields(section)]


@pytest.mark.parametrize("section", SECTIONS)
def test_settings_do_not_change(section: type) -> None:
    made = section()
    name = dataclasses.fields(section)[0].name
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(made, name, None)


def test_the_defaults_agree_with_each_other() -> None:
    assert list(Settings().problems()) == []


def test_a_secret_does_not_print() -> None:
    settings = Settings(
        security=SecuritySettings(key=Secret("hunter2")),
        database=DatabaseSettings(url=Secret("postgresql+psycopg://u:hunter2@db/x")),
    )
    assert "hunter2" not in f"{settings!r} {settings.security.key} {settings.database.url!s}"
    assert settings.security.key == Secret("hunter2")
    assert settings.security.key != Secret("other")
    assert len({Secret("a"), Secret("a")}) == 1
    assert Secret("hunter2").reveal() == "hunter2"


def test_the_database_is_embedded_unless_one_is_named() -> None:
    embedded = Settings(data=DataSettings(directory=Path("/var/lib/gateway")))
    assert embedded.database_url == "sqlite:////var/lib/gateway/gateway.db"
    named = Settings(database=DatabaseSettings(url=Secret("postgresql+psycopg://db/x")))
    assert named.database_url == "postgresql+psycopg://db/x"


PEM = Path("x.pem")


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        (Settings(http=HttpSettings(certificate=PEM)), "http.private_key is missing"),
        (Settings(link=LinkSettings(private_key=PEM)), "link.certificate is missing"),
        (Settings(link=LinkSettings(client_ca=PEM)), "link.client_ca needs link.certificate"),
        (Settings(link=LinkSettings(host="0.0.0.0")), "beyond loopback without TLS"),
        (Settings(link=LinkSettings(host="gateway.example")), "beyond loopback without TLS"),
        (Settings(link=LinkSettings(ping_interval=26.0)), "idle links need fewer pings"),
        (Settings(http=HttpSettings(port=8443)), "both 8443"),
        (Settings(http=HttpSettings(websocket_ping=75.0)), "http.websocket_ping must be shorter"),
        (Settings(security=SecuritySettings(lockout_longest=1.0)), "security.lockout_longest"),
        (
            Settings(security=SecuritySettings(refresh_token_lifetime=1.0)),
            "refresh_token_lifetime",
        ),
        (Settings(tickets=TicketSettings(numbers={"closed": 1})), "two states share a number"),
        (Settings(tickets=TicketSettings(names={"paused": "Paused"})), "unknown state 'paused'"),
    ],
)
def test_contradictions_are_named(settings: Settings, problem: str) -> None:
    [found] = settings.problems()
    assert problem in found


@pytest.mark.parametrize(
    "link",
    [
        LinkSettings(host="localhost"),
        LinkSettings(host="::1"),
        LinkSettings(host="127.0.0.9"),
        LinkSettings(host="0.0.0.0", tls_elsewhere=True),
        LinkSettings(host="0.0.0.0", certificate=PEM, private_key=PEM, client_ca=PEM),
    ],
)
def test_plain_text_is_for_loopback_or_behind_a_balancer(link: LinkSettings) -> None:
    assert list(link.problems()) == []


def test_the_ticket_table_names_the_products_states() -> None:
    settings = TicketSettings()
    assert settings.numbers == {state.name.lower(): int(state) for state in TicketState}
    assert settings.names.keys() == settings.numbers.keys()


def test_a_partial_ticket_table_changes_those_states_only() -> None:
    settings = replace(TicketSettings(), numbers={"prepared": 9})
    assert settings.numbers["prepared"] == 9
    assert settings.numbers["closed"] == 7
