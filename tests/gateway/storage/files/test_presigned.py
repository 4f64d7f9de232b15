"""Signatures, against the example that the protocol's documentation works out."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from urllib.parse import parse_qs, urlsplit

import botocore.auth  # type: ignore[import-untyped]
import pytest

from gateway.config import FileSettings
from gateway.storage.files.presigned import Presigner
from tests.support.buckets import SETTINGS

#: "Authenticating Requests: Using Query Parameters (AWS Signature Version 4)".
AT = datetime(2013, 5, 24, tzinfo=UTC)
SIGNATURE = "aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404"


@pytest.fixture
def chosen(monkeypatch: pytest.MonkeyPatch) -> FileSettings:
    monkeypatch.setattr(botocore.auth, "get_current_datetime", lambda: AT)
    return replace(SETTINGS, s3_bucket="examplebucket", s3_path_style=False)


def test_the_documented_example_is_signed_as_documented(chosen: FileSettings) -> None:
    signer = Presigner(chosen, "https://s3.amazonaws.com")
    url = urlsplit(signer.url("GET", "test.txt", seconds=86_400))
    assert (url.scheme, url.netloc) == ("https", "examplebucket.s3.amazonaws.com")
    assert url.path == "/test.txt"
    assert parse_qs(url.query)["X-Amz-Signature"] == [SIGNATURE]


def test_the_bucket_goes_into_the_path_where_it_is_to(chosen: FileSettings) -> None:
    signer = Presigner(replace(chosen, s3_path_style=True), "http://storage:9000")
    url = urlsplit(signer.url("PUT", "a b/ü+.txt", {"partNumber": "1"}))
    assert (url.netloc, url.path) == ("storage:9000", "/examplebucket/a%20b/%C3%BC%2B.txt")
    assert parse_qs(url.query)["partNumber"] == ["1"]


def test_another_method_has_another_signature(chosen: FileSettings) -> None:
    signer = Presigner(chosen, "https://s3.amazonaws.com")
    assert signer.url("GET", "k") != signer.url("PUT", "k")


def test_the_secret_is_in_no_address(chosen: FileSettings) -> None:
    assert "wJalrXUtnFEMI" not in Presigner(chosen, "https://s3.amazonaws.com").url("GET", "k")
