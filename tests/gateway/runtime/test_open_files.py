from __future__ import annotations

import resource
from collections.abc import Iterator

import pytest

from gateway.runtime.open_files import raise_open_file_limit


@pytest.fixture(autouse=True)
def limits_as_before() -> Iterator[None]:
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, before)


def test_the_soft_limit_goes_up_to_what_is_wanted() -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (256, hard))
    assert raise_open_file_limit(512) == 512
    assert resource.getrlimit(resource.RLIMIT_NOFILE)[0] == 512


def test_a_higher_limit_is_left_alone() -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (512, hard))
    assert raise_open_file_limit(256) == 512
