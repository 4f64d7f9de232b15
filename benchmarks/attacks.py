"""What the link port meets on the open internet, and what a connector's broken program may do.

Each attack is one connection, and a function of the seed and its number: a run that fails can be
run again. Before the handshake anybody can do these; after it, somebody with a connector's key.
"""

from __future__ import annotations

import base64
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from random import Random

import trio

from benchmarks.intruder import Intruder, Person
from protocols.can.batch import encode_batch
from protocols.can.frame import CanFrame
from protocols.link.envelope import pack
from protocols.link.messages import (
    MAX_ENVELOPE,
    Ack,
    Channel,
    Credit,
    ExchangeResult,
    Goodbye,
    Hello,
    Message,
    Ping,
    Pong,
    Proof,
    SessionClosed,
    StatusReport,
    Welcome,
    encode_body,
)
from protocols.link.vehicle import Capabilities

Attack = Callable[[Intruder], Awaitable[None]]

#: Seconds an attack may wait for what the gateway does about it.
PATIENCE = 1.0

#: Most header bytes that any sane server takes.
_TOO_LONG = 70_000


@dataclass(frozen=True, slots=True)
class Outcome:
    """One attack, and what came of it.

    Attributes:
        kind: of attack.
        end: how the gateway ended it: ``http 400``, ``goodbye protocol``, ``websocket 1002``,
            ``closed``; or ``left`` where the intruder went first, having found nothing wrong.
    """

    kind: str
    end: str


# --- before there is a websocket --------------------------------------------------------------


async def noise(peer: Intruder) -> None:
    """Say something else altogether."""
    await peer.send(peer.random.randbytes(peer.random.choice((1, 20, 500, 20_000))))


async def truncated(peer: Intruder) -> None:
    """Stop in the middle of the upgrade, and hang up."""
    request = peer.request()
    await peer.send(request[: peer.random.randrange(1, len(request))])
    await peer.hang_up()


async def mutated(peer: Intruder) -> None:
    """Ask for the upgrade with some bytes changed."""
    await peer.send(peer.mutate(peer.request()))
    await peer.hang_up()


async def oversized(peer: Intruder) -> None:
    """Ask for the upgrade with a header that does not end."""
    await peer.send(peer.request(("X-Long", "x" * _TOO_LONG)))


async def wrong_path(peer: Intruder) -> None:
    """Ask for something else on this port."""
    await peer.send(peer.request(path="/" + peer.random.randbytes(4).hex()))


async def wrong_subprotocol(peer: Intruder) -> None:
    """Speak another subprotocol, or none."""
    await peer.send(peer.request(subprotocol=peer.random.choice(("mqtt", ""))))


async def trailing(peer: Intruder) -> None:
    """Send garbage behind the upgrade, in the same packet."""
    await peer.send(peer.request() + peer.random.randbytes(peer.random.randrange(1, 200)))


# --- a stranger on a websocket -----------------------------------------------------------------


async def broken_frames(peer: Intruder) -> None:
    """Upgrade, then send what is no websocket frame."""
    await peer.upgrade()
    await peer.send(
        peer.random.choice(
            (
                b"\x82\x05hello",  # without a mask
                b"\xf2\x80\0\0\0\0",  # reserved bits
                b"\x83\x80\0\0\0\0",  # an opcode that does not exist
                b"\x82\xff" + b"\xff" * 8 + b"\0\0\0\0",  # as long as nothing can be
                b"\x89\xfe\x10\x00" + bytes(4),  # a ping longer than control frames may be
                peer.random.randbytes(64),
            )
        )
    )
    await peer.hang_up()


async def text(peer: Intruder) -> None:
    """Send a text message."""
    await peer.upgrade()
    await peer.frame(b'{"hello": 1}', opcode=1)


async def garbage_message(peer: Intruder) -> None:
    """Send a message that means nothing."""
    await peer.upgrade()
    await peer.frame(peer.random.randbytes(peer.random.choice((0, 1, 8, 9, 10, 100, 5000))))


async def too_large_message(peer: Intruder) -> None:
    """Announce a message far above the limit and send some of it, now and then too much."""
    await peer.upgrade()
    sent = MAX_ENVELOPE + 4096 if peer.random.random() < 0.1 else 20_000
    await peer.send(b"\x82\xff" + (3 << 20).to_bytes(8, "big") + bytes(4) + bytes(sent))
    await peer.hang_up()


async def mutated_hello(peer: Intruder) -> None:
    """Greet with some bytes changed."""
    await peer.upgrade()
    await peer.frame(peer.mutate(peer.hello()))
    await peer.hang_up()


async def out_of_state(peer: Intruder) -> None:
    """Send what has no place before a hello."""
    await peer.upgrade()
    early: tuple[Message, ...] = (Proof(bytes(64)), Pong(1, 2), Ack(), Credit(0, 5))
    await peer.frame(_packed(peer.random.choice((*early, StatusReport()))))


async def hello_twice(peer: Intruder) -> None:
    """Greet, and greet again."""
    await peer.upgrade()
    hello = peer.hello()
    await peer.frame(hello)
    await peer.frame(hello)


async def wrong_proof(peer: Intruder) -> None:
    """Prove oneself with a signature that is none."""
    await peer.upgrade()
    await peer.frame(peer.hello())
    await peer.message()
    await peer.frame(_packed(Proof(peer.random.randbytes(64))))


