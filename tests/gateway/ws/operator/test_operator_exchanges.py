from __future__ import annotations

import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest
import trio
from typing_extensions import override

from gateway.decoding.questions import Meaning
from gateway.runtime.feeds import Feed, Policy
from gateway.sessions.explaining import Descriptions
from gateway.sessions.targets import EcuAddress
from gateway.ws.operator.exchanges import Exchanges
from gateway.ws.operator.messages import ExchangeMessage
from protocols.link.messages import ExchangeRequest, ExchangeResult
from protocols.link.state import State
from tests.gateway.operators import Floor
from tests.support.link_world import echo, settle, until

pytestmark = pytest.mark.slow


class Book(Descriptions):
    """Descriptions that know one identifier, and hold their answer until they are told."""

    def __init__(self, *, empty: bool = False) -> None:
        self.empty = empty
        self.asked: list[bytes] = []
        self.may_tell = trio.Event()

    @override
    def none_for(self, provider: int, vin: str | None) -> bool:
        return self.empty

    @override
    async def exchange(
        self,
        provider: int,
        vin: str | None,
        addresses: tuple[int, ...],
        request: bytes,
        answers: tuple[bytes, ...],
    ) -> Sequence[Meaning | None] | None:
        self.asked.append(request)
        await self.may_tell.wait()
        known = request == b"\x22\xf4\x05"
        return [{"service": "Oil"}, *({"of": it.hex()} for it in answers)] if known else None


class Desk:
    """One client's exchanges, without a socket around them."""

    def __init__(self, exchanges: Exchanges, out: Feed[str | bytes], session: str) -> None:
        self.exchanges = exchanges
        self.out = out
        self.session = session

    def ask(self, request: str, reference: int, *, decode: bool = True) -> None:
        ecu = EcuAddress(request_id=0x7E0, response_id=0x7E8)
        self.exchanges.start(ExchangeMessage(self.session, ecu, request, reference, decode))

    async def hear(self) -> Any:  # what a test reads out of an answer is its own business
        with trio.fail_after(20):
            return json.loads(await self.out.receive())


@asynccontextmanager
async def open_desk(floor: Floor, book: Book, room: int = 8) -> AsyncIterator[Desk]:
    session = await floor.open_session()
    operator = await floor.tokens.operator("op")
    out: Feed[str | bytes] = Feed(room, Policy.BLOCK)
    async with trio.open_nursery() as nursery:
        exchanges = Exchanges(operator, floor.sessions, out, nursery, book)
        try:
            yield Desk(exchanges, out, session["id"])
        finally:
            exchanges.leave()
            nursery.cancel_scope.cancel()


async def test_answers_say_what_they_mean(floor: Floor) -> None:
    await floor.plug_in()
    book = Book()
    book.may_tell.set()
    async with open_desk(floor, book) as desk:
        desk.ask("22F405", 1)
        answer = await desk.hear()
        assert (answer["action"], answer["id"], answer["decoded"]) == (
            "exchange",
            1,
            {"service": "Oil"},
        )
        assert answer["responses"][0]["decoded"] == {"of": "62f405"}
        desk.ask("22F190", 2)
        assert "decoded" not in await desk.hear()


async def test_who_does_not_want_meanings_does_not_wait_for_them(floor: Floor) -> None:
    await floor.plug_in()
    book = Book()
    async with open_desk(floor, book) as desk:
        desk.ask("22F405", 1)
        desk.ask("22F405", 2, decode=False)
        assert (await desk.hear())["id"] == 2
        book.may_tell.set()
        assert (await desk.hear())["id"] == 1
    async with open_desk(floor, Book(empty=True)) as desk:
        desk.ask("22F405", 1)
        assert "decoded" not in await desk.hear()


async def test_an_answer_to_whom_has_left_harms_nobody(floor: Floor) -> None:
    """The link hands answers over by itself: what it is told to do then must not fail."""
    device = await floor.plug_in()
    held: list[ExchangeRequest] = []

    def keep(request: ExchangeRequest) -> ExchangeResult | None:
        held.append(request)
        return None

    device.answer = keep
    async with open_desk(floor, Book(), room=1) as desk:
        desk.ask("22F405", 1)
        desk.ask("22F405", 2, decode=False)
        desk.ask("22F405", 3, decode=False)
        await until(lambda: len(held) == 3)
    for request in held:
        device.send(echo(request))
    device.answer = echo
    async with open_desk(floor, Book(empty=True)) as desk:
        desk.ask("3E00", 4)
        assert (await desk.hear())["id"] == 4, "the link goes on"
        await settle()
        assert device.link is not None
        assert device.link.state is State.LIVE
