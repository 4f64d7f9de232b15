"""Licences and modules (contracts/repair.yaml, License Management, License Modules)."""

from __future__ import annotations

from gateway.backoffice.access import ADMINS
from gateway.backoffice.action import Action, Rule, in_shop, verb
from gateway.backoffice.catalogue.repair.shapes import (
    FLAG,
    NULL_MOMENT,
    TEXT,
    WHOLE,
    listed,
    members,
)
from gateway.backoffice.kinds import Choice, Schema, Text
from gateway.backoffice.nouns.staff import LICENSE, LICENSE_MODULE
from gateway.backoffice.profiles.repair import REPAIR
from gateway.backoffice.profiles.repair import WHOLE as BARE
from gateway.backoffice.reading import absent, show
from gateway.backoffice.resource import (
    READING,
    Computed,
    Field,
    Input,
    Nested,
    Operation,
    Resource,
    Shape,
    Write,
    to_many,
)
from gateway.backoffice.rules import licences
from gateway.backoffice.shop import Shop, Values

BRIEF = Shape("LicenseModuleBrief", LICENSE_MODULE, (Field("module_key"), Field("is_active")))

SHAPE = Shape(
    "License",
    LICENSE,
    (
        Field("id"),
        Field("license_type", required=True),
        Field("tier", required=True),
        Field("status", write=Write.NEVER),
        Field("valid_until"),
        Computed("max_users", WHOLE, lambda row: licences.TIERS[row.values["tier"]].users),
        Computed("price_monthly", TEXT, lambda row: licences.TIERS[row.values["tier"]].price),
        Nested("modules", "modules", BRIEF),
        Field("valid_from", required=True),
        Field("billing_cycle"),
        Field("company_id", "tenant_id", write=Write.NEVER),
    ),
    (to_many("modules", "license_module", "license_id"),),
)

LICENSES = Resource(
    name="license",
    profile=BARE,
    path="/licenses",
    shape=SHAPE,
    ability="licenses",
    roles=dict.fromkeys((Operation.LIST, Operation.CREATE), ADMINS),
    operations=READING | {Operation.CREATE},
    order=("id",),
    create=licences.create,
)

RESOURCES = (LICENSES,)

_MODULE = members(module_key=TEXT, available=FLAG, is_active=FLAG, activated_at=NULL_MOMENT)


def _current(shop: Shop, _: Values) -> object:
    rows = [row for row in shop.where("license") if row["status"] in {"trial", "active"}]
    if not rows:
        raise absent("license")
    return show(shop, SHAPE, rows[-1])


def _of_modules(
    name: str,
    method: str,
    path: str,
    summary: str,
    rule: Rule,
    answer: Schema,
    *,
    inputs: tuple[Input, ...] = (),
    aliases: tuple[str, ...] = (),
) -> Action:
    reads = method == "GET"
    return Action(
        name,
        REPAIR,
        method,
        path,
        summary,
        answer,
        in_shop(rule, writes=not reads),
        inputs,
        ability=f"licenses:{'read' if reads else 'write'}",
        roles=None if reads else ADMINS,
        aliases=aliases,
        tag="licenses",
    )


_KEY = (Input("module_key", Text(32), required=True),)

ACTIONS = (
    Action(
        "currentLicense",
        REPAIR,
        "GET",
        "/licenses/current",
        "The licence that counts now",
        SHAPE,
        in_shop(_current, writes=False),
        ability="licenses:read",
        tag="licenses",
    ),
    verb(
        LICENSES,
        "activateLicense",
        "activate",
        licences.activate,
        summary="Turn a trial into a licence",
        roles=ADMINS,
    ),
    verb(
        LICENSES,
        "changeLicenseTier",
        "upgrade",
        licences.change_tier,
        summary="Change the tier",
        inputs=(Input("tier", Choice(tuple(licences.TIERS)), required=True),),
        roles=ADMINS,
        aliases=("/licenses/{id}/tier",),
    ),
    _of_modules(
        "listLicenseModules",
        "GET",
        "/licenses/{id}/modules",
        "Modules of a licence",
        licences.modules,
        listed(_MODULE),
    ),
    _of_modules(
        "activateLicenseModule",
        "POST",
        "/licenses/{id}/modules",
        "Switch a module on",
        licences.activate_module,
        _MODULE,
        inputs=_KEY,
        aliases=("/licenses/{id}/modules/activate",),
    ),
    _of_modules(
        "deactivateLicenseModule",
        "DELETE",
        "/licenses/{id}/modules/{module_key}",
        "Switch a module off; its data stays",
        licences.deactivate_module,
        _MODULE,
    ),
    _of_modules(
        "deactivateLicenseModuleByBody",
        "POST",
        "/licenses/{id}/modules/deactivate",
        "Switch a module off; its data stays",
        licences.deactivate_module,
        _MODULE,
        inputs=_KEY,
    ),
    _of_modules(
        "checkLicenseModule",
        "GET",
        "/licenses/{id}/modules/{module_key}",
        "Whether a licence gives a module today",
        licences.has_module,
        members(has_module=FLAG),
        aliases=("/licenses/{id}/has-module/{module_key}",),
    ),
)
