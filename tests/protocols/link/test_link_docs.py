"""``docs/link.md`` says what the code does: its tables, diagram and hex are printed from it."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from protocols.link import buses, jobs, vehicle
from protocols.link.connection import ACK_DELAY, ACK_EVERY, HANDSHAKE_LIMIT, LinkMemory
from protocols.link.connector import ConnectorLink
from protocols.link.credit import DEFAULT_WINDOWS
from protocols.link.delivery import Delivery, DeliveryLimits
from protocols.link.envelope import HEADER_SIZE, unpack
from protocols.link.gateway import GatewayLink
from protocols.link.handshake import sign, transcript
from protocols.link.messages import (
    MAX_ENVELOPE,
    SUBPROTOCOL,
    Challenge,
    Channel,
    CloseCode,
    ControlMessage,
    ExchangeMessage,
    ExchangeRequest,
    ExchangeResponse,
    ExchangeResult,
    FileMessage,
    Hello,
    JobMessage,
    Message,
    SessionOpen,
    decode_body,
)
from protocols.link.state import TABLE
from protocols.link.vehicle import BusInfo, CanTarget, Capabilities, EcuInfo
from tests.support.link_pair import PRIVATE, PUBLIC, UUID_TEXT

PAGE = Path(__file__).parents[3] / "docs" / "link.md"

#: Records inside messages.
RECORDS = (
    vehicle.Capabilities,
    vehicle.BusInfo,
    vehicle.EcuInfo,
    vehicle.IsoTpOptions,
    vehicle.CanTarget,
    vehicle.DoipTarget,
    vehicle.FunctionalTarget,
    vehicle.FrameFilter,
    buses.BusState,
    ExchangeResponse,
    jobs.TransferOrder,
    jobs.Segment,
    jobs.Step,
)


def _senders(kind: type[Message]) -> str:
    text = (kind.__doc__ or "").lower()
    named = [role for role in ("connector", "gateway") if text.startswith(role)]
    return named[0] if named else "both"


def _members(kind: type[msgspec.Struct]) -> str:
    return ", ".join(f"`{name}`" for name in kind.__struct_fields__) or "none"


def messages() -> str:
    unions = (ControlMessage, ExchangeMessage, JobMessage, FileMessage)
    kinds = [kind for union in unions for kind in union.__args__]
    rows = [
        f"| {kind.__struct_config__.tag} | {kind.__name__} | {_senders(kind)} "
        f"| {kind.channel.name.lower()} | {'yes' if kind.numbered else 'no'} | {_members(kind)} |"
        for kind in kinds
    ]
    head = "| tag | message | from | channel | numbered | members |\n|---|---|---|---|---|---|"
    return "\n".join((head, *rows)) + "\n"


def records() -> str:
    rows = []
    for kind in RECORDS:
        tag = kind.__struct_config__.tag
        rows.append(f"| {kind.__name__} | {'' if tag is None else tag} | {_members(kind)} |")
    return "\n".join(("| record | tag | members |\n|---|---|---|", *rows)) + "\n"


def codes() -> str:
    rows = [f"| {code.value} | {code.name.lower()} |" for code in CloseCode]
    return "\n".join(("| code | name |\n|---|---|", *rows)) + "\n"


def channels() -> str:
    rows = [f"| {it.value} | {it.name.lower()} | {DEFAULT_WINDOWS[it]} |" for it in Channel]
    return "\n".join(("| channel | name | credit |\n|---|---|---|", *rows)) + "\n"


def _hex(data: bytes, indent: str = "    ") -> str:
    lines = [data[at : at + 32] for at in range(0, len(data), 32)]
    return "\n".join(indent + line.hex(" ", 1) for line in lines)


def _shown(sender: str, data: bytes) -> str:
    envelope = unpack(data)
    message = decode_body(envelope.channel, envelope.body)
    head = data[:HEADER_SIZE]
    return (
        f"{sender}: {type(message).__name__}, {len(data)} bytes\n"
        f"    {head[:1].hex()} {head[1:5].hex()} {head[5:].hex()}\n{_hex(envelope.body)}"
    )


class _Conversation:
    """The worked example, by the real machines with fixed nonces and clocks."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.signed = b""
        self.connector = ConnectorLink(
            UUID_TEXT,
            Capabilities(
                buses=(BusInfo("can0", "can", 500_000),),
                ecus=(EcuInfo("engine", "can0", 0x7E0, 0x7E8),),
                software=100,
                hardware=1,
            ),
            nonce=bytes(range(32)),
            prove=self._prove,
            memory=LinkMemory(),
            now=0.0,
        )
        self.gateway = GatewayLink(0.0)

    def _prove(self, data: bytes) -> bytes:
        self.signed = data
        return sign(PRIVATE, data)

    def _move(self) -> None:
        ends = {"connector": self.connector, "gateway": self.gateway}
        for name, end in ends.items():
            other = self.gateway if end is self.connector else self.connector
            while (data := end.next_outgoing()) is not None:
                self.lines.append(_shown(name, data))
                other.receive(data, 0.0)

    def run(self) -> str:
        self._move()
        self.gateway.challenge(bytes(range(32, 64)), [PUBLIC])
        self._move()
        self._move()
        memory = LinkMemory(Delivery(token=bytes(range(0xA0, 0xB0))))
        self.gateway.welcome(memory, resumed=False, ping=5.0, idle_ping=25.0, window=60.0, now=0.0)
        self.gateway.handle_deadline(0.0)
        self._move()
        self._move()
        self.gateway.send(SessionOpen("s1", writer=True, grace_ms=10_000))
        target = CanTarget(0x7E0, 0x7E8)
        self.gateway.send(ExchangeRequest(1, "s1", target, bytes.fromhex("22f190")))
        self._move()
        answer = bytes.fromhex("62f190") + b"WVWZZZAUZHP341562"
        response = ExchangeResponse(0x7E8, answer, 0, 1_000_000, 1_004_200)
        self.connector.send(ExchangeResult(1, (response,)))
        self._move()
        self.gateway.close(CloseCode.RESTARTING, "the gateway restarts", retry_after=2.0)
        self._move()
        return "\n".join(self.lines) + "\n"


