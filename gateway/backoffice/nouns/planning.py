"""What is planned at customers: items that are serviced, appointments, how the garage plans.

An appointment's status is never stored: it follows from its stamps (``rules/planner``).
"""

from __future__ import annotations

from decimal import Decimal

from gateway.backoffice.kinds import Bytes, Choice, Document, Email, Flag, Number, Ref, Text, Whole
from gateway.backoffice.moments import Day, Moment
from gateway.backoffice.noun import Column, Noun
from gateway.backoffice.records import Anything

#: How the customer comes to a time: the garage sets one, or they choose one themselves.
WAYS = ("appointment", "invite")

MINUTES = Whole(5, 24 * 60)

#: ``HH:MM`` of a day, where the garage is.
CLOCK = Text(5, pattern=r"^([01]\d|2[0-3]):[0-5]\d$")

#: One row: when the garage plans, and whom it reminds how early.
PLANNER_SETTING = Noun(
    "planner_setting",
    (
        Column("opens_at", CLOCK, null=False, default="08:00"),
        Column("closes_at", CLOCK, null=False, default="17:00"),
        # Days before the appointment; none for no such reminder.
        Column("reminder_days", Whole(1, 60), default=7),
        Column("reminder_2_days", Whole(1, 60), default=1),
        # Days before a recurring item is due at which its appointment is made ready.
        Column("lead_days", Whole(1, 180), null=False, default=30),
        # Kilometres in an hour, by which the way between two addresses is reckoned.
        Column(
            "drive_speed", Number(0, Decimal(5), Decimal(130)), null=False, default=Decimal(40)
        ),
        # Whether addresses are looked up at the register that ``outside`` names.
        Column("geocoding", Flag(), null=False, default=False),
        # Where people work in a browser.
        Column("app_url", Text(255, pattern=r"^https://[^\s]+$")),
    ),
    seeds=({"opens_at": "08:00"},),
)

APPOINTMENT_TYPE = Noun(
    "appointment_type",
    (
        Column("name", Text(100), null=False),
        Column("location", Text(100), null=False, default=""),
        Column("time", MINUTES, null=False, default=60),
        Column("description", Text(0), null=False, default=""),
        Column("priority", Whole(0, 100), null=False, default=0),
        # Kilometres; text, as the planner spells it.
        Column("max_distance", Text(16), null=False, default=""),
        Column("publicly_visible", Flag(), null=False, default=False),
        Column("checklist", Document(texts=True)),
    ),
    soft=True,
    seeds=(
        {"name": "Maintenance", "time": 60, "publicly_visible": True},
        {"name": "Repair", "time": 90},
        {"name": "Inspection", "time": 30, "publicly_visible": True},
    ),
)

#: Something that is serviced at the customer; a device of theirs as the planner sees it.
ITEM = Noun(
    "item",
    (
        Column("customer_id", Ref("customer"), null=False),
        Column("address_id", Ref("address"), null=False),
        Column("device_id", Ref("device")),
        Column("item_category_id", Whole(1)),
        Column("name", Text(255), null=False),
        Column("appointment_type_id", Ref("appointment_type"), null=False),
        Column("time", MINUTES, null=False),
        Column("user_id", Ref("shop_user")),
        Column("recurring", Flag(), null=False, default=False),
        # Months between visits, counted on the day of ``date_from``.
        Column("plan_cycle", Whole(1, 240)),
        Column("date_from", Day()),
        Column("date_to", Day()),
        Column("visited_on", Day()),
        # The plan date for which an appointment was made ready by itself: once each.
        Column("prepared_for", Day()),
        Column("plan_next_date", Day(), index=True),
        Column("reminders", Text(255)),
        Column("contract", Text(255)),
        Column("note", Text(0)),
        Column("appointment_or_invite", Choice(WAYS), null=False, default="appointment"),
        Column("checklist", Document(texts=True)),
    ),
    soft=True,
)

ITEM_COMMENT = Noun(
    "item_comment",
    (
        Column("item_id", Ref("item"), null=False),
        Column("user_id", Ref("shop_user")),
        Column("description", Text(0), null=False),
    ),
)

ITEM_ATTACHMENT = Noun(
    "item_attachment",
    (
        Column("item_id", Ref("item"), null=False),
        Column("name", Text(255), null=False),
        Column("media", Text(100), null=False),
        Column("size", Whole(0), null=False),
    ),
)

#: Apart, so that lists of attachments do not read the files.
ITEM_FILE = Noun(
    "item_file",
    (
        Column("attachment_id", Ref("item_attachment"), null=False, unique=True),
        Column("data", Bytes(), null=False),
    ),
)

APPOINTMENT = Noun(
    "appointment",
    (
        Column("customer_id", Ref("customer"), null=False),
        Column("appointment_type_id", Ref("appointment_type"), null=False),
        Column("address_id", Ref("address")),
        Column("work_order_id", Ref("work_order")),
        Column("appointment_or_invite", Choice(WAYS), null=False, default="appointment"),
        Column("send_mail_to_client", Text(16), null=False, default="default"),
        Column("time", MINUTES, null=False),
        Column("time_from", Moment(), index=True),
        Column("time_to", Moment()),
        Column("plan_from", Moment(), null=False),
        Column("plan_to", Moment(), null=False),
        # ``time_from``, or ``plan_from`` without one: by which lists are sorted.
        Column("begins_at", Moment(), null=False, index=True),
        Column("drive_time", Whole(0)),
        Column("description_intern", Text(0), null=False, default=""),
        Column("description_client", Text(0)),
        Column("field_values", Anything()),
        *(
            Column(f"{stamp}_at", Moment())
            for stamp in (
                "prepared",
                "planned",
                "send_confirmed",
                "send",
                "confirmed",
                "visited",
                "send_reminder",
                "send_reminder_2",
                "not_visited",
                "canceled",
            )
        ),
    ),
    soft=True,
    indexes=(("customer_id", "begins_at"), ("appointment_type_id", "begins_at")),
)

APPOINTMENT_ITEM = Noun(
    "appointment_item",
    (
        Column("appointment_id", Ref("appointment"), null=False),
        Column("item_id", Ref("item"), null=False),
    ),
    unique=(("appointment_id", "item_id"),),
)

APPOINTMENT_USER = Noun(
    "appointment_user",
    (
        Column("appointment_id", Ref("appointment"), null=False),
        Column("user_id", Ref("shop_user"), null=False),
    ),
    unique=(("appointment_id", "user_id"),),
)

#: People to speak to at a customer.
CONTACT_PERSON = Noun(
    "contact_person",
    (
        Column("customer_id", Ref("customer"), null=False),
        Column("name", Text(255), null=False, default=""),
        Column("email", Email()),
        Column("phone", Text(64)),
        # As it was given, whatever members it has.
        Column("details", Document(), null=False),
    ),
)

NOUNS = (
    PLANNER_SETTING,
    APPOINTMENT_TYPE,
    ITEM,
    ITEM_COMMENT,
    ITEM_ATTACHMENT,
    ITEM_FILE,
    APPOINTMENT,
    APPOINTMENT_ITEM,
    APPOINTMENT_USER,
    CONTACT_PERSON,
)
