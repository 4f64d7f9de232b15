"""A customer's client: signs in with UUID and pincode, orders, follows the ticket."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import msgspec
import trio
from trio_websocket import ConnectionClosed, HandshakeError, open_websocket_url

from gateway.demo.http import JsonClient, StoryError

#: How long the portal waits for the ticket to show what it waits for, seconds.
PATIENCE = 20.0


@dataclass(frozen=True, slots=True)
class Order:
    """What was ordered for which vehicle.

    Attributes:
        vehicle: make, model and variant, for people.
        model_id: vehicle model.
        variant_id: vehicle model variant.
        product: JSON of the chosen product.
        answers: prerequisite answers, as the ticket takes them.
    """

    vehicle: str
    model_id: int
    variant_id: int
    product: dict[str, Any]  # JSON as the API gives it
    answers: list[dict[str, object]]


class Portal:
    """The customer. Made signed out; :meth:`sign_in` comes first."""

    def __init__(self, http_url: str, socket_url: str) -> None:
        self.client = JsonClient(http_url, "customer")
        self._socket_url = socket_url
        self._token = ""
        self.events = 0
        self._states: list[int] = []
        self._changed = trio.Event()

    async def sign_in(self, connector_uuid: str, pincode: str) -> None:
        """Sign in as people at a garage do: with what is printed on the device."""
        tokens = await self.client.post(
            "/v2/authenticate/pincode",
            {"connector_uuid": connector_uuid, "pincode": pincode},
        )
        self._token = tokens["access_token"]
        self.client.sign(self._token)

    # Any: the contract's Connector.
    async def connector(self, uuid: str) -> Any:
        """Return the connector as the portal shows it."""
        return await self.client.get(f"/v2/connectors/{uuid}")

    async def choose(self, vin: str, wanted: str) -> Order:
        """Find the vehicle of a VIN, and the product of item number ``wanted`` for it."""
        found = await self.client.get("/v1/vehicles/search", vin=vin)
        model, variant = found["model"], found["model_variant"]
        if model is None:
            raise StoryError(f"VIN {vin} leads to no model")
        if variant is None:
            listed = await self.client.get(
                "/v1/vehicles/model-variants", vehicle_model_id=model["id"]
            )
            variant = listed["result"][0]
        ids = {"vehicle_model_id": model["id"], "vehicle_model_variant_id": variant["id"]}
        product = await self._product(ids, wanted)
        names = (model["vehicle_make_name"], model["name"], variant["name"])
        return Order(
            vehicle=" ".join(names),
            model_id=model["id"],
            variant_id=variant["id"],
            product=product,
            answers=await self._answers(ids, product["id"]),
        )

    async def _product(self, ids: dict[str, int], wanted: str) -> dict[str, Any]:
        for group in (await self.client.get("/v1/product-groups", **ids))["result"]:
            query = {**ids, "product_group_id": group["id"]}
            listed = await self.client.get("/v1/products", **query, is_favorite=0)
            for product in listed["result"]:
                if product["item_number"] == wanted:
                    return dict(product)
        raise StoryError(f"no product {wanted} is offered for this vehicle")

    async def _answers(self, ids: dict[str, int], product_id: int) -> list[dict[str, object]]:
        """Answer every required question with yes, or with its first option."""
        listed = await self.client.get("/v1/product-prerequisites", **ids, product_id=product_id)
        answers: list[dict[str, object]] = []
        for question in listed["result"]:
            options = question.get("options") or []
            value = options[0]["value"] if options else "true"
            answers.append({"definition_id": question["id"], "value": value})
        return answers

    # Any: the contract's Cart.
    async def price(self, order: Order, vin: str, voucher: str | None = None) -> Any:
        """Return the cart with its prices."""
        body: dict[str, object] = {
            "vehicle_model_id": order.model_id,
            "vehicle_model_variant_id": order.variant_id,
            "vin": vin,
            "product_ids": [order.product["id"]],
        }
        if voucher is not None:
            body["voucher"] = voucher
        return await self.client.post("/v1/cart/calculate-prices", body)

    # Any: the contract's Ticket.
    async def order(self, order: Order, vin: str, connector_id: int, reference: str) -> Any:
        """Create the ticket; ``reference`` is the garage's own name for the job."""
        return await self.client.post(
            "/v1/tickets",
            {
                "vin": vin,
                "vehicle_model_id": order.model_id,
                "vehicle_model_variant_id": order.variant_id,
                "connector_id": connector_id,
                "product_ids": [order.product["id"]],
                "product_prerequisites": order.answers,
                "reference": reference,
                "confirmed_unattended_service": bool(order.product.get("is_unattended")),
                "metadata": {"app_name": "gateway demo", "locale": "en"},
            },
        )

    async def follow(
        self, ticket_id: int, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
    ) -> None:
        """Follow a ticket on the websocket until cancelled; ready with the first update."""
        headers = [(b"Authorization", f"Bearer {self._token}".encode())]
        try:
            async with open_websocket_url(self._socket_url, extra_headers=headers) as socket:
                await socket.send_message(
                    msgspec.json.encode(
                        {"action": "subscribeToTicket", "ticket_id": ticket_id}
                    ).decode()
                )
                while True:
                    self._take(msgspec.json.decode(await socket.get_message()))
                    if self.events == 1:
                        task_status.started()
        except (ConnectionClosed, HandshakeError, OSError) as error:
            raise StoryError(f"customer: the websocket broke: {error!r}") from error

    # Any: the websocket's JSON.
    def _take(self, update: Any) -> None:
        if update["action"] == "error":
            raise StoryError(f"customer: the websocket refused: {update['message']}")
        self.events += 1
        self._states.append(update["message"]["state"])
        self._changed.set()
        self._changed = trio.Event()

    async def wait_for_state(self, state: int) -> None:
        """Wait until the websocket has shown the ticket in ``state``."""
        with trio.move_on_after(PATIENCE):
            while state not in self._states:
                await self._changed.wait()
            return
        raise StoryError(
            f"customer: the websocket never showed state {state}, only {self._states}"
        )
