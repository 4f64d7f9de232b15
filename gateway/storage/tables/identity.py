"""Who there is: providers, garages, their connectors and people, and what proves who they are.

A **service provider** serves **tenants** (garages). A tenant owns connectors, portal users (who
order) and shop users (who keep its books). Operators belong to a provider. Nothing here holds a
secret in the clear: pincodes and passwords are Argon2id hashes, random secrets of 128 bits and
more are SHA-256, signing keys are encrypted.
"""

from __future__ import annotations

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    Text,
    Uuid,
)

from gateway.storage.columns import Json, UtcDateTime
from gateway.storage.tables import metadata

#: Serves garages and employs operators; the portal shows its branding and service centre.
service_provider = Table(
    "service_provider",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("name", String(255), nullable=False),
    Column("currency", String(3), nullable=False),  # ISO 4217
    Column("has_prepaid_wallet", Boolean, nullable=False, default=False),
    Column("payment_by_prepaid_balance", Boolean, nullable=False, default=False),
    # The service centre: closed means that only unattended services start now.
    Column("is_open", Boolean, nullable=False, default=True),
    Column("service_message", Text),
    Column("service_message_active", Boolean, nullable=False, default=False),
    Column("scheduler_enabled", Boolean, nullable=False, default=False),
    Column("scheduler_message", Text),
    Column("scheduler_active_until", UtcDateTime),
    Column("csat_enabled", Boolean, nullable=False, default=True),
    # Branding of the portal.
    Column("company_name", String(255), nullable=False, default=""),
    Column("header_background_color", String(32), nullable=False, default=""),
    Column("header_logo_path", String(255), nullable=False, default=""),
    Column("theme_color", String(32), nullable=False, default=""),
    Column("portal_host", String(255), nullable=False, default=""),
)

#: A garage. Every row that belongs to one carries its id.
tenant = Table(
    "tenant",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("provider_id", Integer, ForeignKey("service_provider.id"), nullable=False, index=True),
    Column("name", String(255), nullable=False),
    Column("number", String(32), nullable=False, default=""),
    Column("reference", String(255), nullable=False, default=""),
    Column("street", String(255), nullable=False, default=""),
    Column("postal_code", String(32), nullable=False, default=""),
    Column("locality", String(255), nullable=False, default=""),
    Column("country", String(2), nullable=False, default=""),  # ISO 3166-1 alpha-2
    Column("phone", String(64), nullable=False, default=""),
    Column("email", String(255), nullable=False, default=""),
    Column("financial_email", String(255), nullable=False, default=""),
    Column("currency", String(3), nullable=False),
    Column("local_currency", String(3)),  # shown beside it, where the garage thinks in another
    Column("allow_tickets_without_product", Boolean, nullable=False, default=False),
    Column("created_at", UtcDateTime, nullable=False),
)

#: A device that dials in. ``id`` is the nine-digit number printed on it.
connector = Table(
    "connector",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("uuid", Uuid, nullable=False, unique=True),
    Column("tenant_id", Integer, ForeignKey("tenant.id"), nullable=False, index=True),
    Column("public_key", LargeBinary(32), nullable=False),  # Ed25519, raw
    Column("old_public_key", LargeBinary(32)),  # accepted until old_key_valid_until
    Column("old_key_valid_until", UtcDateTime),
    Column("pincode_hash", Text, nullable=False),
    Column("hardware_type", String(32), nullable=False, default="classic"),
    Column("created_at", UtcDateTime, nullable=False),
    Column("disabled_at", UtcDateTime),
    # What was last heard of it, for the time it is offline.
    Column("last_seen_at", UtcDateTime),
    Column("last_vin", String(32)),
    Column("software_version", Integer, nullable=False, default=0),
    Column("hardware_version", Integer, nullable=False, default=0),
    Column("has_wifi", Boolean, nullable=False, default=False),
    Column("supports_doip", Boolean, nullable=False, default=False),
    Column("vehicle_path", Text),  # make#group#model#variant
    Column("product_description", Text),
    Column("calls_for_attention", Boolean, nullable=False, default=False),
    CheckConstraint("id BETWEEN 100000000 AND 999999999", name="nine_digits"),
)

#: Somebody at a customer portal. Each tenant has one user for those who come by a connector.
portal_user = Table(
    "portal_user",
    metadata,
    Column("uuid", Uuid, primary_key=True),
    Column("tenant_id", Integer, ForeignKey("tenant.id"), nullable=False, index=True),
    Column("given_name", String(255), nullable=False, default=""),
    Column("middle_name", String(255)),
    Column("family_name", String(255), nullable=False, default=""),
    Column("username", String(255), unique=True),  # an email address
    Column("locale", String(35), nullable=False, default="en"),  # BCP 47
    Column("enabled", Boolean, nullable=False, default=True),
    Column("password_hash", Text),
    Column("comes_by_connector", Boolean, nullable=False, default=False),
    Column("created_at", UtcDateTime, nullable=False),
)