async def stranger(peer: Intruder) -> None:
    """Greet with the name of nobody."""
    await peer.upgrade()
    uuid = f"{peer.random.getrandbits(32):08x}-0000-4000-8000-000000000000"
    hello = Hello((1,), uuid, peer.random.randbytes(32), Capabilities())
    await peer.frame(_packed(hello))
    await peer.message()
    await peer.frame(_packed(Proof(bytes(64))))


# --- a connector that has proved itself ---------------------------------------------------------


async def mutated_message(peer: Intruder) -> None:
    """Come in, then send a good message with some bytes changed."""
    await peer.come_in()
    await peer.frame(peer.mutate(_packed(StatusReport("WVWZZZAUZHP000001", 12_300), 1)))
    await peer.hang_up()


async def garbage_inside(peer: Intruder) -> None:
    """Come in, then send garbage."""
    await peer.come_in()
    await peer.frame(peer.random.randbytes(peer.random.choice((1, 9, 300))))
    await peer.hang_up()


async def wrong_direction(peer: Intruder) -> None:
    """Come in, then say what only a gateway says."""
    await peer.come_in()
    said: tuple[Message, ...] = (Welcome(bytes(16), False, 0, 1, 1, {}), Ping(1))
    await peer.frame(_packed(peer.random.choice(said)))


async def wrong_channel(peer: Intruder) -> None:
    """Come in, then send a message where it does not belong."""
    await peer.come_in()
    channel = peer.random.choice((Channel.EXCHANGE, Channel.JOB, Channel.FILE))
    await peer.frame(pack(channel, 1, 0, encode_body(StatusReport())))


async def left_out(peer: Intruder) -> None:
    """Come in, then leave a number out."""
    await peer.come_in()
    await peer.frame(_packed(StatusReport(), peer.random.choice((2, 7, 1 << 30))))


async def replayed(peer: Intruder) -> None:
    """Come in, then send the same message over and over: it counts once, and is no fault."""
    await peer.come_in()
    for _ in range(20):
        await peer.frame(_packed(StatusReport(voltage_mv=12_000), 1))
    await peer.hang_up()


async def acknowledges_too_much(peer: Intruder) -> None:
    """Come in, then acknowledge what was never sent."""
    await peer.come_in()
    await peer.frame(pack(Channel.CONTROL, 0, peer.random.randrange(50, 1 << 31), b"\x91\x08"))


async def unwanted_result(peer: Intruder) -> None:
    """Come in, then answer what nobody asked, and close what nobody opened: no fault either."""
    await peer.come_in()
    await peer.frame(pack(Channel.EXCHANGE, 1, 0, encode_body(ExchangeResult(7))))
    await peer.frame(_packed(SessionClosed("nobody's", True), 2))
    await peer.hang_up()


async def flood(peer: Intruder) -> None:
    """Come in, then send frames that nobody watches, whatever the credit: they are dropped."""
    await peer.come_in()
    batch = encode_batch(0, [CanFrame(0x100, bytes(8), timestamp_us=1)])
    for _ in range(200):
        await peer.frame(pack(Channel.FRAME, 0, 0, batch))
    await peer.hang_up()


async def credit_nonsense(peer: Intruder) -> None:
    """Come in, then grant credit for a channel that does not exist."""
    await peer.come_in()
    await peer.frame(_packed(Credit(peer.random.randrange(9, 200), 5)))


async def broken_frames_inside(peer: Intruder) -> None:
    """Come in, then send a batch of frames that is none."""
    await peer.come_in()
    await peer.frame(pack(Channel.FRAME, 0, 0, peer.random.randbytes(40)))


async def after_goodbye(peer: Intruder) -> None:
    """Come in, say goodbye, and go on talking."""
    await peer.come_in()
    await peer.frame(_packed(Goodbye(0, "x" * 5000)))
    await peer.frame(_packed(StatusReport(), 1))


#: Every kind, by name.
KINDS: dict[str, Attack] = {
    attack.__name__: attack
    for attack in (
        *(noise, truncated, mutated, oversized, wrong_path, wrong_subprotocol, trailing),
        *(broken_frames, text, garbage_message, too_large_message, mutated_hello),
        *(out_of_state, hello_twice, wrong_proof, stranger),
        *(mutated_message, garbage_inside, wrong_direction, wrong_channel, left_out, replayed),
        *(
            acknowledges_too_much,
            unwanted_result,
            flood,
            credit_nonsense,
            broken_frames_inside,
            after_goodbye,
        ),
    )
}


async def attack(
    dial: Callable[[], Awaitable[trio.abc.Stream]], person: Person, seed: int, number: int
) -> Outcome:
    """Make one connection, and tell how it ended.

    Args:
        dial: connects to the port.
        person: whose key may be used for coming in.
        seed: of the run.
        number: of the connection; kinds take turns.

    Raises:
        OSError: the port cannot be reached.
    """
    kind = list(KINDS)[number % len(KINDS)]
    stream = await dial()
    peer = Intruder(stream, person, Random(f"{seed}/{number}"))
    try:
        with trio.move_on_after(PATIENCE):
            await KINDS[kind](peer)
            await peer.read_to_the_end()
    except (trio.BrokenResourceError, trio.ClosedResourceError):
        pass  # the gateway was quicker; what it said before counts
    finally:
        await trio.aclose_forcefully(stream)
    return Outcome(kind, peer.end)


def _packed(message: Message, number: int = 0) -> bytes:
    return pack(Channel.CONTROL, number, 0, encode_body(message))


def person_of(uuid: str, key: str) -> Person:
    """Return whose UUID and private key (base64) these are."""
    return Person(uuid, base64.b64decode(key))
