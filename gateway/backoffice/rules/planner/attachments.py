"""Files that belong to an item. Kept in the database: their names are never paths."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePosixPath
from typing import Any

from gateway.backoffice.reading import absent
from gateway.backoffice.records import File
from gateway.backoffice.refusal import wrong_field
from gateway.backoffice.shop import Shop, Values

#: Suffix -> media type. A browser runs none of these.
TYPES = {
    ".pdf": "application/pdf",
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".gif": "image/gif",
    ".webp": "image/webp",
    ".heic": "image/heic",
    ".txt": "text/plain",
    ".csv": "text/csv",
    ".docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    ".xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    ".odt": "application/vnd.oasis.opendocument.text",
    ".ods": "application/vnd.oasis.opendocument.spreadsheet",
}

#: What files of a type begin with, where they do.
_BEGINS = {
    ".pdf": b"%PDF-",
    ".png": b"\x89PNG\r\n\x1a\n",
    ".jpg": b"\xff\xd8\xff",
    ".jpeg": b"\xff\xd8\xff",
    ".gif": b"GIF8",
}

#: Of one item.
MOST_FILES = 20


def add(shop: Shop, item_id: int, files: Sequence[Any]) -> None:
    """Store files of an item; ``files`` holds :class:`File`.

    Raises:
        Unprocessable: of another type than its name says, of none that is taken, or too many.
    """
    present = shop.count("item_attachment", item_id=item_id)
    if present + len(files) > MOST_FILES:
        raise wrong_field("attachments", f"must not be more than {MOST_FILES} files in all.")
    for file in files:
        name, media = _checked(file)
        row = {"item_id": item_id, "name": name, "media": media, "size": len(file.data)}
        attachment_id = shop.insert("item_attachment", row)
        shop.insert("item_file", {"attachment_id": attachment_id, "data": file.data})


def clear(shop: Shop, item_id: int) -> None:
    """Remove all files of an item."""
    for row in shop.where("item_attachment", item_id=item_id):
        remove(shop, row)


def remove(shop: Shop, row: Values) -> None:
    """Remove a file."""
    for held in shop.where("item_file", attachment_id=row["id"]):
        shop.remove("item_file", held["id"])
    shop.remove("item_attachment", row["id"])


def fetch(shop: Shop, values: Values) -> File:
    """Return a file of an item; raises ``NotFound``."""
    item = shop.find("item", id=values["item_id"], customer_id=values["id"])
    chosen = {"id": values["attachment_id"], "item_id": values["item_id"]}
    row = item and shop.find("item_attachment", **chosen)
    held = row and shop.find("item_file", attachment_id=row["id"])
    if not row or not held:
        raise absent("attachment")
    return File(row["name"], row["media"], held["data"])


def safe_name(name: str) -> str:
    """Return a file's name without folders, control characters and quotes."""
    last = name.replace("\\", "/").rpartition("/")[2]
    kept = "".join(c for c in last if c.isprintable() and c not in '"<>|:*?;').strip(" .")
    path = PurePosixPath(kept)
    return path.stem[:200] + path.suffix[:16]


def _checked(file: File) -> tuple[str, str]:
    name = safe_name(file.name)
    suffix = PurePosixPath(name).suffix.lower()
    if suffix not in TYPES:
        known = " ".join(sorted(TYPES))
        raise wrong_field("attachments", f"takes files of these types: {known}.")
    if not file.data.startswith(_BEGINS.get(suffix, b"")):
        raise wrong_field("attachments", f"holds {name}, which is no {suffix} file.")
    return name, TYPES[suffix]
