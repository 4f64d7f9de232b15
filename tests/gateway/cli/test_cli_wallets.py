from __future__ import annotations

import pytest

from tests.gateway.cli.command_line import CommandLine

pytestmark = pytest.mark.slow


@pytest.fixture
def garage(gateway: CommandLine) -> CommandLine:
    """A command line with provider 1, which keeps wallets, and garage 1."""
    gateway.run("provider", "add", "My service", "--prepaid")
    gateway.run("tenant", "add", "My garage", "--provider", "1", "--local-currency", "pln")
    return gateway


def test_payments_are_written_down(garage: CommandLine) -> None:
    tenant = ("--tenant", "1")
    paid = garage.fields("wallet", "pay", *tenant, "250", "--reference", "transfer 7")
    assert paid == {"balance": "250.00", "overdraft": "0.00"}
    taken = garage.fields("wallet", "correct", *tenant, "--reference", "fee", "--", "-50.10")
    assert taken["balance"] == "199.90"
    assert garage.fields("wallet", "allow", *tenant, "20")["overdraft"] == "20.00"
    lines = [line.split("\t") for line in garage.run("wallet", "show", *tenant).splitlines()]
    assert [line[1:] for line in lines[2:]] == [
        ["correction", "-50.10", "199.90", "-", "fee"],
        ["payment", "250.00", "250.00", "-", "transfer 7"],
    ]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("pay", "--tenant", "9", "5"), "no garage 9"),
        (("pay", "--tenant", "1", "0.001"), "whole cents"),
        (("correct", "--tenant", "1", "--reference", "x", "--", "-1"), "below what is allowed"),
        (("allow", "--tenant", "1", "--", "-1"), "from 0"),
    ],
)
def test_what_cannot_be_is_refused(
    garage: CommandLine, arguments: tuple[str, ...], words: str
) -> None:
    assert words in garage.refused("wallet", *arguments)[0]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("wallet", "pay", "--tenant", "1", "much"), "12.50"),
        (("wallet", "correct", "--tenant", "1", "5"), "--reference"),
        (("tenant", "add", "T", "--provider", "1", "--currency", "euro"), "ISO 4217"),
        (("provider", "add", "P", "--currency", "E1R"), "ISO 4217"),
    ],
)
def test_what_is_no_amount_and_no_currency_is_misused(
    gateway: CommandLine, arguments: tuple[str, ...], words: str
) -> None:
    assert words in gateway.misused(*arguments)
