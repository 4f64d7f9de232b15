"""Counts what a connection sends and receives, below the websocket and its TLS."""

from __future__ import annotations

from dataclasses import dataclass

import trio
from typing_extensions import override


@dataclass(slots=True)
class Meter:
    """Bytes of all connections that share it, from the connectors' side."""

    sent: int = 0
    received: int = 0


class Wire(trio.abc.Stream):
    """Passes everything on, and counts it."""

    __slots__ = ("_meter", "_stream")

    def __init__(self, stream: trio.abc.Stream, meter: Meter) -> None:
        self._stream = stream
        self._meter = meter

    @override
    async def receive_some(self, max_bytes: int | None = None) -> bytes | bytearray:
        data = await self._stream.receive_some(max_bytes)
        self._meter.received += len(data)
        return data

    @override
    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        await self._stream.send_all(data)
        self._meter.sent += len(data)

    @override
    async def wait_send_all_might_not_block(self) -> None:
        await self._stream.wait_send_all_might_not_block()

    @override
    async def aclose(self) -> None:
        await self._stream.aclose()
