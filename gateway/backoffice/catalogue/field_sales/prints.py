"""Field sales: documents as PDF, behind links that expire."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from io import BytesIO

import trio

from gateway.backoffice.action import Action, Call
from gateway.backoffice.catalogue.field_sales.acts import NUMBER, TEXT, answer
from gateway.backoffice.catalogue.field_sales.cells import NAME, words
from gateway.backoffice.kinds import Flag, Text
from gateway.backoffice.moments import Moment
from gateway.backoffice.nested import Part
from gateway.backoffice.profiles.field_sales import FIELD_SALES
from gateway.backoffice.records import File
from gateway.backoffice.refusal import wrong_field
from gateway.backoffice.resource import Input
from gateway.backoffice.rules import press
from gateway.backoffice.rules.field_sales import prints
from gateway.backoffice.rules.wordings import language_of
from gateway.backoffice.shop import Values

_PATH = "/documents"


async def _convert(call: Call) -> object:
    values = call.values
    now = call.services.clock()
    until = now + prints.LIFETIME
    link = _link(call.user.tenant_id, values, until)
    paper = await call.read(lambda shop: prints.paper(shop, link))
    data = await trio.to_thread.run_sync(press.pdf, paper)
    token = link.seal(call.outside.sealer)
    return {
        "success": True,
        "pdfUrl": f"{call.home}{FIELD_SALES.mount}{_PATH}/{token}",
        "filename": f"{paper.title}.pdf".replace("/", "-"),
        "size": len(data),
        "pages": await trio.to_thread.run_sync(_pages, data),
        "generatedAt": Moment().render(now),
        "expiresAt": Moment().render(until),
    }


def _link(tenant_id: int, values: Values, until: datetime) -> prints.Link:
    options = values.get("options") or {}
    document_id = _read("documentId", FIELD_SALES.identifier.parse, values["documentId"])
    language = _read("language", language_of, values.get("language") or "en")
    layout, watermark = prints.layout_of(options, str(language)), options.get("watermark") or ""
    key = int(str(document_id))
    return prints.Link(tenant_id, values["documentType"], key, watermark, layout, until)


def _read(name: str, read: Callable[[str], object], text: str) -> object:
    try:
        return read(text)
    except ValueError as error:
        raise wrong_field(name, str(error)) from None


def _pages(data: bytes) -> int:
    from pypdf import PdfReader  # noqa: PLC0415 - slow to import

    return len(PdfReader(BytesIO(data)).pages)


async def _show(call: Call) -> object:
    link = prints.opened(call.outside.sealer, call.path["token"], call.services.clock())
    paper = await call.of_garage(link.tenant_id, lambda shop: prints.paper(shop, link))
    data = await trio.to_thread.run_sync(press.pdf, paper)
    return File("document.pdf", "application/pdf", data)


ACTIONS = (
    Action(
        "convertDocumentToPDF",
        FIELD_SALES,
        "POST",
        "/quick-convert-to-pdf",
        "Make a link to a document as PDF",
        answer(
            success={"type": "boolean"},
            pdfUrl=TEXT,
            filename=TEXT,
            size=NUMBER,
            pages=NUMBER,
            generatedAt=TEXT,
            expiresAt=TEXT,
        ),
        _convert,
        (
            Input("documentType", words(*prints.DOCUMENTS), required=True),
            Input("documentId", NAME, required=True),
            Input("template", words("standard")),
            Input(
                "options",
                Part(
                    {
                        "includeHeader": Flag(),
                        "includeFooter": Flag(),
                        "watermark": Text(40),
                        "orientation": words("portrait", "landscape"),
                        "format": words("A4", "A3", "Letter"),
                    }
                ),
            ),
            Input("language", NAME),
        ),
        ability="quick-convert-to-pdf:write",
        tag="quick-convert-to-pdf",
    ),
    Action(
        "showConvertedDocument",
        FIELD_SALES,
        "GET",
        _PATH + "/{token}",
        "The document behind a link",
        {"type": "string", "format": "binary"},
        _show,
        public=True,
        media="application/pdf",
        tag="quick-convert-to-pdf",
    ),
)
