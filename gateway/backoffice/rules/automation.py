"""Automation: when something happens and conditions hold, do what the rule says.

Triggers, fields, operators and actions are closed lists; nothing is evaluated. Event rules run
after the commit, driven by the outbox; time rules at night. Every run leaves a line in the log; an
action that fails is undone alone. Rules that lead to rules stop after :data:`DEEPEST`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any

from sqlalchemy import Connection

from gateway.backoffice.refusal import wrong_field
from gateway.backoffice.rules.announcing import TOPIC
from gateway.backoffice.rules.deeds import DEEDS
from gateway.backoffice.shop import Shop, Values
from gateway.backoffice.tables import Tables
from gateway.domain.clock import Clock
from gateway.domain.errors import GatewayError
from gateway.domain.events import Event

#: Trigger -> noun of the record it is about.
EVENT_TRIGGERS: Mapping[str, str] = {
    "wo_created": "work_order",
    "wo_status_changed": "work_order",
    "wo_assigned": "work_order",
    "sla_breached": "work_order",
    "invoice_overdue": "invoice",
    "quotation_accepted": "quotation",
}
TIME_TRIGGERS: Mapping[str, str] = {"wo_idle": "work_order", "task_due": "task"}
TRIGGERS = {**EVENT_TRIGGERS, **TIME_TRIGGERS}

#: Noun -> columns that conditions may name.
FIELDS: Mapping[str, frozenset[str]] = {
    "work_order": frozenset(
        {
            "status",
            "priority",
            "assigned_to",
            "customer_id",
            "device_brand",
            "device_model",
            "branch_id",
            "created_at",
            "updated_at",
            "expected_ready_at",
        }
    ),
    "invoice": frozenset({"status", "customer_id", "total_incl", "due_date", "invoice_date"}),
    "quotation": frozenset({"status", "customer_id", "valid_until"}),
    "task": frozenset({"status", "assigned_to", "due_date", "work_order_id", "created_at"}),
}

#: A rule that sets off a rule that sets off a rule: enough.
DEEPEST = 3

#: Records that one time rule looks at in one night.
_MOST_RECORDS = 1_000

CONSUMER = "backoffice.automation"


# Any below: a column's value, and JSON that somebody typed in.
def _compare(holds: Callable[[Any, Any], bool]) -> Callable[[Any, Any, datetime], bool]:
    def test(value: Any, wanted: Any, _: datetime) -> bool:
        if value is None or wanted is None:
            return False
        try:
            return holds(Decimal(str(value)), Decimal(str(wanted)))
        except InvalidOperation:
            return holds(_text(value), _text(wanted))

    return test


def _text(value: Any) -> str:
    return value.isoformat() if hasattr(value, "isoformat") else str(value)


def _older(value: Any, wanted: Any, now: datetime) -> bool:
    if value is None:
        return False
    then = value if isinstance(value, datetime) else datetime.combine(value, now.timetz())
    return bool(then < now - timedelta(days=float(wanted)))


OPERATORS: Mapping[str, Callable[[Any, Any, datetime], bool]] = {
    "eq": lambda value, wanted, _: value == wanted or _text(value) == _text(wanted),
    "ne": lambda value, wanted, _: _text(value) != _text(wanted),
    "gt": _compare(lambda value, wanted: value > wanted),
    "gte": _compare(lambda value, wanted: value >= wanted),
    "lt": _compare(lambda value, wanted: value < wanted),
    "lte": _compare(lambda value, wanted: value <= wanted),
    "in": lambda value, wanted, _: _text(value) in [_text(one) for one in wanted],
    "contains": lambda value, wanted, _: _text(wanted).casefold() in _text(value or "").casefold(),
    "is_null": lambda value, wanted, _: (value is None) is (wanted is not False),
    "older_than_days": _older,
}


def check_rule(values: Values) -> None:
    """Refuse what is not on the lists; raises ``Unprocessable``."""
    trigger = values["trigger"]
    if trigger not in TRIGGERS:
        raise wrong_field("trigger", f"must be one of: {', '.join(TRIGGERS)}.")
    known = FIELDS[TRIGGERS[trigger]]
    for index, condition in enumerate(values.get("conditions") or []):
        if condition["field"] not in known:
            told = f"must be one of: {', '.join(sorted(known))}."
            raise wrong_field(f"conditions.{index}.field", told)
        _check_value(index, condition)
    for index, action in enumerate(values["actions"]):
        missing = DEEDS[action["type"]].needs - set(action.get("params") or {})
        if missing:
            told = f"needs {', '.join(sorted(missing))} for {action['type']}."
            raise wrong_field(f"actions.{index}.params", told)


def _check_value(index: int, condition: Values) -> None:
    operator, value = condition["operator"], condition.get("value")
    if operator == "in" and not isinstance(value, list):
        raise wrong_field(f"conditions.{index}.value", "must be a list for in.")
    is_number = isinstance(value, (int, float, Decimal)) and not isinstance(value, bool)
    if operator == "older_than_days" and not is_number:
        raise wrong_field(f"conditions.{index}.value", "must be a number of days.")


def create(shop: Shop, values: Values) -> int:
    """Store a rule."""
    check_rule(values)
    return shop.insert("automation_rule", {"conditions": [], "active": True} | values)


def change(shop: Shop, row: Values, values: Values) -> None:
    """Change a rule."""
    check_rule(row | values)
    if values:
        shop.change("automation_rule", row["id"], values)


def remove(shop: Shop, row: Values) -> None:
    """Remove a rule with its log."""
    for run in shop.where("automation_run", rule_id=row["id"]):
        shop.remove("automation_run", run["id"])
    shop.remove("automation_rule", row["id"])


def toggle(shop: Shop, row: Values, _: Values) -> object:
    """Switch a rule on or off."""
    active = not row["active"]
    shop.change("automation_rule", row["id"], {"active": active})
    return {"active": active, "message": f"The rule is {'on' if active else 'off'}."}


@dataclass(frozen=True, slots=True)
class RuleRunner:
    """Runs event rules; a handler for a durable consumer of the shop's events."""

    tables: Tables
    clock: Clock

    def __call__(self, connection: Connection, event: Event) -> None:
        """Run the rules of the event's trigger on the record it names."""
        if event.tenant_id is None or event.payload["depth"] >= DEEPEST:
            return
        shop = Shop(
            connection,
            self.tables,
            event.tenant_id,
            None,
            self.clock(),
            depth=event.payload["depth"] + 1,
        )
        run_trigger(shop, event.payload["trigger"], event.payload["id"])


