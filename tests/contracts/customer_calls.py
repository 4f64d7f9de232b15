"""One call of each operation of the customer portal's contract, and what it takes."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote
from uuid import UUID, uuid4

import httpx2
import trio
import yaml

from gateway.demo.portal import Portal
from gateway.storage.queries.identity import Tenant
from tests.end_to_end.houses import PRODUCT, House

Json = Any  # what a test reads out of an answer is its own business

CONTRACT = yaml.safe_load(Path(__file__).with_name("customer.yaml").read_text(encoding="utf-8"))

#: Asked without a token: they are how one gets a token.
SIGN_IN = frozenset({"loginByConnectorId", "loginByConnectorUuid", "loginByOtp", "forgotPassword"})


@dataclass(frozen=True, slots=True)
class Operation:
    """An operation of the contract.

    Attributes:
        name: its ``operationId``.
        method: upper case.
        path: with its parameters in braces.
        confidence: how sure its path is.
        status: of success.
        schema: of its answer, ``None`` where it has no body.
    """

    name: str
    method: str
    path: str
    confidence: str
    status: int
    schema: Mapping[str, Any] | None


def operations() -> Iterator[Operation]:
    """Yield every operation of the contract, in its order."""
    for path, methods in CONTRACT["paths"].items():
        for method, operation in methods.items():
            (status,) = (int(code) for code in operation["responses"] if code.startswith("2"))
            content = operation["responses"][str(status)].get("content")
            schema = content and content["application/json"]["schema"]
            yield Operation(
                name=operation["operationId"],
                method=method.upper(),
                path=path,
                confidence=operation["x-confidence"],
                status=status,
                schema=schema,
            )


@dataclass(frozen=True, slots=True)
class Call:
    """How an operation is called."""

    path: Mapping[str, object] = field(default_factory=dict)
    query: Mapping[str, Any] = field(default_factory=dict)
    body: Json = None


@dataclass(slots=True)
class Scene:
    """A garage with a vehicle plugged in, a past and people, and a neighbour who has the same.

    Attributes:
        ids: what calls name, by a name of our own.
    """

    house: House
    token: str
    ids: dict[str, Any]

    async def call(
        self, operation: Operation, call: Call, *, token: str | None
    ) -> httpx2.Response:
        """Make a call of an operation."""
        path = operation.path.format(**{k: quote(str(v), safe="") for k, v in call.path.items()})
        headers = {"Content-Type": "application/json"}
        if token is not None:
            headers["Authorization"] = f"Bearer {token}"
        # Encoded here, with escapes: a lone surrogate can be sent that way, and only that way.
        body = None if call.body is None else json.dumps(call.body)
        return await self.house.client.request(
            operation.method, path, params=dict(call.query), content=body, headers=headers
        )


def vehicle(ids: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parameters that name the vehicle."""
    return {"vehicle_model_id": ids["model"], "vehicle_model_variant_id": ids["variant"]}


def order(ids: Mapping[str, Any]) -> dict[str, Any]:
    """Return the body of an order."""
    return {
        "vin": ids["vin"],
        **{name: str(value) for name, value in vehicle(ids).items()},
        "connector_id": ids["connector"],
        "product_ids": [[ids["product"]]],
        "product_prerequisites": ids["answers"],
        "metadata": {"app_name": "walk", "vin_is_found_by_reader": True},
        "prepared_ticket_id": ids["prepared"],
        "reference": "12-AB-34",
        "confirmed_unattended_service": False,
    }


def person(name: str) -> dict[str, Any]:
    """Return the body that adds or changes somebody."""
    email = f"{name.lower()}@garage.example"
    return {
        "given_name": name,
        "family_name": "Jansen",
        "username": email,
        "correspondence_locale": "nl",
    }


