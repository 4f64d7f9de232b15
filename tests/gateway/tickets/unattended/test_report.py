from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from io import BytesIO

import msgspec
import pytest
from pypdf import PdfReader

from gateway.tickets.unattended.declared import parse
from gateway.tickets.unattended.plan import NoPlanError, plan_of
from gateway.tickets.unattended.report import MOST_ROWS, Findings, write
from tests.gateway.tickets.unattended.bench import PROCEDURES
from tests.gateway.workshops import MINE, Workshop

AT = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)

pytestmark = pytest.mark.slow


async def test_a_report_tells_all_and_survives_any_text(workshop: Workshop) -> None:
    workshop.presence.plug_in(MINE)
    ticket = await workshop.service.create(workshop.customer, workshop.order())
    ticket = replace(ticket, reference="<b>Straße & 車</b>")
    rows = [[f"unit {number}", "P0301-11"] for number in range(MOST_ROWS + 5)]
    results = [{"title": "Read <i>codes</i>", "header": ["Control unit", "Code"], "rows": rows}]
    data = write(ticket, Findings("Scan & clear", results, "The link <was> lost.", AT))
    pages = [page.extract_text() for page in PdfReader(BytesIO(data)).pages]
    assert len(pages) > 10
    whole = "\n".join(pages)
    for text in ("Scan & clear", "<b>Straße &", "and 5 more", "The link <was> lost.", ticket.vin):
        assert text in whole


async def test_a_plan_is_one_procedure_for_each_product(workshop: Workshop) -> None:
    workshop.presence.plug_in(MINE)
    order = workshop.order("100701", answers={}, confirmed_unattended_service=True)
    ticket = await workshop.service.create(workshop.customer, order)
    declared = parse(PROCEDURES)
    plan = plan_of(ticket, declared)
    assert plan.title == "Code lights"
    assert len(plan.steps) == 3
    assert plan.digest == plan_of(ticket, parse(PROCEDURES)).digest
    shorter = msgspec.structs.replace(declared[2], steps=declared[2].steps[:1])
    assert plan.digest != plan_of(ticket, [shorter]).digest
    twice = replace(ticket, lines=ticket.lines * 2)
    assert plan_of(twice, declared) == plan
    with pytest.raises(NoPlanError, match="No procedure is declared for"):
        plan_of(ticket, declared[:2])
