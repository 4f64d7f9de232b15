"""Papers that nobody stores: printed as the document is now. Beyond contracts/repair.yaml."""

from __future__ import annotations

from collections.abc import Callable

import trio

from gateway.backoffice.action import Action, Call
from gateway.backoffice.profiles.repair import REPAIR
from gateway.backoffice.records import File
from gateway.backoffice.rules import papers, press, printing
from gateway.backoffice.shop import Shop


def _print(
    name: str, path: str, ability: str, gather: Callable[[Shop, int], papers.Paper]
) -> Action:
    async def run(call: Call) -> object:
        number = call.id()
        paper = await call.read(lambda shop: gather(shop, number))
        data = await trio.to_thread.run_sync(press.pdf, paper)
        return File(f"{paper.title.rpartition(' ')[2]}.pdf", "application/pdf", data)

    return Action(
        name,
        REPAIR,
        "GET",
        f"{path}/{{id}}/pdf",
        "The document as PDF",
        {"type": "string", "format": "binary"},
        run,
        ability=f"{ability}:read",
        media="application/pdf",
        tag=ability,
    )


ACTIONS = (
    _print("quotationPdf", "/v1/quotations", "quotations", printing.quotation_paper),
    _print("creditNotePdf", "/v1/credit-notes", "credit-notes", printing.credit_note_paper),
)