#: Operation -> its call. The order is that of a day: what makes a thing comes before what reads
#: or changes it.
CALLS: Mapping[str, Callable[[Mapping[str, Any]], Call]] = {
    "loginByConnectorId": lambda ids: Call(
        body={"connector_id": ids["connector"], "pincode": ids["pincode"]}
    ),
    "loginByConnectorUuid": lambda ids: Call(
        body={"connector_uuid": ids["uuid"], "pincode": ids["pincode"]}
    ),
    "loginByOtp": lambda ids: Call(body={"otp": ids["otp"]}),
    "listConnectors": lambda _: Call(query={"limit": 2, "offset": 0}),
    "getConnector": lambda ids: Call({"connectorId": ids["connector"]}),
    "getConnectorByUuid": lambda ids: Call({"connectorUUID": ids["uuid"]}),
    "dismissConnectorAttention": lambda ids: Call({"connectorUUID": ids["uuid"]}),
    "searchVehicle": lambda ids: Call(query={"vin": ids["vin"]}),
    "listVehicleMakes": lambda _: Call(query={"limit": 200}),
    "listVehicleModelGroups": lambda ids: Call(query={"vehicle_make_id": ids["make"]}),
    "getVehicleModelGroup": lambda ids: Call({"modelGroupId": ids["group"]}),
    "listVehicleModels": lambda ids: Call(query={"vehicle_model_group_id": ids["group"]}),
    "getVehicleModel": lambda ids: Call({"modelId": ids["model"]}),
    "listVehicleModelVariants": lambda ids: Call(query={"vehicle_model_id": ids["model"]}),
    "getVehicleModelVariant": lambda ids: Call({"modelVariantId": ids["variant"]}),
    "listProductGroups": lambda ids: Call(query=vehicle(ids)),
    "listProductBundles": lambda ids: Call(query=vehicle(ids)),
    "addFavoriteProduct": lambda ids: Call(body={"id": ids["product"], "name": "as it was read"}),
    "listProducts": lambda ids: Call(query={**vehicle(ids), "is_favorite": 1}),
    "removeFavoriteProduct": lambda ids: Call({"id": ids["product"]}),
    "listProductPrerequisites": lambda ids: Call(
        query={**vehicle(ids), "product_id": f"{ids['product']},{ids['product']}"}
    ),
    "calculateCartPrices": lambda ids: Call(
        body={**vehicle(ids), "vin": ids["vin"], "product_ids": [ids["product"]]}
        | {"prepared_ticket_id": ids["prepared"], "voucher": "WELCOME"}
    ),
    "listPreparedTickets": lambda ids: Call(query={"vin": ids["vin"]}),
    "createTicket": lambda ids: Call(body=order(ids)),
    "getActiveTicket": lambda ids: Call({"connectorId": ids["connector"]}),
    "putTicketCsat": lambda ids: Call(
        {"ticketId": ids["ticket"]}, body={"score": 0.5, "comment": None}
    ),
    "listTicketNotes": lambda ids: Call({"ticketId": ids["ticket"]}),
    "listHistoricalTickets": lambda ids: Call(
        query={"vin": ids["vin"], "connector_id": ids["connector"]}
    ),
    "getHistoricalTicket": lambda ids: Call({"historicalTicketId": ids["ticket"]}),
    "listServicedVehicles": lambda _: Call(),
    "getCurrentUser": lambda _: Call(),
    "addEmployee": lambda _: Call(body=person("Piet")),
    "listEmployees": lambda _: Call(),
    "getEmployee": lambda ids: Call({"employeeId": ids["employee"]}),
    "changeEmployee": lambda ids: Call(
        {"employeeId": ids["employee"]}, body=person("Klaas") | {"enabled": None}
    ),
    "getCustomer": lambda _: Call(),
    "changeCustomer": lambda _: Call(body={"city": "Sneek", "country": "nl", "phone": 515_123}),
    "getBranding": lambda _: Call(),
    "getCustomerWallet": lambda _: Call(),
    "getServiceCenter": lambda _: Call(),
    "getServiceCenterState": lambda _: Call(),
    "translateText": lambda _: Call(
        body={"message": {"original": "Guten Tag"}, "target_language": "nl"}
    ),
    "getChannel": lambda ids: Call({"channelId": ids["chat"]}),
    "sendControlMessage": lambda ids: Call({"channelId": ids["chat"]}),
    "createChannelAttachment": lambda ids: Call(
        query={"channel_id": ids["chat"]}, body={"file_name": "plate.txt"}
    ),
    "getChannelAttachment": lambda ids: Call(
        query={"channel_id": ids["chat"], "file_reference": ids["file"]}
    ),
    "forgotPassword": lambda _: Call(body={"email_address": "jan@garage.example"}),
}

#: What names a thing of a garage -> an id that nothing has.
OWNED: Mapping[str, object] = {
    "connector": 999_999_998,
    "uuid": str(uuid4()),
    "ticket": 2**31,
    "employee": str(uuid4()),
    "chat": f"7_{uuid4()}",
    "file": f"{uuid4()}/{uuid4()}/plate.txt",
}

#: What names a thing of everybody -> an id that nothing has.
SHARED: Mapping[str, object] = dict.fromkeys(("group", "model", "variant", "product"), 2**31)

