"""The garage's client at the back office."""

from __future__ import annotations

from typing import Any

import trio

from gateway.demo.http import JsonClient, StoryError
from gateway.demo.world import DeskCredentials

#: How long the desk waits for a closed ticket to become a work order, seconds.
PATIENCE = 15.0


class Desk:
    """Somebody at the garage's desk. Made signed out; :meth:`sign_in` comes first."""

    def __init__(self, http_url: str) -> None:
        self.client = JsonClient(f"{http_url}/backoffice/repair", "desk")

    async def sign_in(self, credentials: DeskCredentials) -> None:
        """Sign in with e-mail and password."""
        answer = await self.client.post(
            "/api/auth/login", {"email": credentials.email, "password": credentials.password}
        )
        self.client.sign(answer["token"])

    # Any: the repair contract's WorkOrder.
    async def wait_for_work_order(self, reference: str) -> Any:
        """Return the work order of the job that the garage has given this reference."""
        with trio.move_on_after(PATIENCE):
            while True:
                page = await self.client.get("/api/work-orders")
                for order in page["data"]:
                    if reference in str(order["problem_description"]):
                        return await self.client.get(f"/api/work-orders/{order['id']}")
                await trio.sleep(0.1)
        raise StoryError(f"desk: no work order for {reference} appeared within {PATIENCE:g} s")
