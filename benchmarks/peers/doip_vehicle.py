"""``python -m benchmarks.peers.doip_vehicle FILE``: a DoIP vehicle for testers on this machine.

On standard output a line ``port N`` when it listens.
"""

from __future__ import annotations

import sys

import trio

from firmware_sim.vehicle.loader import load_vehicle
from firmware_sim.vehicle.vehicle import open_vehicle


async def serve(path: str) -> None:
    """Run the vehicle of a file until the process ends."""
    async with open_vehicle(load_vehicle(path), addresses={}) as vehicle:
        if vehicle.doip is None:
            raise SystemExit(f"{path} is no DoIP vehicle")
        print(f"port {vehicle.doip.tcp_port}", flush=True)
        await trio.sleep_forever()


if __name__ == "__main__":
    trio.run(serve, sys.argv[1])
