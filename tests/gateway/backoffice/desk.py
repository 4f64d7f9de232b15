"""The desk of field sales: asks through HTTP, and hands over what is inside answers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass
class Desk:
    """Asks and hands over documents, whatever stands around them."""

    door: Any

    async def make(self, path: str, expected: int = 201, **body: Any) -> Any:
        status, answer = await self.door.ask("POST", path, json=body)
        assert status == expected, (path, answer)
        return answer.get("data", answer.get("result", answer))

    async def change(self, path: str, expected: int = 200, **body: Any) -> Any:
        status, answer = await self.door.ask("PUT", path, json=body)
        assert status == expected, (path, answer)
        return answer.get("data", answer)

    async def see(self, path: str) -> Any:
        status, answer = await self.door.ask("GET", path)
        assert status == 200, (path, answer)
        return answer.get("data", answer)

    async def product(self, **more: Any) -> Any:
        category = await self.make("/product-category", name="Parts")
        body = {"name": "Oil filter", "category": category["_id"], "base_price": "10.00"}
        return await self.make("/product", **body, **more)

    async def stocked(self, product: str, quantity: int) -> str:
        """Make a warehouse that holds this much of a product; return its id."""
        place = await self.make("/warehouse", name="Main")
        item = {"product": product, "adjustmentQuantity": quantity}
        await self.make("/adjust-inventory", warehouse=place["_id"], items=[item])
        return str(place["_id"])

    async def levels(self) -> dict[str, int]:
        """Return warehouse -> quantity."""
        return {row["warehouse"]: row["quantity"] for row in await self.see("/inventory")}
