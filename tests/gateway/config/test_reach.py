from __future__ import annotations

from pathlib import Path

import pytest

from gateway.config.reach import is_loopback, pair_problems

PEM = Path("x.pem")


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.9.9.9", "::1"])
def test_only_this_machine(host: str) -> None:
    assert is_loopback(host)


@pytest.mark.parametrize("host", ["", "0.0.0.0", "::", "192.0.2.1", "localhost.example"])
def test_others_too(host: str) -> None:
    assert not is_loopback(host)


def test_a_certificate_and_its_key_go_together() -> None:
    assert list(pair_problems("http", PEM, PEM)) == list(pair_problems("http", None, None)) == []
    assert "http.private_key is missing" in next(pair_problems("http", PEM, None))
    assert "link.certificate is missing" in next(pair_problems("link", None, PEM))
