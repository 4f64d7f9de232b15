"""What may be attached: told by the name's ending, and checked against the bytes.

A file goes out with the type found here, never with one that somebody sent, always as an
attachment and with sniffing forbidden. Kinds that run in a browser (HTML, SVG) or hide others
(archives) are not taken.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from gateway.domain.errors import Invalid

#: Bytes of the beginning that tell a kind.
HEAD = 32

#: Characters of a name that is kept.
LONGEST_NAME = 150

_FORBIDDEN = frozenset('/\\:*?"<>|')


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of file.

    Attributes:
        content_type: what it is sent as (RFC 6838).
        begins: tells whether the first ``HEAD`` bytes are of this kind.
        is_text: it must hold no NUL byte anywhere.
    """

    content_type: str
    begins: Callable[[bytes], bool]
    is_text: bool = False


def _with(*prefixes: bytes) -> Callable[[bytes], bool]:
    return lambda head: head.startswith(prefixes)


def _riff(head: bytes) -> bool:
    return head[:4] == b"RIFF" and head[8:12] == b"WEBP"


def _brand(*brands: bytes) -> Callable[[bytes], bool]:
    """Tell files of ISO base media format (ISO 14496-12, 4.3) by their major brand."""
    return lambda head: head[4:8] == b"ftyp" and head[8:12] in brands


_JPEG = Kind("image/jpeg", _with(b"\xff\xd8\xff"))
_MP4 = Kind("video/mp4", _brand(b"isom", b"iso2", b"iso5", b"iso6", b"mp41", b"mp42", b"avc1"))
_HEIC = Kind("image/heic", _brand(b"heic", b"heix", b"mif1"))
_TEXT = Kind("text/plain; charset=utf-8", lambda _head: True, is_text=True)

#: Ending of the name -> kind.
KINDS = {
    "jpg": _JPEG,
    "jpeg": _JPEG,
    "png": Kind("image/png", _with(b"\x89PNG\r\n\x1a\n")),
    "gif": Kind("image/gif", _with(b"GIF87a", b"GIF89a")),
    "webp": Kind("image/webp", _riff),
    "heic": _HEIC,
    "heif": _HEIC,
    "pdf": Kind("application/pdf", _with(b"%PDF-")),
    "mp4": _MP4,
    "mov": Kind("video/quicktime", _brand(b"qt  ")),
    "txt": _TEXT,
    "log": _TEXT,
    "csv": _TEXT,
}


def checked_name(name: str) -> str:
    """Return a file's name as it is kept.

    Raises:
        Invalid: it is no name, or its ending is of no kind that is taken.
    """
    name = name.strip()
    printable = name.isprintable() and not _FORBIDDEN.intersection(name)
    if not 0 < len(name) <= LONGEST_NAME or not printable or name.startswith("."):
        detail = (
            f"A file's name has 1 to {LONGEST_NAME} printable characters, no path and none of "
            f"{''.join(sorted(_FORBIDDEN))}. Rename it."
        )
        raise Invalid("files.name", detail, field="file_name")
    kind_of(name)
    return name


def kind_of(name: str) -> Kind:
    """Return what a file is by its name.

    Raises:
        Invalid: its ending is of no kind that is taken.
    """
    kind = KINDS.get(name.rpartition(".")[2].lower()) if "." in name else None
    if kind is None:
        known = ", ".join(KINDS)
        detail = f"Files of this kind are not taken. Attach one of: {known}."
        raise Invalid("files.kind", detail, field="file_name")
    return kind
