"""The way out: retries what is harmless, refuses what leads inside, tells no secrets."""

from __future__ import annotations

from email.message import EmailMessage
from typing import Any

import pytest
from cryptography.fernet import Fernet

from gateway.backoffice.outside import MailServer, Outside
from gateway.backoffice.refusal import Upstream
from gateway.backoffice.sealing import Sealer
from gateway.domain.errors import Invalid


async def test_what_is_harmless_is_asked_again(outside: Outside, elsewhere: Any) -> None:
    elsewhere.answers["/a"] = (503, {})
    assert (await outside.ask("GET", f"{elsewhere.url}/a")).status == 503
    assert len(elsewhere.asked) == 3
    await outside.ask("POST", f"{elsewhere.url}/a", json={"x": 1})
    assert len(elsewhere.asked) == 4
    assert elsewhere.asked[-1][2] == b'{"x":1}'


async def test_nobody_there(outside: Outside) -> None:
    with pytest.raises(Upstream, match=r"127\.0\.0\.1 did not answer"):
        await outside.ask("POST", "http://127.0.0.1:1/secret-path?key=secret")


@pytest.mark.parametrize(
    "url", ["http://example.test/", "https://127.0.0.1/", "https://[::1]/", "https://10.0.0.1/"]
)
async def test_addresses_of_this_network_are_refused(url: str) -> None:
    careful = Outside(Sealer((Fernet(Fernet.generate_key()),)))
    with pytest.raises(Invalid):
        await careful.ask_typed("GET", url)


async def test_a_letter_reaches_a_real_server(outside: Outside, letters: Any) -> None:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "a@x.test", "b@x.test", "Hello"
    message.set_content("Text")
    await outside.mail(MailServer("127.0.0.1", letters.port, "none"), message)
    assert letters.taken[0][0] == ["b@x.test"]
    letters.refusal = "550 Not here"
    with pytest.raises(Upstream, match=r"127\.0\.0\.1 refused"):
        await outside.mail(MailServer("127.0.0.1", letters.port, "none"), message)


@pytest.mark.parametrize(
    ("private", "allowed"),
    [(["localhost"], True), (["127.0.0.0/8", "::1"], True), (["pbx.lan", "10.0.0.0/8"], False)],
)
async def test_private_networks_are_reached_where_the_configuration_says_so(
    private: list[str], allowed: bool
) -> None:
    careful = Outside(Sealer((Fernet(Fernet.generate_key()),)), private=private)
    for url in ("https://localhost/", "http://localhost:5000/"):
        if allowed:
            await careful.check_address(url)
        else:
            with pytest.raises(Invalid):
                await careful.check_address(url)
    with pytest.raises(Invalid):
        await careful.check_address("ftp://localhost/")
    with pytest.raises(Invalid, match="malformed"):
        await careful.check_address("https://[::1/")


def test_addresses_of_services_that_there_are_not_are_refused() -> None:
    sealer = Sealer((Fernet(Fernet.generate_key()),))
    with pytest.raises(ValueError, match="no service 'molly'; there are mollie"):
        Outside(sealer, {"molly": "https://x.test"})
    assert Outside(sealer, {"mollie": "https://x.test/"}).address("mollie") == "https://x.test"