def conversation() -> str:
    return _Conversation().run()


def signed() -> str:
    """Return what the example's connector signs, part by part."""
    talk = _Conversation()
    talk.run()
    names = ("role", "uuid", "nonce", "nonce of the challenge", "version", "token", "received")
    lines, rest = [], talk.signed
    for name in names:
        size = int.from_bytes(rest[:4], "big")
        part, rest = rest[4 : 4 + size], rest[4 + size :]
        lines.append(f"{name}, {size} bytes\n    {size:08x}" + (f"\n{_hex(part)}" if part else ""))
    assert rest == b""
    lines.append(f"signature with the private key {PRIVATE[:2].hex()}..{PRIVATE[-1:].hex()}")
    lines.append(_hex(sign(PRIVATE, talk.signed)))
    return "\n".join(lines) + "\n"


BLOCKS: dict[str, Callable[[], str]] = {
    "messages": messages,
    "records": records,
    "codes": codes,
    "channels": channels,
    "states": lambda: f"```mermaid\n{TABLE.to_mermaid()}```\n",
    "conversation": lambda: f"```text\n{conversation()}```\n",
    "signed": lambda: f"```text\n{signed()}```\n",
}


@pytest.mark.parametrize("name", BLOCKS)
def test_what_the_page_shows_is_what_the_code_does(name: str) -> None:
    page = PAGE.read_text(encoding="utf-8")
    shown = re.search(rf"<!-- {name} -->\n(.*?)<!-- end -->", page, re.DOTALL)
    assert shown is not None, f"the page has no part {name!r}"
    assert shown[1] == BLOCKS[name]()


def test_the_signature_of_the_example_is_over_its_transcript() -> None:
    talk = _Conversation()
    talk.run()
    hello = Hello((1,), UUID_TEXT, bytes(range(32)), Capabilities())
    assert transcript(hello, Challenge(1, bytes(range(32, 64)))) == talk.signed


def test_the_numbers_of_the_page_are_the_codes() -> None:
    page = PAGE.read_text(encoding="utf-8")
    limits = DeliveryLimits()
    for fact in (
        f"`{SUBPROTOCOL}`",
        f"{MAX_ENVELOPE:_}".replace("_", " ") + " bytes",
        f"within {HANDSHAKE_LIMIT:.0f} s",
        f"{ACK_DELAY * 1000:.0f} ms",
        f"{ACK_EVERY} messages",
        f"{limits.kept} messages",
    ):
        assert fact in page, f"the page does not say {fact!r}"
