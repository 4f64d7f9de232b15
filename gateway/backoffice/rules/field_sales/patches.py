"""Changes of many documents at once, and updates of what integrations keep with theirs."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from decimal import Decimal

from gateway.backoffice.conditions import parse_conditions
from gateway.backoffice.query import ListQuery
from gateway.backoffice.reading import read_list
from gateway.backoffice.refusal import broken_rule, wrong_field
from gateway.backoffice.resource import Operation, Resource
from gateway.backoffice.shop import Shop, Values
from gateway.backoffice.writing import change
from gateway.domain.errors import GatewayError

#: More in one go belongs into several patches.
_MOST = 10_000
#: Sentences that a run keeps.
_TOLD = 20


def begin(shop: Shop, row: Values, resources: Mapping[str, Resource]) -> tuple[str, list[int]]:
    """Note that a patch runs; return the run's id and the ids of what it is about.

    Raises:
        Invalid: it is not ready, or its target cannot be changed.
    """
    if row["status"] != "ready":
        raise broken_rule(f"This patch is {row['status']}. Only a ready one can be executed.")
    resource = target_of(row, resources)
    try:
        wanted = parse_conditions(resource, json.dumps(row["conditions"] or {}))
    except ValueError as error:
        raise wrong_field("conditions", str(error)) from None
    found, _, _ = read_list(shop, resource, ListQuery(wanted, (("id", False),), 1, _MOST), None)
    run_id = str(uuid.uuid4())
    run = {
        "executionId": run_id,
        "startTime": _stamp(shop),
        "status": "running",
        "processedCount": 0,
        "errorCount": 0,
        "errors": [],
    }
    history = [*(row["execution_history"] or []), run]
    shop.change("patch_action", row["id"], {"status": "running", "execution_history": history})
    return run_id, [int(str(one["_id"]), 16) for one in found]


def target_of(row: Values, resources: Mapping[str, Resource]) -> Resource:
    """Return what a patch changes; raises ``Invalid`` for what nobody can change."""
    resource = resources.get(row["target_entity"].strip("/"))
    if resource is None or Operation.CHANGE not in resource.operations:
        raise broken_rule(f"{row['target_entity']} names nothing that can be changed.")
    return resource


def batch(shop: Shop, resource: Resource, row: Values, keys: list[int]) -> list[str]:
    """Patch some documents in one transaction, each by the rules of its resource.

    Returns:
        What went wrong, one sentence for each document that stays as it was.
    """
    wrong: list[str] = []
    for key in keys:
        try:
            with shop.connection.begin_nested():
                stored = shop.get(resource.noun.name, key)
                body = _body(resource, stored, row["patches"])
                change(shop, resource, key, body, None)
        except GatewayError as error:
            wrong.append(f"{key:024x}: {error.detail}")
    return wrong


def _body(resource: Resource, stored: Values, patches: list[Values]) -> Values:
    columns = {field.name: field for field in resource.columns}
    body: Values = {}
    for patch in patches:
        name = patch.get("field", "")
        field = columns.get(name)
        if field is None or not field.write.allows(Operation.CHANGE):
            raise wrong_field(name or "field", "cannot be changed here.")
        old = body.get(name, stored[field.source])
        body[name] = _applied(patch.get("operation", "set"), name, old, patch.get("value"))
    return body


def _applied(operation: str, name: str, old: object, value: object) -> object:
    if operation in {"set", "unset"}:
        return value if operation == "set" else None
    if isinstance(old, list) and operation in {"add", "remove"}:
        kept = [item for item in old if item != value]
        return [*kept, value] if operation == "add" else kept
    try:
        left, right = Decimal(str(old or 0)), Decimal(str(value))
        made = {
            "add": lambda: left + right,
            "remove": lambda: left - right,
            "multiply": lambda: left * right,
            "divide": lambda: left / right,
        }[operation]()
    except (ArithmeticError, ValueError):
        raise wrong_field(name, f"cannot be changed by {operation} {value}.") from None
    return made


def finish(shop: Shop, row_id: int, processed: int, wrong: list[str]) -> str:
    """Note how a run ended, and return its state: it failed when nothing succeeded."""
    row = shop.get("patch_action", row_id)
    status = "failed" if wrong and len(wrong) == processed else "completed"
    *before, run = row["execution_history"]
    run |= {
        "endTime": _stamp(shop),
        "status": status,
        "processedCount": processed,
        "errorCount": len(wrong),
        "errors": wrong[:_TOLD],
    }
    ended = {"status": status, "execution_history": [*before, run]}
    shop.change("patch_action", row_id, ended)
    return status


def apply_meta(shop: Shop, row: Values, _: Values) -> Values:
    """Merge an update into the integrations it names, all of them where it names none.

    Raises:
        Invalid: it is not ready.
    """
    if row["status"] != "ready":
        raise broken_rule(f"This update is {row['status']}. Only a ready one can be applied.")
    named = {int(key, 16) for key in row["target_integrations"] or []}
    apps = [app for app in shop.where("integration_app") if not named or app["id"] in named]
    chosen = [app for app in apps if _fits(app, row["conditions"] or {})]
    before = {f"{app['id']:024x}": app["integration_meta"] or {} for app in chosen}
    for app in chosen:
        merged = (app["integration_meta"] or {}) | row["meta_updates"]
        shop.change("integration_app", app["id"], {"integration_meta": merged})
    user = shop.find("shop_user", id=shop.user_id)
    applied = {
        "status": "applied",
        "applied_at": shop.now,
        "applied_by": user["name"] if user else None,
        "affected_count": len(chosen),
        "rollback_data": before,
    }
    shop.change("meta_update", row["id"], applied)
    return {"appliedAt": _stamp(shop), "affectedIntegrations": len(chosen)}


def _fits(app: Values, conditions: Values) -> bool:
    return all(app.get(name) == value for name, value in conditions.items())


def _stamp(shop: Shop) -> str:
    return shop.now.isoformat(timespec="seconds").replace("+00:00", "Z")
