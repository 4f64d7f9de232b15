"""The process that reads descriptions: questions on standard input, answers on standard output."""

from __future__ import annotations

import argparse
import os
import resource
import sys
from collections import OrderedDict
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO

from gateway.decoding.dbc import CanDatabase, DescriptionError
from gateway.decoding.pdx import Description
from gateway.decoding.questions import (
    LENGTH,
    Answer,
    Content,
    Examine,
    Explained,
    ExplainExchange,
    ExplainFrames,
    File,
    Meaning,
    Question,
    Refused,
    pack,
    question_decoder,
)


class Shelf:
    """Descriptions that were read, the last used at the end.

    Args:
        kept: how many stay in memory.
        unpacked: bytes that a PDX file may have once it is unpacked.
    """

    def __init__(self, kept: int, unpacked: int) -> None:
        self._kept = kept
        self._unpacked = unpacked
        # None stands for a file that cannot be read: it is not tried again and again.
        self._open: OrderedDict[str, Description | CanDatabase | None] = OrderedDict()

    def open(self, file: File) -> Description | CanDatabase:
        """Return a description.

        Raises:
            DescriptionError: it is none.
        """
        if file.kind == "pdx":
            return Description(Path(file.path), self._unpacked)
        return CanDatabase(Path(file.path))

    def take(self, file: File) -> Description | CanDatabase | None:
        """Return a description, read once; ``None`` where it cannot be read."""
        if file.path not in self._open:
            try:
                self._open[file.path] = self.open(file)
            except DescriptionError:
                self._open[file.path] = None
            while len(self._open) > self._kept:
                self._open.popitem(last=False)
        self._open.move_to_end(file.path)
        return self._open[file.path]

    def answer(self, question: Question) -> Answer:
        """Return what is to be said to a question."""
        match question:
            case Examine(file=file):
                return Content(self.open(file).content())
            case ExplainExchange():
                return Explained(tuple(self._exchange(question)))
            case ExplainFrames():
                frames = question.frames
                return Explained(tuple(self._frame(question.files, *frame) for frame in frames))

    def _exchange(self, question: ExplainExchange) -> Sequence[Meaning | None]:
        for file in question.files:
            found = self.take(file)
            if isinstance(found, Description):
                meanings = found.explain(question.addresses, question.request, question.answers)
                if meanings is not None:
                    return meanings
        return [None] * (1 + len(question.answers))

    def _frame(
        self,
        files: Sequence[File],
        identifier: int,
        extended: bool,
        data: bytes,
    ) -> Meaning | None:
        for file in files:
            found = self.take(file)
            if isinstance(found, CanDatabase):
                meaning = found.explain(identifier, data, extended=extended)
                if meaning is not None:
                    return meaning
        return None


def serve(shelf: Shelf, questions: BinaryIO, answers: BinaryIO) -> None:
    """Answer until nobody asks any more."""
    while len(head := questions.read(LENGTH.size)) == LENGTH.size:
        question = question_decoder.decode(questions.read(*LENGTH.unpack(head)))
        try:
            answer = shelf.answer(question)
        except DescriptionError as error:
            answer = Refused(str(error))
        except (MemoryError, RecursionError) as error:
            answer = Refused(f"Reading it takes too much: {type(error).__name__}.")
        except Exception as error:  # noqa: BLE001 - the question's boundary; the next one counts
            answer = Refused(f"Reading it failed: {type(error).__name__}.")
        answers.write(pack(answer))
        answers.flush()


def main(arguments: Sequence[str] | None = None) -> int:
    """Be the process, and return its exit status."""
    parser = argparse.ArgumentParser(prog="descriptions")
    parser.add_argument("--kept", type=int, required=True)
    parser.add_argument("--unpacked", type=int, required=True)
    parser.add_argument("--memory", type=int, required=True)
    parsed = parser.parse_args(arguments)
    resource.setrlimit(resource.RLIMIT_AS, (parsed.memory, parsed.memory))
    # Whatever a library prints must not come between the answers.
    with os.fdopen(os.dup(1), "wb") as answers:
        os.dup2(2, 1)
        serve(Shelf(parsed.kept, parsed.unpacked), sys.stdin.buffer, answers)
    return 0


if __name__ == "__main__":
    sys.exit(main())