TOPICS = tuple(f"{TOPIC}.{trigger}" for trigger in EVENT_TRIGGERS)


def run_trigger(shop: Shop, trigger: str, record_id: int) -> int:
    """Run the active rules of a trigger on one record; return how many did something."""
    record = shop.find(TRIGGERS[trigger], id=record_id)
    records = [] if record is None else [record]
    rules = shop.where("automation_rule", trigger=trigger, active=True)
    return sum(run_rule(shop, rule, records) for rule in rules)


def run_nightly(shop: Shop) -> int:
    """Run the time rules over the records that are still open."""
    done = 0
    for trigger, noun in TIME_TRIGGERS.items():
        for rule in shop.where("automation_rule", trigger=trigger, active=True):
            done += run_rule(shop, rule, _open_records(shop, noun))
    return done


def _open_records(shop: Shop, noun: str) -> list[Values]:
    table = shop.tables[noun]
    over = ("completed", "picked_up", "cancelled", "done")
    query = shop.select(noun).where(table.c.status.not_in(over)).order_by(table.c.id)
    return shop.rows(query.limit(_MOST_RECORDS))


def run_rule(shop: Shop, rule: Values, records: list[Values]) -> int:
    """Run one rule, and note how it went; return how many records it touched."""
    touched, errors = 0, []
    for record in records:
        try:
            wanted = _holds(shop, rule["conditions"], record)
        except (KeyError, TypeError, ValueError) as error:
            # A rule of an older release may name what is gone; it must not hold up the others.
            errors.append(f"conditions: {error}")
            continue
        if wanted:
            failed = _do_all(shop, rule, record)
            errors += failed
            touched += len(failed) < len(rule["actions"])
    outcome = "failed" if errors and not touched else "partial" if errors else "success"
    run = {"rule_id": rule["id"], "ran_at": shop.now, "outcome": outcome}
    told = "\n".join(errors)[:4_000] or None
    shop.insert("automation_run", run | {"affected_records": touched, "error": told})
    shop.change("automation_rule", rule["id"], {"last_run_at": shop.now})
    return touched


def _holds(shop: Shop, conditions: list[Values], record: Values) -> bool:
    return all(
        OPERATORS[one["operator"]](record[one["field"]], one.get("value"), shop.now)
        for one in conditions
    )


def _do_all(shop: Shop, rule: Values, record: Values) -> list[str]:
    errors = []
    for action in rule["actions"]:
        deed, params = DEEDS[action["type"]], action.get("params") or {}
        try:
            # A savepoint each: what one began and could not end leaves no trace.
            with shop.connection.begin_nested():
                deed.run(shop, TRIGGERS[rule["trigger"]], record, params)
        except (GatewayError, ValueError, TypeError) as error:
            errors.append(f"{action['type']}: {error}")
    return errors
