"""A small IMAP server on loopback, as much of RFC 3501 as it takes to read a folder."""

from __future__ import annotations

import base64
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial

import trio


@dataclass
class ImapServer:
    """The server.

    Attributes:
        port: where it listens.
        letters: number -> letter, of the one folder.
        validity: changes when it numbers anew.
        password: who else comes is sent away.
        plain: it takes AUTHENTICATE PLAIN, and else LOGIN alone.
        said: commands, without their tags.
        size: said of each letter instead of the truth; and sent as its length.
    """

    port: int = 0
    letters: dict[int, bytes] = field(default_factory=dict)
    validity: int = 7
    password: str = "pässword"
    plain: bool = True
    said: list[str] = field(default_factory=list)
    size: int | None = None

    def put(self, text: str) -> int:
        """Let a letter come in; return its number."""
        number = max(self.letters, default=40) + 1
        self.letters[number] = text.replace("\n", "\r\n").encode()
        return number

    async def serve(self, stream: trio.SocketStream) -> None:
        """Answer one client until it leaves."""
        lines = _Lines(stream)
        await stream.send_all(b"* OK ready\r\n")
        async for line in lines:
            tag, _, command = line.decode().partition(" ")
            self.said.append(command)
            if command.startswith("AUTHENTICATE PLAIN"):
                await stream.send_all(b"+ \r\n")
                user, secret = base64.b64decode(await anext(lines)).decode().split("\0")[1:]
                answer = self._greet(user, secret)
            else:
                answer = self._answer(command)
            await stream.send_all(answer.replace(b"TAG", tag.encode()))
            if command == "LOGOUT":
                return

    def _greet(self, user: str, secret: str) -> bytes:
        if (user, secret) != ("desk", self.password):
            return b"TAG NO [AUTHENTICATIONFAILED] wrong user or password\r\n"
        return b"TAG OK welcome\r\n"

    def _answer(self, command: str) -> bytes:
        if command == "CAPABILITY":
            return b"* CAPABILITY IMAP4rev1%s\r\nTAG OK done\r\n" % (b" AUTH=PLAIN" * self.plain)
        if login := re.fullmatch(r'LOGIN "?(\w+)"? "(.*)"', command):
            return self._greet(login[1], login[2])
        if command == 'EXAMINE "INBOX"':
            following = max(self.letters, default=40) + 1
            told = f"* {len(self.letters)} EXISTS\r\n* OK [UIDVALIDITY {self.validity}]\r\n"
            return f"{told}* OK [UIDNEXT {following}]\r\nTAG OK [READ-ONLY]\r\n".encode()
        if command.startswith("UID SEARCH"):
            return (
                f"* SEARCH {' '.join(map(str, self._found(command)))}\r\nTAG OK done\r\n".encode()
            )
        if fetched := re.match(r"UID FETCH (\d+) \((\S+)\)", command):
            return self._fetched(int(fetched[1]), fetched[2])
        return b"* BYE\r\nTAG OK done\r\n" if command == "LOGOUT" else b"TAG NO what\r\n"

    def _found(self, command: str) -> list[int]:
        if "SINCE" in command:
            return list(self.letters)
        first = int(command.rpartition("UID ")[2].partition(":")[0])
        # As the standard has it: the star is the last letter, whichever comes first.
        last = max(self.letters, default=0)
        return [one for one in self.letters if one >= first or one == last]

    def _fetched(self, number: int, what: str) -> bytes:
        data = self.letters.get(number)
        if data is None:
            return b"TAG OK done\r\n"
        size = len(data) if self.size is None else self.size
        if what == "RFC822.SIZE":
            return b"* 1 FETCH (UID %d RFC822.SIZE %d)\r\nTAG OK done\r\n" % (number, size)
        return b"* 1 FETCH (UID %d BODY[] {%d}\r\n%s)\r\nTAG OK done\r\n" % (number, size, data)


class _Lines:
    def __init__(self, stream: trio.SocketStream) -> None:
        self._stream, self._data = stream, b""

    def __aiter__(self) -> _Lines:
        return self

    async def __anext__(self) -> bytes:
        while b"\r\n" not in self._data:
            part = await self._stream.receive_some()
            if not part:
                raise StopAsyncIteration
            self._data += part
        line, _, self._data = self._data.partition(b"\r\n")
        return line


@asynccontextmanager
async def imap_server() -> AsyncIterator[ImapServer]:
    """Run a server while the block runs."""
    there = ImapServer()
    async with trio.open_nursery() as nursery:
        listen = partial(trio.serve_tcp, there.serve, 0, host="127.0.0.1")
        listeners = await nursery.start(listen)
        there.port = listeners[0].socket.getsockname()[1]
        yield there
        nursery.cancel_scope.cancel()
