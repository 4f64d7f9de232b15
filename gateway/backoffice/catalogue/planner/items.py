"""What is serviced at clients, and its files (contracts/planner.yaml, Clients, Items)."""

from __future__ import annotations

from gateway.backoffice.action import Rule, Section, in_shop
from gateway.backoffice.catalogue.planner.shapes import LEGACY, STAMPS, STAMPS_SOFT
from gateway.backoffice.kinds import Flag, Schema, Text
from gateway.backoffice.moments import Day
from gateway.backoffice.nouns.planning import ITEM, ITEM_ATTACHMENT, ITEM_COMMENT
from gateway.backoffice.profiles.planner import PLAIN, PLANNER, SIMPLE, DayOfMoment, NoneAsZero
from gateway.backoffice.reading import find_row, read
from gateway.backoffice.records import Several, Upload
from gateway.backoffice.resource import (
    Computed,
    Field,
    Filter,
    Input,
    Match,
    Nested,
    Operation,
    Parent,
    Resource,
    Row,
    Shape,
    Write,
    to_many,
    to_one,
)
from gateway.backoffice.rules.planner import attachments, items
from gateway.backoffice.shop import Shop, Values

_DAY = DayOfMoment()

ITEM_FIELDS = (
    Field("id"),
    LEGACY,
    Field("client_id", "customer_id", write=Write.NEVER),
    Field("company_id", "tenant_id"),
    Field("item_category_id"),
    Field("address_id", required=True),
    Field("name", required=True),
    Field("time"),
    Field("appointment_type_id"),
    Field("user_id", kind=NoneAsZero("shop_user"), empty=0),
    Field("recurring"),
    Field("plan_cycle"),
    Field("date_from", kind=_DAY),
    Field("date_to", kind=_DAY),
    Field("plan_next_date", write=Write.NEVER),
    Field("reminders"),
    Field("contract"),
    Field("note"),
)

_WAY = Field("appointment_or_invite")

ITEM_SHAPE = Shape("Item", ITEM, (*ITEM_FIELDS, _WAY, Field("checklist"), *STAMPS_SOFT))


def _author(row: Row) -> object:
    return row.values["user_id"] or 0


def _address(row: Row) -> object:
    item = row.one("item")
    if item is None:
        return None
    path = f"{PLANNER.mount}/client/{item.values['customer_id']}/item/{item.values['id']}"
    return f"{path}/attachments/{row.values['id']}"


COMMENT_SHAPE = Shape(
    "Comment",
    ITEM_COMMENT,
    (
        Field("id"),
        Field("service_id", "item_id"),
        Computed("user_id", {"type": "integer"}, _author),
        Field("description"),
        *STAMPS,
    ),
)

ATTACHMENT_SHAPE = Shape(
    "ItemAttachment",
    ITEM_ATTACHMENT,
    (
        Field("id"),
        Field("name"),
        Field("mime_type", "media"),
        Field("size"),
        Computed("url", {"type": ["string", "null"]}, _address),
        *STAMPS,
    ),
    (to_one("item", "item"),),
)

ITEM_DETAIL = Shape(
    "ItemDetail",
    ITEM,
    (
        *ITEM_FIELDS,
        _WAY,
        Field("checklist"),
        *STAMPS_SOFT,
        Nested("comments", "comments", COMMENT_SHAPE),
        Nested("attachments", "attachments", ATTACHMENT_SHAPE),
    ),
    (
        to_many("comments", "item_comment", "item_id"),
        to_many("attachments", "item_attachment", "item_id"),
    ),
)

_FILES = Input("attachments", Several(Upload(), attachments.MOST_FILES))

CLIENT_ITEMS = Resource(
    name="client_item",
    profile=PLAIN,
    path="/client/{id}/item",
    aliases=("/client/{id}/items",),
    shape=ITEM_SHAPE,
    detail=ITEM_DETAIL,
    item="item_id",
    ability="items",
    operations=frozenset(Operation) - {Operation.REMOVE},
    parent=Parent("customer", "customer_id"),
    order=("id",),
    inputs=(_FILES,),
    posted=True,
    create=items.create,
    change=items.change,
)

ITEMS = Resource(
    name="item",
    profile=SIMPLE,
    path="/item",
    shape=ITEM_SHAPE,
    ability="items",
    operations=frozenset({Operation.LIST, Operation.REMOVE}),
    # What is to be planned until a day.
    filters=(Filter("plan_until", ("plan_next_date",), Match.UNTIL, Day()),),
    sortable={"id": "id", "plan_next_date": "plan_next_date", "updated_at": "updated_at"},
    order=("id",),
    remove=items.remove,
)

RESOURCES = (CLIENT_ITEMS, ITEMS)


def _on_item(rule: Rule) -> Rule:
    """Return a rule that finds the client's item first, and answers it afterwards."""

    def run(shop: Shop, values: Values) -> object:
        client_id, item_id = values.pop("id"), values.pop("item_id")
        row = find_row(shop, CLIENT_ITEMS, item_id, client_id)
        rule(shop, {"row": row, "values": values})
        return read(shop, CLIENT_ITEMS, item_id, client_id)

    return run


def _attach(shop: Shop, given: Values) -> object:
    row, values = given["row"], given["values"]
    if values.get("delete_attachments"):
        attachments.clear(shop, row["id"])
    attachments.add(shop, row["id"], values.get("attachments") or [])
    return None


def _comment(shop: Shop, given: Values) -> object:
    text = given["values"]["description"]
    comment = {"item_id": given["row"]["id"], "user_id": shop.user_id, "description": text}
    return shop.insert("item_comment", comment)


_FILE: Schema = {"type": "string", "format": "binary"}
_ITEM = "/client/{id}/item/{item_id}"
_ATTACHMENTS = f"{_ITEM}/attachments"


_SECTION = Section(PLANNER, "items")

ACTIONS = (
    _SECTION.action(
        "POST",
        "addClientItemAttachments",
        _ATTACHMENTS,
        "Add files to an item, instead of those it has where delete_attachments is 1",
        ITEM_DETAIL,
        in_shop(_on_item(_attach)),
        inputs=(Input("delete_attachments", Flag()), _FILES),
        aliases=(f"{_ITEM}/attachment",),
        accepts="multipart/form-data",
    ),
    _SECTION.action(
        "GET",
        "getClientItemAttachment",
        f"{_ATTACHMENTS}/{{attachment_id}}",
        "A file of an item",
        _FILE,
        in_shop(attachments.fetch, writes=False),
        media="application/octet-stream",
    ),
    _SECTION.action(
        "POST",
        "addClientItemComment",
        f"{_ITEM}/comments",
        "Say something about an item",
        ITEM_DETAIL,
        in_shop(_on_item(_comment)),
        inputs=(Input("description", Text(0), required=True),),
    ),
)
