from __future__ import annotations

from typing import Any

import pytest

from gateway.config import ConfigError, Secret
from gateway.config.loading import settings_from

#: As little as a bucket takes.
BUCKET: dict[str, Any] = {
    "kind": "s3",
    "s3_endpoint": "https://s3.example",
    "s3_bucket": "gateway",
    "s3_access_key": "AK",
    "s3_secret_key": "hunter2",
}


def told(files: dict[str, Any]) -> str:
    with pytest.raises(ConfigError) as caught:
        settings_from({"files": files}, {})
    return str(caught.value)


def test_a_folder_takes_nothing() -> None:
    assert settings_from({"files": {"kind": "folder"}}, {}).files.directory is None


def test_a_bucket_takes_an_address_a_name_and_keys() -> None:
    chosen = settings_from({"files": BUCKET}, {}).files
    assert chosen.s3_secret_key == Secret("hunter2")
    assert "hunter2" not in repr(chosen)
    for missing in ("s3_bucket", "s3_access_key", "s3_secret_key"):
        rest = {name: value for name, value in BUCKET.items() if name != missing}
        assert f"files.{missing}" in told(rest)


@pytest.mark.parametrize("name", ["s3_endpoint", "s3_public_endpoint"])
@pytest.mark.parametrize(
    "address", ["s3.example", "ftp://s3.example", "https://", "https://s3.example/bucket"]
)
def test_an_address_is_one(name: str, address: str) -> None:
    assert f"files.{name}" in told({**BUCKET, name: address})


def test_there_is_no_third_kind() -> None:
    assert "files.kind" in told({**BUCKET, "kind": "tape"})
