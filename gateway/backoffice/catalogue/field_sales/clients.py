"""Field sales: clients. They are the customers of the other APIs (``nouns/workshop``)."""

from __future__ import annotations

from gateway.backoffice.asking import Members
from gateway.backoffice.catalogue.field_sales.cells import (
    GEO,
    ID,
    LINK,
    NAME,
    NOTES,
    SUM,
    Cell,
    ids,
    own,
    words,
)
from gateway.backoffice.catalogue.field_sales.sheet import Rules, sheet
from gateway.backoffice.kinds import Document, Email, Flag, Ref, Text
from gateway.backoffice.nested import Many
from gateway.backoffice.nouns import CUSTOMER, INVOICE_ADDRESS
from gateway.backoffice.profiles.field_sales import LINKS
from gateway.backoffice.resource import (
    Computed,
    Field,
    Filter,
    Input,
    Match,
    Row,
    to_many,
)
from gateway.backoffice.rules import customers
from gateway.backoffice.rules.field_sales import clients

_TEXT = {"type": "string"}
_IDS = {"type": "array", "items": ID.schema()}


def _part(name: str, column: str) -> Computed:
    def value(row: Row) -> object:
        address = row.one("invoice_address")
        return None if address is None else address.values[column] or None

    return Computed(name, _TEXT, value)


def _formatted(row: Row) -> object:
    address = row.one("invoice_address")
    if address is None or row.values["formatted_address"]:
        return row.values["formatted_address"]
    values = dict(address.values)
    town = " ".join(part for part in (values["zipcode"], values["city"]) if part)
    return ", ".join(part for part in (customers.address_line(values), town) if part) or None


def _code(row: Row) -> object:
    return row.values["client_code"] or str(row.values["client_number"])


def _tags(row: Row) -> object:
    return [ID.render(tag.values["tag_id"]) for tag in row.related["tagged"]]


_COMPUTED = (
    Computed("name", _TEXT, lambda row: customers.full_name(dict(row.values))),
    Computed("client_code", _TEXT, _code),
    Computed("tags", _IDS, _tags),
    Computed("formatted_address", _TEXT, _formatted),
    _part("city", "city"),
    _part("zip", "zipcode"),
    _part("state", "state"),
    _part("country", "country"),
)

CLIENTS = sheet(
    "/client",
    LINKS,
    "ClientSchema",
    {
        "local_name": NAME,
        "cell_phone": Cell(Text(64), column="mobile_phone"),
        "contact_name": NAME,
        "contact_title": NAME,
        "contacts": ids("client_contact"),
        "disabled": Cell(Flag(), find=True),
        "lat": GEO,
        "lng": GEO,
        "location_verified": Cell(Flag(), find=True),
        "phone": Text(64),
        "assigned_to": ids("rep"),
        "last_location_update": own(SUM),
        "credit_limit": SUM,
        "tax_number": Cell(Text(32), find=True, column="vat_number"),
        "sync_id": NAME,
        "profile_pic": LINK,
        "logo": LINK,
        "website": NAME,
        "email": Email(),
        "comment": Cell(NOTES, column="note"),
        "parent_client_id": Ref("customer"),
        "target_visit": SUM,
        "geofencing_radius": SUM,
        "price_tag": NAME,
        "status": Cell(Text(64), find=True),
        "job_category": Many(NAME),
        "territory": NAME,
        "sv_priceList": Cell(Ref("price_list"), column="price_list_id"),
        "customFields": Cell(Document(), column="custom_fields"),
        "paymentTerm": Cell(Ref("payment_term"), column="payment_term_id"),
        "speciality": ids("speciality"),
        "channel": Cell(Ref("client_channel"), column="channel_id"),
        "isChain": Cell(Flag(), find=True),
        "chain": Cell(Ref("customer"), column="chain_id"),
        "teams": ids("team"),
        "payment_type": words("cash", "credit"),
        "integrated_client_balance": Cell(own(SUM).kind, write=own(SUM).write, column="balance"),
    },
    name="client",
    noun=CUSTOMER,
    rules=Rules(clients.create_client, clients.change_client, customers.remove_customer),
    members=_COMPUTED,
    relations=(INVOICE_ADDRESS, to_many("tagged", "customer_tag", "customer_id")),
    inputs=(
        Input("name", NAME, required=True),
        Field("client_code"),
        Input("tags", ids("tag")),
        Field("formatted_address"),
        *(Input(name, Text(100)) for name in ("city", "zip", "state", "country")),
    ),
    filters=(
        Filter("client_code", match=Match.ANY),
        *(
            Filter(name, ("tagged.tag_id",), Match.AMONG, ID)
            for name in ("tags", "CLIENT_TAGS", "AREA_TAGS")
        ),
        Filter("active", ("disabled",), Match.OPPOSITE),
        Filter("integrated_client_balance", ("balance",), Match.ANY),
        Filter("customFields", ("custom_fields",), Match.MEMBERS, Members()),
        Filter("integration_meta", match=Match.MEMBERS, kind=Members()),
        *(
            Filter(name, (f"invoice_address.{name}",), Match.RELATED, Text(100))
            for name in ("city", "state", "country")
        ),
        Filter("name", ("company_name", "first_name", "last_name"), Match.SEARCH),
        Filter(
            "search", ("first_name", "last_name", "company_name", "email", "phone"), Match.SEARCH
        ),
    ),
    meta=True,
    dated=("createdAt",),
)

RESOURCES = (CLIENTS,)
