from __future__ import annotations

from urllib.parse import parse_qs, urlsplit
from uuid import UUID, uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.domain.errors import NotFound
from gateway.storage.files.links import FileLinks
from tests.settable_clock import SettableClock

FILE = UUID("497f6eca-6276-4993-bfeb-53cbbbba6f08")


@pytest.fixture
def links(clock: SettableClock) -> FileLinks:
    return FileLinks(bytes(range(32)), 900.0, clock)


def parts(link: str) -> tuple[str, str, str]:
    split = urlsplit(link)
    query = parse_qs(split.query)
    return split.path.removeprefix("/files/"), query["expires"][0], query["signature"][0]


def test_a_link_leads_to_its_file_until_it_expires(links: FileLinks, clock: SettableClock) -> None:
    made = parts(links.make("fetch", FILE))
    clock.advance(899)
    assert links.check("fetch", *made) == FILE
    clock.advance(1)
    with pytest.raises(NotFound):
        links.check("fetch", *made)


def test_a_link_is_for_one_thing(links: FileLinks, clock: SettableClock) -> None:
    file_id, expires, signature = parts(links.make("fetch", FILE))
    for deed, *rest in (
        ("upload", file_id, expires, signature),
        ("fetch", str(uuid4()), expires, signature),
        ("fetch", file_id, str(int(expires) + 1), signature),
        ("fetch", file_id, expires, signature[:-1]),
        ("fetch", file_id, f"+{expires}", signature),
        ("fetch", file_id, "9" * 400, signature),
        ("fetch", file_id, "", ""),
        ("fetch", "../x", expires, signature),
    ):
        with pytest.raises(NotFound):
            links.check(deed, *rest)  # type: ignore[arg-type]
    with pytest.raises(NotFound):
        FileLinks(bytes(32), 900.0, clock).check("fetch", file_id, expires, signature)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(max_size=50), st.text(max_size=20), st.text(max_size=50))
def test_nothing_made_up_is_a_link(
    links: FileLinks, file_id: str, expires: str, signature: str
) -> None:
    with pytest.raises(NotFound):
        links.check("fetch", file_id, expires, signature)
    with pytest.raises(NotFound):
        links.check("fetch", str(FILE), "99999999999", signature)
