"""What an operator does to flash a control unit through the gateway."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

import trio

from tests.end_to_end.houses import House, Json


def memory(start: int, length: int) -> str:
    return f"44{start:08X}{length:08X}"


#: States between two that a test waits for.
ON_THE_WAY = ("waiting", "running", "awaiting_key", "restoring")


class Bench:
    """An operator who flashes a control unit.

    Args:
        house: holds the gateway.
        token: the operator's.
        session: with the lease.
        ecu: which control unit, as in a body.
        key_for: what the operator's algorithm makes of a seed.
    """

    def __init__(
        self,
        house: House,
        token: str,
        session: Json,
        ecu: Json,
        key_for: Callable[[bytes], bytes],
    ) -> None:
        self.house, self.token, self.session = house, token, session
        self.ecu, self.key_for = ecu, key_for
        self.job: Json = {}

    @property
    def path(self) -> str:
        return f"/operator/v1/sessions/{self.session['id']}/jobs"

    async def upload(self, image: bytes) -> str:
        answer = await self.house.client.post(
            "/operator/v1/images",
            content=image,
            headers={"Authorization": f"Bearer {self.token}"},
        )
        assert answer.status_code == 201, answer.text
        assert answer.json()["sha256"] == hashlib.sha256(image).hexdigest()
        return str(answer.json()["sha256"])

    async def start(self, image: str | None, how: Json, direction: str = "download") -> None:
        body = {"kind": "transfer", "ecu": self.ecu, "procedure": how, "direction": direction}
        body |= {} if image is None else {"image": image}
        self.job = await self.house.done("POST", self.path, body, token=self.token)

    async def look(self) -> Json:
        path = f"/operator/v1/jobs/{self.job['id']}"
        self.job = await self.house.done("GET", path, token=self.token)
        return self.job

    async def until(
        self, *states: str, blocks: int = 0, results: bool = False, within: float = 20
    ) -> Json:
        """Wait until it stands so; keys are given meanwhile."""
        with trio.fail_after(within):
            while (
                (await self.look())["state"] not in states
                or self.job["block"] < blocks
                or (results and self.job["result"] is None)
            ):
                if self.job["seed"] is not None and "awaiting_key" not in states:
                    key = self.key_for(bytes.fromhex(self.job["seed"])).hex()
                    path = f"{self.path}/{self.job['id']}/key"
                    await self.house.call("POST", path, {"key": key}, token=self.token)
                assert self.job["state"] in {*states, *ON_THE_WAY}, self.job["detail"]
                await trio.sleep(0.02)
        return self.job

    async def do(self, action: str) -> None:
        await self.house.done("POST", f"{self.path}/{self.job['id']}/{action}", token=self.token)
