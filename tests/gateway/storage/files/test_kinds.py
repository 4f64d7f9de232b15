from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.domain.errors import Invalid
from gateway.storage.files.kinds import KINDS, checked_name, kind_of

HEADS = {
    "jpg": b"\xff\xd8\xff\xe0",
    "png": b"\x89PNG\r\n\x1a\n",
    "gif": b"GIF89a",
    "webp": b"RIFF\x00\x00\x00\x00WEBPVP8 ",
    "heic": b"\x00\x00\x00\x18ftypheic",
    "pdf": b"%PDF-1.7",
    "mp4": b"\x00\x00\x00\x18ftypisom",
    "mov": b"\x00\x00\x00\x14ftypqt  ",
}


@pytest.mark.parametrize("ending", HEADS)
def test_each_kind_knows_its_own_bytes_and_no_other(ending: str) -> None:
    for other, head in HEADS.items():
        assert KINDS[ending].begins(head) is (other == ending)
    assert not KINDS[ending].begins(b"")
    assert not KINDS[ending].begins(b"<html><script>")


BAD_NAMES = [
    *("", ".", "x", ".png", "a/b.png", "a\\b.png", "a\nb.png", 'a".png', "x\0.png"),
    *("x.html", "x.svg", "x.exe", "x.zip", "x.png.html", "a" * 150 + ".png", "x.\u202egnp.html"),
]


@pytest.mark.parametrize("name", BAD_NAMES)
def test_names_that_are_not_taken(name: str) -> None:
    with pytest.raises(Invalid) as caught:
        checked_name(name)
    assert caught.value.field == "file_name"


@pytest.mark.parametrize("name", ["Foto 1.JPG", "été.pdf", " log.2026.txt "])
def test_names_that_are(name: str) -> None:
    assert checked_name(name) == name.strip()
    assert kind_of(name.strip()).content_type


@given(st.text(max_size=200))
def test_a_name_is_taken_or_refused(name: str) -> None:
    try:
        taken = checked_name(name)
    except Invalid:
        return
    assert taken.isprintable()
    assert "/" not in taken


def test_no_kind_runs_in_a_browser() -> None:
    for kind in KINDS.values():
        assert not {"html", "svg", "xml", "javascript"} & set(kind.content_type.split("/"))