#: A remote operator's client credentials.
operator = Table(
    "operator",
    metadata,
    Column("client_id", String(64), primary_key=True),
    Column("provider_id", Integer, ForeignKey("service_provider.id"), nullable=False),
    Column("name", String(255), nullable=False, default=""),
    Column("secret_hash", LargeBinary(32), nullable=False),  # SHA-256 of 256 random bits
    Column("created_at", UtcDateTime, nullable=False),
    Column("disabled_at", UtcDateTime),
)

#: Somebody at a garage's desk.
shop_user = Table(
    "shop_user",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("tenant_id", Integer, ForeignKey("tenant.id"), nullable=False, index=True),
    Column("name", String(255), nullable=False),
    Column("email", String(255), nullable=False, unique=True),  # lower case
    Column("password_hash", Text, nullable=False),
    Column("role", String(16), nullable=False),
    Column("enabled", Boolean, nullable=False, default=True),
    Column("created_at", UtcDateTime, nullable=False),
    CheckConstraint("role IN ('owner', 'manager', 'employee', 'api')", name="role"),
)

#: A bearer token of a back-office API; presented as ``id|secret``.
api_token = Table(
    "api_token",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("api", String(16), nullable=False),
    Column("tenant_id", Integer, ForeignKey("tenant.id"), nullable=False),
    Column("shop_user_id", Integer, ForeignKey("shop_user.id"), nullable=False, index=True),
    Column("name", String(255), nullable=False, default=""),
    Column("secret_hash", LargeBinary(32), nullable=False),  # SHA-256 of 240 random bits
    Column("abilities", Json, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime),
    Column("revoked_at", UtcDateTime),
    CheckConstraint("api IN ('repair', 'planner', 'field_sales')", name="api"),
    sqlite_autoincrement=True,
)

#: One row for each refresh token ever issued; a family begins at a sign-in.
refresh_token = Table(
    "refresh_token",
    metadata,
    Column("token_hash", LargeBinary(32), primary_key=True),  # SHA-256 of the token's id
    Column("family", Uuid, nullable=False, index=True),
    Column("user_uuid", Uuid, ForeignKey("portal_user.uuid"), nullable=False),
    Column("connector_id", Integer, ForeignKey("connector.id")),
    Column("issued_at", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime, nullable=False, index=True),
    Column("used_at", UtcDateTime),
    Column("revoked_at", UtcDateTime),
)

#: A one-time password: single use, short life.
one_time_password = Table(
    "one_time_password",
    metadata,
    Column("secret_hash", LargeBinary(32), primary_key=True),  # SHA-256 of 122 random bits
    Column("user_uuid", Uuid, ForeignKey("portal_user.uuid"), nullable=False),
    Column("connector_id", Integer, ForeignKey("connector.id")),
    Column("issued_at", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime, nullable=False),
    Column("used_at", UtcDateTime),
)

#: What a mailed link or code proves: once, within an hour, that its bearer reads this mailbox.
password_reset = Table(
    "password_reset",
    metadata,
    Column("secret_hash", LargeBinary(32), primary_key=True),  # SHA-256 of 256 random bits
    Column("user_uuid", Uuid, ForeignKey("portal_user.uuid"), nullable=False, index=True),
    Column("issued_at", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime, nullable=False, index=True),
    Column("used_at", UtcDateTime),
)

#: Keys that sign tokens. A retired key verifies until the last token it signed has expired.
signing_key = Table(
    "signing_key",
    metadata,
    Column("kid", String(64), primary_key=True),
    Column("private_key", LargeBinary, nullable=False),  # encrypted
    Column("created_at", UtcDateTime, nullable=False),
    Column("retired_at", UtcDateTime),
)

#: Attempts on one account, as a whole and from one network (``ACCOUNT@NETWORK``), kept here so
#: that a restart does not grant a guesser fresh ones.
sign_in_lock = Table(
    "sign_in_lock",
    metadata,
    Column("account", String(320), primary_key=True),
    Column("attempts", Integer, nullable=False),
    Column("last_at", UtcDateTime, nullable=False, index=True),
    Column("locked_until", UtcDateTime),
)

#: What was done to accounts and keys, and by whom. Rows are added, never changed.
audit = Table(
    "audit",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("at", UtcDateTime, nullable=False),
    Column("action", String(64), nullable=False),
    Column("actor", String(320), nullable=False),
    Column("subject", String(320), nullable=False),
    Column("tenant_id", Integer),
    Column("address", String(64)),
    Column("detail", Json, nullable=False),
    Index("ix_audit_subject_at", "subject", "at"),
    sqlite_autoincrement=True,
)
