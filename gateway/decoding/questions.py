"""What is said between the gateway and the process that reads descriptions.

    message   length u32, big-endian | MessagePack, a tagged map

One question at a time, one answer each.
"""

from __future__ import annotations

import struct
from typing import Any

import msgspec

LENGTH = struct.Struct(">I")

#: Longest message, bytes.
MAX_MESSAGE = 16 << 20

#: What a message means: JSON by nature, as it goes to operators.
Meaning = dict[str, Any]


class File(msgspec.Struct, frozen=True):
    """A description.

    Attributes:
        path: of the file; its name is its hash, so it never changes.
        kind: ``pdx`` or ``dbc``.
    """

    path: str
    kind: str


class Examine(msgspec.Struct, frozen=True, tag="examine"):
    """Say what is in a file."""

    file: File


class ExplainExchange(msgspec.Struct, frozen=True, tag="exchange"):
    """Say what a request and its answers mean.

    Attributes:
        files: descriptions of the vehicle, the closest first.
        addresses: CAN identifiers or logical address of the control unit; of several none.
        request: its bytes.
        answers: theirs.
    """

    files: tuple[File, ...]
    addresses: tuple[int, ...]
    request: bytes
    answers: tuple[bytes, ...]


class ExplainFrames(msgspec.Struct, frozen=True, tag="frames"):
    """Say what frames mean; each is identifier, 29-bit format, data."""

    files: tuple[File, ...]
    frames: tuple[tuple[int, bool, bytes], ...]


Question = Examine | ExplainExchange | ExplainFrames


class Content(msgspec.Struct, frozen=True, tag="content"):
    """What is in a file, in numbers and names."""

    content: Meaning


class Explained(msgspec.Struct, frozen=True, tag="explained"):
    """Meanings in the order of what was asked; a request comes before its answers."""

    meanings: tuple[Meaning | None, ...]


class Refused(msgspec.Struct, frozen=True, tag="refused"):
    """The question has no answer; the text says why, for people."""

    reason: str


Answer = Content | Explained | Refused

_encoder = msgspec.msgpack.Encoder()
question_decoder: msgspec.msgpack.Decoder[Question] = msgspec.msgpack.Decoder(Question)
answer_decoder: msgspec.msgpack.Decoder[Answer] = msgspec.msgpack.Decoder(Answer)


def pack(message: Question | Answer) -> bytes:
    """Return a message as it is sent."""
    content = _encoder.encode(message)
    return LENGTH.pack(len(content)) + content