#: Operation -> the ids that, where there is no such thing, make it a 404.
NAMED: Mapping[str, tuple[str, ...]] = {
    "getConnector": ("connector",),
    "getConnectorByUuid": ("uuid",),
    "dismissConnectorAttention": ("uuid",),
    "getActiveTicket": ("connector",),
    "createTicket": ("connector",),
    "putTicketCsat": ("ticket",),
    "listTicketNotes": ("ticket",),
    "getHistoricalTicket": ("ticket",),
    "getEmployee": ("employee",),
    "changeEmployee": ("employee",),
    "getVehicleModelGroup": ("group",),
    "getVehicleModel": ("model",),
    "getVehicleModelVariant": ("variant",),
    "removeFavoriteProduct": ("product",),
    "getChannel": ("chat",),
    "sendControlMessage": ("chat",),
    "createChannelAttachment": ("chat",),
    "getChannelAttachment": ("chat", "file"),
}


async def open_scene(house: House) -> Scene:
    """Plug a vehicle in, have it served once, and prepare the next order for it."""
    await house.plug_in("can")
    known = house.connector("can")
    token, operator = await house.customer(), await house.operator()
    sign_in = house.gateway.identity.sign_in
    ids: dict[str, Any] = {
        "connector": known.id,
        "uuid": known.uuid,
        "pincode": known.pincode,
        "vin": await house.wait_online("can"),
        "otp": await sign_in.issue_one_time_password(UUID(known.uuid), actor="test"),
    }
    await _choose(house, ids)
    ids["ticket"] = await _served(house, operator)
    ids["prepared"] = await _prepare(house, operator, ids)
    somebody = await house.done("POST", "/v1/employees", person("Jan"), token=token)
    ids["employee"] = somebody["id"]
    ids["chat"], ids["file"] = await _attached(house, token)
    return Scene(house, token, ids)


async def neighbour(house: House) -> str:
    """Return the token of another garage of the same provider."""
    identity = house.gateway.identity
    tenant_id = await identity.tenants.add(Tenant(1, "Next door", "EUR"), actor="test")
    made = await identity.connectors.create(tenant_id, actor="test")
    tokens = await identity.sign_in.by_connector_uuid(made.uuid, made.pincode, address="192.0.2.1")
    return tokens.access_token


async def _choose(house: House, ids: dict[str, Any]) -> None:
    """Find the vehicle of the VIN, a product for it, and answers to its questions."""
    portal = Portal(house.gateway.http_url, "")
    try:
        await portal.sign_in(ids["uuid"], ids["pincode"])
        chosen = await portal.choose(ids["vin"], PRODUCT)
        model = await portal.client.get(f"/v1/vehicles/models/{chosen.model_id}")
    finally:
        with trio.move_on_after(1, shield=True):
            await portal.client.aclose()
    ids |= {"model": chosen.model_id, "variant": chosen.variant_id, "answers": chosen.answers}
    ids |= {"product": chosen.product["id"], "make": model["vehicle_make_id"]}
    ids["group"] = model["vehicle_model_group_id"]


async def _served(house: House, operator: str) -> int:
    """Order, serve and close; return the ticket's number."""
    number = int((await house.order("can"))["id"])
    await house.done("POST", "/operator/v1/sessions", {"ticket_id": number}, token=operator)
    path = f"/operator/v1/tickets/{number}"
    await house.done("POST", f"{path}/notes", {"value": "Reading codes."}, token=operator)
    report = {"note": "Two codes cleared.", "odometer_reading": 81_000}
    await house.done("POST", f"{path}/close", report, token=operator)
    return number


async def _attached(house: House, token: str) -> tuple[str, str]:
    """Attach a file to the open ticket of another vehicle; return chat and file."""
    await house.plug_in("can-fd")
    chat = (await house.order("can-fd"))["chat_id"]
    path = f"/v1/channel-attachments?channel_id={chat}"
    made = await house.done("POST", path, {"file_name": "plate.txt"}, token=token)
    stored = await house.client.put(made["url"], content=b"12-AB-34")
    assert stored.is_success, stored.text
    return chat, made["file_reference"]


async def _prepare(house: House, operator: str, ids: Mapping[str, Any]) -> str:
    body = {
        "customer_id": house.people.tenant,
        "vin": ids["vin"],
        **vehicle(ids),
        "product_ids": [ids["product"]],
    }
    made = await house.done("POST", "/operator/v1/prepared-tickets", body, token=operator)
    return str(made["uuid"])
