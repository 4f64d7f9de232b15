"""Against a real server in a thread of its own."""

from __future__ import annotations

import socket
import ssl
from pathlib import Path

import pytest
import trustme
from aiosmtpd.smtp import AuthResult

from gateway.config import Secret
from gateway.mail.smtp import NotNow, Undeliverable, submit
from tests.gateway.mail.postmaster import Postmaster, mail_server

pytestmark = pytest.mark.slow

LETTER = b"From: p@gateway.example\r\nTo: eva@garage.example\r\nSubject: s\r\n\r\ntext\r\n"


def deliver(postmaster: Postmaster, **changes: object) -> None:
    submit(postmaster.settings(**changes), "eva@garage.example", LETTER)


def test_a_letter_arrives() -> None:
    with mail_server() as postmaster:
        deliver(postmaster)
    ((readers, letter),) = postmaster.taken
    assert readers == ["eva@garage.example"]
    assert letter["Subject"] == "s"


@pytest.mark.parametrize(
    ("answer", "kind"),
    [("550 no such user", Undeliverable), ("451 try later", NotNow), ("421 closing", NotNow)],
)
def test_a_refusal_is_for_good_or_for_now(answer: str, kind: type[Exception]) -> None:
    with mail_server() as postmaster:
        postmaster.refusal = answer
        with pytest.raises(kind, match=answer[:3]):
            deliver(postmaster)


def test_nobody_there_is_for_now() -> None:
    with mail_server() as postmaster:
        pass
    with pytest.raises(NotNow, match="Refused"):
        deliver(postmaster)


def test_a_server_that_says_nothing_is_given_its_time() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        settings = Postmaster(silent.getsockname()[1]).settings(timeout=0.2)
        with pytest.raises(NotNow, match="timed out"):
            submit(settings, "eva@garage.example", LETTER)


def _check(
    server: object, session: object, envelope: object, how: str, given: object
) -> AuthResult:
    right = (given.login, given.password) == (b"gateway", b"hunter2")  # type: ignore[attr-defined]
    return AuthResult(success=right, handled=False)


@pytest.fixture
def certified(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ssl.SSLContext:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    return context


@pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS")
def test_starttls_then_the_password(certified: ssl.SSLContext) -> None:
    options = {"tls_context": certified, "require_starttls": True, "authenticator": _check}
    with mail_server(auth_required=True, **options) as postmaster:
        known = {"encryption": "starttls", "username": "gateway"}
        deliver(postmaster, password=Secret("hunter2"), **known)
        with pytest.raises(NotNow, match="password") as caught:
            deliver(postmaster, password=Secret("hunter3"), **known)
    assert len(postmaster.taken) == 1
    assert "hunter" not in str(caught.value)


def test_a_stranger_is_not_told_the_letter(
    certified: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SSL_CERT_FILE")
    with (
        mail_server(tls_context=certified) as postmaster,
        pytest.raises(NotNow, match="CERTIFICATE_VERIFY_FAILED"),
    ):
        deliver(postmaster, encryption="starttls")
    assert postmaster.taken == []
