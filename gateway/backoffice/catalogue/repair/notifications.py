"""Notices of the caller (contracts/repair.yaml, Notification Center)."""

from __future__ import annotations

from gateway.backoffice.action import Section, in_shop, verb
from gateway.backoffice.catalogue.repair.shapes import (
    MESSAGE,
    TEXT,
    WHOLE,
    listed,
    members,
)
from gateway.backoffice.kinds import Choice, Document
from gateway.backoffice.nouns.desk import NOTIFICATION
from gateway.backoffice.profiles.repair import PAGED, REPAIR
from gateway.backoffice.resource import (
    Field,
    Filter,
    Input,
    Match,
    Operation,
    Resource,
    Shape,
)
from gateway.backoffice.rules import notices

SHAPE = Shape(
    "Notification",
    NOTIFICATION,
    tuple(Field(n) for n in ("id", "type", "title", "body", "read_at", "created_at", "link")),
)

NOTIFICATIONS = Resource(
    name="notification",
    profile=PAGED,
    path="/v1/notifications",
    shape=SHAPE,
    ability="notifications",
    operations=frozenset({Operation.LIST, Operation.REMOVE}),
    filters=(Filter("unread", ("read_at",), Match.EMPTY), Filter("type")),
    own="user_id",
)

RESOURCES = (NOTIFICATIONS,)

_PREFERENCE = members(key=TEXT, label=TEXT, channels=listed(TEXT))
_PREFERENCES = members(**{group: listed(_PREFERENCE) for group in notices.EVENTS})

_SECTION = Section(REPAIR, "notifications")

ACTIONS = (
    verb(
        NOTIFICATIONS,
        "readNotification",
        "read",
        notices.mark_read,
        summary="Mark a notice as read",
        also=("PATCH",),
    ),
    _SECTION.action(
        "POST",
        "readAllNotifications",
        "/v1/notifications/read-all",
        "Mark all notices as read",
        members(message=TEXT, count=WHOLE),
        in_shop(notices.mark_all_read),
    ),
    _SECTION.action(
        "GET",
        "countUnreadNotifications",
        "/v1/notifications/unread-count",
        "How many notices are unread",
        members(count=WHOLE),
        in_shop(notices.count_unread, writes=False),
    ),
    _SECTION.action(
        "GET",
        "getNotificationPreferences",
        "/v1/notifications/preferences",
        "Channels for each event",
        _PREFERENCES,
        in_shop(notices.preferences, writes=False),
    ),
    _SECTION.action(
        "PUT",
        "setNotificationPreferences",
        "/v1/notifications/preferences",
        "Choose channels; what is not named stays",
        _PREFERENCES,
        in_shop(notices.set_preferences),
        inputs=(Input("preferences", Document(), required=True),),
        also=("PATCH",),
    ),
    _SECTION.action(
        "POST",
        "testNotification",
        "/v1/notifications/test",
        "Deliver a notice by one channel",
        MESSAGE,
        in_shop(notices.send_test),
        inputs=(Input("channel", Choice(notices.CHANNELS), required=True),),
    ),
)
