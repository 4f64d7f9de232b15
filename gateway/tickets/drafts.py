"""A priced basket written down as a ticket that nobody has ordered yet."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from uuid import uuid4

from gateway.domain.money import Rate, ReductionKind
from gateway.domain.ticket import TicketState
from gateway.storage.queries.identity import Tenant
from gateway.storage.queries.ticket_records import LineDiscount, Ticket, TicketLine
from gateway.tickets.basket import PricedBasket
from gateway.tickets.prices import PricedLine


def unordered(
    tenant: Tenant, priced: PricedBasket, vin: str, now: datetime, rate: Rate | None = None
) -> Ticket:
    """Return a prepared ticket with the basket's lines; its voucher is spread over them.

    Args:
        tenant: the garage.
        priced: its lines and totals.
        vin: of the vehicle, checked.
        now: UTC.
        rate: to the garage's own currency, where it has one.
    """
    quote, voucher = priced.quote, priced.voucher
    return Ticket(
        id=0,
        uuid=uuid4(),
        tenant_id=tenant.id,
        provider_id=tenant.provider_id,
        connector_id=None,
        connector_uuid=None,
        created_by=None,
        state=TicketState.PREPARED,
        vin=vin,
        model_id=priced.vehicle.model.id,
        variant_id=priced.vehicle.id,
        vehicle=priced.vehicle.names,
        reference="",
        client_metadata={},
        confirmed_unattended_service=False,
        currency=quote.currency,
        gross=quote.after_voucher.gross,
        net=quote.after_voucher.net,
        service_fee=quote.service_fee,
        total=quote.total.net,
        local_currency=None if rate is None else rate.currency,
        local_rate=None if rate is None else rate.value,
        voucher_id=None if voucher is None else voucher.id,
        voucher_code=None if voucher is None else voucher.code,
        connection_id=int(now.timestamp() * 1_000),
        connection_uuid=uuid4(),
        operator_id=None,
        chat_state=0,
        cancelled_reason=0,
        odometer_reading=None,
        created_at=now,
        updated_at=now,
        started_at=None,
        finished_at=None,
        held_until=None,
        lines=_lines(priced),
    )


def _lines(priced: PricedBasket) -> tuple[TicketLine, ...]:
    return tuple(
        TicketLine(
            product_id=offer.product.id,
            item_number=offer.product.item_number,
            name=offer.product.name,
            description=offer.product.description,
            is_unattended=offer.product.is_unattended,
            quantity=line.quantity,
            gross=line.charged.gross,
            net=line.charged.net,
            service_fee=line.service_fee,
            discounts=_discounts(priced, line),
        )
        for offer, line in zip(priced.offers, priced.quote.lines, strict=True)
    )


def _discounts(priced: PricedBasket, line: PricedLine) -> tuple[LineDiscount, ...]:
    found = [
        _discount(one.reduction.description, one.reduction.kind, one.reduction.value, one.amount)
        for one in line.applied
    ]
    if priced.voucher is not None and line.voucher:
        rule = priced.voucher.reduction
        found.append(_discount(rule.description, rule.kind, rule.value, line.voucher))
    return tuple(found)


def _discount(
    description: str, kind: ReductionKind, value: Decimal, amount: Decimal
) -> LineDiscount:
    percentage = value if kind is ReductionKind.PERCENTUAL else None
    return LineDiscount(description, kind, percentage, amount)
