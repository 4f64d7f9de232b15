"""Figures of the business (contracts/repair.yaml, Business Intelligence)."""

from __future__ import annotations

from gateway.backoffice.action import Action, Rule, in_shop
from gateway.backoffice.catalogue.repair.shapes import (
    AMOUNT,
    OPEN,
    TEXT,
    WHOLE,
    listed,
    members,
)
from gateway.backoffice.kinds import Choice, Schema
from gateway.backoffice.profiles.repair import REPAIR
from gateway.backoffice.resource import Input
from gateway.backoffice.rules import figures

_PERIOD = (Input("period", Choice(tuple(figures.PERIODS))),)
_ENGINEER = members(
    engineer_id=WHOLE, name=TEXT, completed=WHOLE, avg_hours=AMOUNT, revenue=AMOUNT
)
_COUNTS: Schema = {"type": "object", "additionalProperties": WHOLE}


def _figure(name: str, path: str, summary: str, rule: Rule, answer: Schema) -> Action:
    return Action(
        name,
        REPAIR,
        "GET",
        f"/v1/bi/{path}",
        summary,
        answer,
        in_shop(rule, writes=False),
        query=_PERIOD,
        ability="bi:read",
        module="intelligence",
        tag="bi",
    )


ACTIONS = (
    _figure(
        "biRevenue",
        "revenue",
        "Net turnover",
        figures.revenue,
        members(period=TEXT, data=listed(OPEN), total=AMOUNT, growth_pct=AMOUNT),
    ),
    _figure(
        "biWorkOrders",
        "work-orders",
        "Orders by status",
        figures.work_orders,
        members(
            status_distribution=_COUNTS, avg_duration_hours=AMOUNT, completion_rate_pct=AMOUNT
        ),
    ),
    _figure(
        "biCustomers",
        "customers",
        "New and returning customers",
        figures.customers,
        members(new_customers=WHOLE, returning_customers=WHOLE, avg_ltv=AMOUNT),
    ),
    _figure(
        "biInventory",
        "inventory",
        "Parts used, and what the stock is worth",
        figures.inventory,
        members(top_parts=listed(OPEN), inventory_value=AMOUNT),
    ),
    _figure(
        "biFinancial",
        "financial",
        "What is owed",
        figures.financial,
        members(outstanding_amount=AMOUNT, overdue_amount=AMOUNT, avg_payment_days=AMOUNT),
    ),
    _figure(
        "biEngineers",
        "engineers",
        "Completed orders by engineer",
        figures.engineers,
        listed(
            members(
                engineer_id=WHOLE, name=TEXT, completed=WHOLE, avg_hours=AMOUNT, revenue=AMOUNT
            )
        ),
    ),
)
