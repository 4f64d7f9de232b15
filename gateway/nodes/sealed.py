"""Messages between two nodes over one TCP connection, which nobody else can read or make.

Both sides say 32 random bytes; with the secret that all nodes share, HKDF (RFC 5869) makes of them
one key for each direction. Every message is one AES-GCM record (NIST SP 800-38D), its number the
nonce: a record that was changed, repeated, left out or made without the secret does not open. So
whoever can say the first record is a node, and nothing else proves it.

On the wire: a greeting and 32 bytes from who dials, 32 bytes back, then records both ways, each
with its length before it (4 bytes, big-endian).
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence

import trio
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

#: What a node says first: whoever else dials in is told nothing.
GREETING = b"gwnode1\n"

NONCE_SIZE = 32
_KEY_SIZE = 32
_LENGTH_SIZE = 4

#: AES-GCM's tag, which every record ends with.
_TAG_SIZE = 16

#: Longest record, bytes: a whole request body or websocket message, and some.
LONGEST = 80 << 20

#: Longest first record, bytes: a request's head. Until it opens, whoever speaks may be anybody.
LONGEST_FIRST = 1 << 20

#: A connection without a word is asked after 5 s, three times within 9 s; what was sent and not
#: acknowledged for 12 s is lost (milliseconds).
_KEEP_ALIVE = {
    "TCP_KEEPIDLE": 5,
    "TCP_KEEPINTVL": 3,
    "TCP_KEEPCNT": 3,
    "TCP_USER_TIMEOUT": 12_000,
}

#: Bytes asked of the socket at once.
_AT_ONCE = 1 << 16


class StreamLost(Exception):
    """The other node is gone, or speaks something else."""


class Sealed:
    """One connection to another node; owned by whoever made it, who closes it.

    Args:
        stream: below it.
        keys: possible pairs (to send, to receive); the first record that comes says which. A node
            that dials has one.
        rest: bytes that came already.
    """

    def __init__(
        self,
        stream: trio.abc.Stream,
        keys: Sequence[tuple[AESGCM, AESGCM]],
        rest: bytes = b"",
    ) -> None:
        self.stream = stream
        self._keys = list(keys)
        self._buffer = bytearray(rest)
        self._sent = 0
        self._received = 0
        self._turn = trio.Lock()
        #: A record was cut short: nothing more can be said here.
        self.torn = False

    async def send(self, message: bytes) -> None:
        """Send one message; several tasks may, each in its turn.

        Raises:
            StreamLost: nobody takes it.
        """
        async with self._turn:
            if self.torn:
                raise StreamLost("an earlier message was cut short")
            record = self._keys[0][0].encrypt(_number(self._sent), message, None)
            self._sent += 1
            self.torn = True
            try:
                await self.stream.send_all(len(record).to_bytes(_LENGTH_SIZE, "big") + record)
            except (trio.BrokenResourceError, trio.ClosedResourceError) as error:
                raise StreamLost("the other node is gone") from error
            self.torn = False

    async def receive(self) -> bytes | None:
        """Return the next message, or ``None`` where the other side has hung up.

        Raises:
            StreamLost: it broke off, or what came was not made by a node.
        """
        head = await self._take(_LENGTH_SIZE)
        if head is None:
            return None
        length = int.from_bytes(head, "big")
        longest = LONGEST if self._received else LONGEST_FIRST
        if not _TAG_SIZE <= length <= longest:
            raise StreamLost(f"a record of {length} bytes")
        record = await self._take(length)
        if record is None:
            raise StreamLost("the other node broke off")
        return self._open(record)

    def _open(self, record: bytes) -> bytes:
        nonce = _number(self._received)
        self._received += 1
        for pair in self._keys:
            try:
                message = pair[1].decrypt(nonce, record, None)
            except InvalidTag:
                continue
            self._keys = [pair]
            return message
        raise StreamLost("whoever speaks there does not have the secret of these nodes")

    async def _take(self, count: int) -> bytes | None:
        while len(self._buffer) < count:
            try:
                more = await self.stream.receive_some(_AT_ONCE)
            except (trio.BrokenResourceError, trio.ClosedResourceError) as error:
                raise StreamLost("the other node is gone") from error
            if not more:
                if self._buffer:
                    raise StreamLost("the other node broke off")
                return None
            self._buffer += more
        taken = bytes(self._buffer[:count])
        del self._buffer[:count]
        return taken


async def dial(stream: trio.abc.Stream, secret: bytes) -> Sealed:
    """Begin as the node that dials.

    Raises:
        StreamLost: nobody answers as a node does.
    """
    ours = secrets.token_bytes(NONCE_SIZE)
    try:
        await stream.send_all(GREETING + ours)
        theirs = await _exactly(stream, NONCE_SIZE)
    except (trio.BrokenResourceError, trio.ClosedResourceError) as error:
        raise StreamLost("the other node is gone") from error
    out, back = _pair(secret, ours + theirs)
    return Sealed(stream, [(out, back)])


async def answer(stream: trio.abc.Stream, accepted: Sequence[bytes]) -> Sealed:
    """Begin as the node that was dialled.

    Args:
        stream: as accepted.
        accepted: the secret, and those before it: nodes get a new one in turn.

    Raises:
        StreamLost: whoever dialled is no node.
    """
    try:
        greeting = await _exactly(stream, len(GREETING) + NONCE_SIZE)
        if not greeting.startswith(GREETING):
            raise StreamLost("this port is for nodes of this gateway alone")
        ours = secrets.token_bytes(NONCE_SIZE)
        await stream.send_all(ours)
    except (trio.BrokenResourceError, trio.ClosedResourceError) as error:
        raise StreamLost("whoever dialled is gone") from error
    salt = greeting[len(GREETING) :] + ours
    pairs = [_pair(secret, salt) for secret in accepted]
    return Sealed(stream, [(back, out) for out, back in pairs])


def notice_loss(stream: trio.abc.Stream) -> None:
    """Let the kernel find out within some seconds that the other machine is gone."""
    if not isinstance(stream, trio.SocketStream):
        return
    stream.setsockopt(trio.socket.SOL_SOCKET, trio.socket.SO_KEEPALIVE, 1)
    for name, value in _KEEP_ALIVE.items():
        option = getattr(trio.socket, name, None)
        if option is not None:  # not every kernel has each of them
            stream.setsockopt(trio.socket.IPPROTO_TCP, option, value)


async def _exactly(stream: trio.abc.Stream, count: int) -> bytes:
    data = bytearray()
    while len(data) < count:
        more = await stream.receive_some(count - len(data))
        if not more:
            raise StreamLost("nobody speaks as a node does")
        data += more
    return bytes(data)


def _pair(secret: bytes, salt: bytes) -> tuple[AESGCM, AESGCM]:
    """Return the keys: for what goes to the node that was dialled, and for what comes back."""
    both = HKDF(SHA256(), 2 * _KEY_SIZE, salt=salt, info=b"gateway nodes").derive(secret)
    return AESGCM(both[:_KEY_SIZE]), AESGCM(both[_KEY_SIZE:])


def _number(count: int) -> bytes:
    return count.to_bytes(12, "big")
