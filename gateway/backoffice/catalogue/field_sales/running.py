"""Operations that change many documents: each batch in a transaction of its own."""

from __future__ import annotations

from functools import cache, partial

from gateway.backoffice.action import Action, Call
from gateway.backoffice.catalogue.field_sales.acts import TEXT, WHOLE, answer, on_one
from gateway.backoffice.catalogue.field_sales.patches import META_UPDATE, PATCH_ACTION
from gateway.backoffice.profiles.field_sales import FIELD_SALES, SUCCESS_DATA
from gateway.backoffice.resource import Resource
from gateway.backoffice.rules.field_sales import patches


@cache
def _targets() -> dict[str, Resource]:
    """Return path -> resource of field sales; the catalogue is whole only after this file."""
    from gateway.backoffice.catalogue import DECLARATIONS  # noqa: PLC0415

    return {
        resource.path.strip("/"): resource
        for resource in DECLARATIONS.resources
        if resource.profile.api is FIELD_SALES and resource is not PATCH_ACTION
    }


async def _execute(call: Call) -> object:
    row = await call.read(lambda shop: shop.get("patch_action", call.id()))
    run_id, keys = await call.write(lambda shop: patches.begin(shop, row, _targets()))
    resource, wrong = patches.target_of(row, _targets()), []
    for start in range(0, len(keys), row["batch_size"]):
        some = keys[start : start + row["batch_size"]]
        wrong += await call.write(partial(patches.batch, resource=resource, row=row, keys=some))
    status = await call.write(
        partial(patches.finish, row_id=row["id"], processed=len(keys), wrong=wrong)
    )
    return SUCCESS_DATA.value({"executionId": run_id, "status": status})


ACTIONS = (
    Action(
        "executePatchAction",
        FIELD_SALES,
        "POST",
        "/patch-action/execute/{id}",
        "Execute a patch",
        SUCCESS_DATA.schema(answer(executionId=TEXT, status=TEXT)),
        _execute,
        ability="patch-action:write",
        tag="patch-action",
    ),
    on_one(
        META_UPDATE,
        "applyIntegrationMetaUpdate",
        "/apply/{id}",
        patches.apply_meta,
        "Apply an update to integrations",
        shows=answer(appliedAt=TEXT, affectedIntegrations=WHOLE),
    ),
)
