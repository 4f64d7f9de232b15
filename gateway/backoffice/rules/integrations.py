"""Connections to other services: which there are, their settings, and secrets sealed at rest."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from gateway.backoffice.reading import absent
from gateway.backoffice.refusal import broken_rule, wrong_field
from gateway.backoffice.sealing import MASK, Sealer, unchanged
from gateway.backoffice.shop import Shop, Values
from gateway.storage.queries import audit
from gateway.storage.queries.audit import AuditEntry


@dataclass(frozen=True, slots=True)
class Service:
    """A service that can be connected.

    Attributes:
        name: for people.
        plain: settings that anybody at the desk may read.
        secret: settings that are sealed and masked.
        optional: settings without which it works as well.
    """

    name: str
    plain: tuple[str, ...] = ()
    secret: tuple[str, ...] = ()
    optional: frozenset[str] = frozenset()


SERVICES: Mapping[str, Service] = {
    "mollie": Service(
        "Mollie", secret=("api_key", "webhook_secret"), optional=frozenset({"webhook_secret"})
    ),
    "twilio": Service("Twilio", ("account_sid", "from_number"), ("auth_token",)),
    "snelstart": Service("SnelStart", secret=("client_key", "subscription_key")),
    "moneybird": Service("Moneybird", ("administration_id",), ("api_token",)),
    "3cx": Service("3CX", ("api_url", "client_id"), ("api_key",), frozenset({"client_id"})),
    "ups": Service(
        "UPS",
        ("client_id", "account_number", "environment"),
        ("client_secret",),
        frozenset({"environment"}),
    ),
    "openai": Service(
        "OpenAI",
        ("base_url",),
        ("api_key", "organisation_id"),
        frozenset({"organisation_id", "base_url"}),
    ),
    "outlook": Service("Outlook", ("tenant_id", "client_id"), ("client_secret", "refresh_token")),
    "google_workspace": Service(
        "Google Workspace", ("client_id",), ("client_secret", "refresh_token")
    ),
    "mailpit": Service("Mailpit", ("host", "smtp_port", "http_port")),
    "stripe": Service(
        "Stripe",
        secret=("publishable_key", "secret_key", "webhook_secret"),
        optional=frozenset({"publishable_key", "webhook_secret"}),
    ),
    "postmark": Service("Postmark", ("from_address",), ("server_token",)),
    "dhl": Service(
        "DHL", ("user_id", "account_number"), ("api_key",), frozenset({"account_number"})
    ),
}

#: What of a key may be shown: it tells test from live, and nothing else.
_PUBLIC = ("pk_test_", "pk_live_", "sk_test_", "sk_live_", "test_", "live_")


def service_of(slug: str) -> Service:
    """Return a service; raises ``NotFound`` for any other slug."""
    if slug not in SERVICES:
        raise absent("integration")
    return SERVICES[slug]


def listing(shop: Shop, sealer: Sealer) -> list[Values]:
    """Return all services with their masked settings."""
    return [shown(shop, sealer, slug) for slug in SERVICES]


def shown(shop: Shop, sealer: Sealer, slug: str) -> Values:
    """Return one service with its masked settings; what was never set is ``null``."""
    service = service_of(slug)
    row = shop.find("integration", slug=slug)
    config: Values = {name: (row["config"] if row else {}).get(name) for name in service.plain}
    secrets = row["secrets"] if row else {}
    for name in service.secret:
        config[name] = _masked(sealer.open(secrets[name])) if name in secrets else None
    return {
        "slug": slug,
        "name": service.name,
        "is_enabled": bool(row and row["is_enabled"]),
        "config": config,
        "updated_at": _stamp(row and row["updated_at"]),
        "last_tested_at": _stamp(row and row["last_tested_at"]),
    }


def settings(shop: Shop, sealer: Sealer, slug: str) -> dict[str, str]:
    """Return the settings of a service with its secrets open; empty when it was never set up."""
    row = shop.find("integration", slug=slug)
    if row is None:
        return {}
    plain = {name: str(value) for name, value in row["config"].items() if value is not None}
    return plain | {name: sealer.open(sealed) for name, sealed in row["secrets"].items()}


def enabled(shop: Shop, sealer: Sealer, slug: str) -> dict[str, str]:
    """Return the settings of a service that is switched on; raises ``Invalid`` otherwise."""
    row = shop.find("integration", slug=slug, is_enabled=True)
    if row is None:
        raise broken_rule(f"The integration {slug} is not enabled. Set it up first.")
    return settings(shop, sealer, slug)


def missing(slug: str, have: Mapping[str, object]) -> list[str]:
    """Return the settings that a service cannot do without and does not have."""
    service = SERVICES[slug]
    needed = [n for n in (*service.plain, *service.secret) if n not in service.optional]
    return [name for name in needed if have.get(name) in {None, ""}]


def update(shop: Shop, sealer: Sealer, slug: str, values: Values) -> Values:
    """Change the settings that are given; a mask means that the secret stays.

    Raises:
        NotFound: there is no such service.
        Unprocessable: a setting is unknown, or it is to be enabled without all it needs.
    """
    service, given = service_of(slug), values.get("config") or {}
    row = shop.find("integration", slug=slug)
    config = dict(row["config"]) if row else {}
    secrets = dict(row["secrets"]) if row else {}
    for name, value in given.items():
        _take(service, sealer, name, value, config, secrets)
    wanted = values.get("is_enabled")
    on = bool(row and row["is_enabled"]) if wanted is None else wanted
    lacking = missing(slug, config | secrets)
    if on and lacking:
        raise wrong_field("is_enabled", f"needs these settings first: {', '.join(lacking)}.")
    change = {"config": config, "secrets": secrets, "is_enabled": on}
    if row is None:
        shop.insert("integration", {"slug": slug} | change)
    else:
        shop.change("integration", row["id"], change)
    _audit(shop, slug, sorted(given))
    return {"slug": slug, "is_enabled": on, "updated_at": _stamp(shop.now)}


def _take(
    service: Service,
    sealer: Sealer,
    name: str,
    value: object,
    config: Values,
    secrets: Values,
) -> None:
    if name not in (*service.plain, *service.secret):
        raise wrong_field(f"config.{name}", f"is no setting of {service.name}.")
    if value is not None and (not isinstance(value, (str, int)) or len(str(value)) > 4_000):
        raise wrong_field(f"config.{name}", "must be text of at most 4000 characters.")
    if name in service.plain:
        config[name] = value
    elif value is None or value == "":
        secrets.pop(name, None)
    elif not unchanged(str(value)):
        secrets[name] = sealer.seal(str(value))


def note_test(shop: Shop, slug: str) -> None:
    """Note when a connection was tried."""
    row = shop.find("integration", slug=slug)
    if row is None:
        empty: Values = {"slug": slug, "config": {}, "secrets": {}}
        shop.insert("integration", empty | {"last_tested_at": shop.now})
    else:
        shop.change("integration", row["id"], {"last_tested_at": shop.now})


def _audit(shop: Shop, slug: str, names: list[str]) -> None:
    actor = f"shop_user:{shop.user_id}"
    subject = f"integration:{slug}"
    detail = {"settings": ", ".join(names)}
    action = "integration.changed"
    entry = AuditEntry(shop.now, action, actor, subject, shop.tenant_id, detail=detail)
    audit.record(shop.connection, entry)


def _masked(secret: str) -> str:
    prefix = next((one for one in _PUBLIC if secret.startswith(one)), "")
    return prefix + MASK


def _stamp(moment: object) -> str | None:
    text = getattr(moment, "isoformat", None)
    return text(timespec="seconds").replace("+00:00", "Z") if text else None
