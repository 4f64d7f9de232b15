"""The garage itself: branches, its people's leave and settings, licences."""

from __future__ import annotations

from decimal import Decimal

from gateway.backoffice.kinds import Choice, Email, Flag, Number, Ref, Text, Whole
from gateway.backoffice.moments import Day, Moment
from gateway.backoffice.noun import Column, Noun

BRANCH = Noun(
    "branch",
    (
        Column("name", Text(255), null=False),
        Column("address", Text(255)),
        Column("phone", Text(64)),
        Column("email", Email()),
        Column("active", Flag(), null=False, default=True),
    ),
    soft=True,
)

#: What the shop knows of a user beyond what lets them in.
EMPLOYMENT = Noun(
    "employment",
    (
        Column("user_id", Ref("shop_user"), null=False, unique=True),
        Column("branch_id", Ref("branch")),
    ),
)

#: A link by which a new employee chooses a password. Only its digest is kept.
INVITATION = Noun(
    "invitation",
    (
        Column("user_id", Ref("shop_user"), null=False),
        Column("digest", Text(64), null=False, index=True),
        Column("expires_at", Moment(), null=False),
        Column("used_at", Moment()),
    ),
)

LEAVE_TYPE = Noun(
    "leave_type",
    (
        Column("name", Text(100), null=False),
        Column("is_paid", Flag(), null=False, default=True),
        Column("yearly_allowance_days", Number(1, Decimal(0), Decimal(366))),
    ),
    seeds=(
        {"name": "Holiday", "is_paid": True, "yearly_allowance_days": Decimal(25)},
        {"name": "Sick leave", "is_paid": True},
        {"name": "Special leave", "is_paid": True, "yearly_allowance_days": Decimal(5)},
        {"name": "Unpaid leave", "is_paid": False},
    ),
)

LEAVE_REQUEST = Noun(
    "leave_request",
    (
        Column("employee_id", Ref("shop_user"), null=False),
        Column("leave_type_id", Ref("leave_type"), null=False),
        Column("start_date", Day(), null=False, index=True),
        Column("end_date", Day(), null=False, index=True),
        Column("notes", Text(0)),
        Column(
            "status",
            Choice(("pending", "approved", "rejected", "cancelled")),
            null=False,
            default="pending",
            index=True,
        ),
        Column("working_days", Number(1), null=False),
        Column("decided_by", Ref("shop_user")),
        Column("reason", Text(0)),
    ),
)

PHONE_SETTING = Noun(
    "phone_setting",
    (
        Column("user_id", Ref("shop_user"), null=False, unique=True),
        Column("provider", Text(32)),
        Column("extension", Text(16), unique=True),
        Column("mobile_number", Text(16)),
        Column("forwarding_number", Text(16)),
        Column("sip_username", Text(100)),
        Column("sip_password", Text(0)),
        Column("is_active", Flag(), null=False, default=True),
    ),
)

MAIL_SETTING = Noun(
    "mail_setting",
    (
        Column("user_id", Ref("shop_user"), null=False, unique=True),
        Column("provider", Choice(("smtp", "outlook", "google_workspace")), null=False),
        Column("email_address", Email()),
        Column("display_name", Text(255)),
        Column("smtp_host", Text(255)),
        Column("smtp_port", Whole(1, 65_535)),
        Column("smtp_encryption", Choice(("tls", "ssl"))),
        Column("smtp_username", Text(255)),
        Column("smtp_password", Text(0)),
        Column("is_default", Flag(), null=False, default=False),
    ),
)

LICENSE = Noun(
    "license",
    (
        Column("license_type", Choice(("SMR", "AUTO", "AVIATION", "MARINE")), null=False),
        Column("tier", Choice(("starter", "growth", "enterprise")), null=False),
        Column(
            "status",
            Choice(("trial", "active", "expired", "cancelled")),
            null=False,
            default="trial",
            index=True,
        ),
        Column("valid_from", Day(), null=False),
        Column("valid_until", Day(), index=True),
        Column("billing_cycle", Choice(("monthly", "annual")), null=False, default="monthly"),
    ),
)

LICENSE_MODULE = Noun(
    "license_module",
    (
        Column("license_id", Ref("license"), null=False),
        Column("module_key", Text(32), null=False, index=True),
        Column("is_active", Flag(), null=False, default=True),
        Column("activated_at", Moment()),
    ),
    unique=(("license_id", "module_key"),),
)

NOUNS = (
    BRANCH,
    EMPLOYMENT,
    INVITATION,
    LEAVE_TYPE,
    LEAVE_REQUEST,
    PHONE_SETTING,
    MAIL_SETTING,
    LICENSE,
    LICENSE_MODULE,
)
