from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.backoffice.rules import signatures

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)


def test_twilio_signs_as_its_manual_shows() -> None:
    # The example of the service's page "Validating signatures".
    form = {
        "Digits": "1234",
        "To": "+18005551212",
        "From": "+12349013030",
        "Caller": "+12349013030",
        "CallSid": "CA1234567890ABCDE",
    }
    url = "https://mycompany.com/myapp.php?foo=1&bar=2"
    assert signatures.twilio(url, form.items(), "12345") == "0/KCTR6DLpKmkAf8muzZqo1nDgQ="
    assert signatures.is_twilio("0/KCTR6DLpKmkAf8muzZqo1nDgQ=", url, form.items(), "12345")
    assert not signatures.is_twilio("0/KCTR6DLpKmkAf8muzZqo1nDgQ=", url, form.items(), "12346")


@given(data=st.binary(max_size=200), secret=st.text(max_size=20), late=st.integers(-300, 300))
def test_a_stamp_holds_for_its_bytes_and_five_minutes(data: bytes, secret: str, late: int) -> None:
    signed = signatures.stamp(secret, data, NOW)
    at = NOW + timedelta(seconds=late)
    assert signatures.is_stamped(signed, secret, data, at)
    assert signatures.is_stamped(f"{signed},v1=00,v0=x", secret, data, at)
    assert not signatures.is_stamped(signed, secret, data + b"x", at)
    assert not signatures.is_stamped(signed, secret + "x", data, at)
    assert not signatures.is_stamped(signed, secret, data, NOW + timedelta(seconds=301))


@given(given=st.text())
def test_nonsense_is_no_signature(given: str) -> None:
    assert not signatures.is_stamped(given, "s", b"d", NOW)
    assert not signatures.is_twilio(given, "u", [], "t")
    assert not signatures.is_plain(given, "s", b"d")


@pytest.mark.parametrize("prefix", ["sha256=", ""])
def test_a_plain_signature(prefix: str) -> None:
    # RFC 4231, test case 2.
    mac = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
    assert signatures.is_plain(prefix + mac, "Jefe", b"what do ya want for nothing?")
    assert not signatures.is_plain(prefix + mac, "Jefe", b"what do ya want for something?")
