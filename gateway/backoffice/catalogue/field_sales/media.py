"""Field sales: media."""

from __future__ import annotations

from gateway.backoffice.catalogue.field_sales.cells import (
    LINK,
    NAME,
    NOTES,
    SUM,
    Cell,
    first,
    own,
    words,
)
from gateway.backoffice.catalogue.field_sales.sheet import Rules, nouns, sheet
from gateway.backoffice.kinds import Document, Flag
from gateway.backoffice.nested import Many
from gateway.backoffice.profiles.field_sales import LINKS, PAGED
from gateway.backoffice.rules.field_sales import media

MEDIA_ITEM = sheet(
    "/media",
    LINKS,
    "MediaSchema",
    {
        "name": Cell(NAME, must=True, find=True),
        "description": Cell(NAME, find=True),
        "url": Cell(LINK, must=True, find=True),
        "document_type": Cell(
            words(
                "html",
                "csv",
                "json",
                "image",
                "pdf",
                "ppt",
                "pptx",
                "xls",
                "xlsx",
                "doc",
                "docx",
                "images",
                "zip",
                "pt",
            ),
            must=True,
            find=True,
        ),
        "parent_document_type": words(
            "clients",
            "asset",
            "assetUnit",
            "workorder",
            "clientLocation",
            "clientContact",
            "commentsThread",
            "workorderRequest",
            "workorderPortal",
            "invoice",
            "products",
            "productvariations",
            "representatives",
            "productcategories",
            "productSubCategory",
            "speciality",
            "line",
            "banner",
            "intgAvailableApps",
        ),
        "parent_document_key": Cell(NAME, find=True),
        "disabled": Cell(Flag(), find=True),
    },
    name="media_item",
    meta=True,
)

MEDIA_FILE = sheet(
    "/media-storage",
    PAGED,
    "MediaStorageSchema",
    {
        "filename": Cell(NAME, must=True, find=True),
        "url": first(LINK, must=True),
        "mimeType": first(NAME, must=True, find=True),
        "size": first(SUM, must=True, find=True),
        "category": Cell(NAME, find=True),
        "entityType": Cell(NAME, find=True),
        "entityId": Cell(NAME, find=True),
        "uploadedBy": own(NAME),
        "isPublic": Flag(),
        "thumbnailUrl": first(LINK),
        "metadata": Document(),
        "tags": Many(NAME),
        "description": NOTES,
    },
    name="media_file",
    rules=Rules(media.create_file),
    meta=True,
)

RESOURCES = (
    MEDIA_ITEM,
    MEDIA_FILE,
)
NOUNS = nouns(*RESOURCES)
