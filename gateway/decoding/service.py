"""Descriptions on record, which of them a vehicle has, and what its messages mean."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import AsyncIterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import trio

from gateway.config import DecodingSettings
from gateway.decoding.questions import (
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
)
from gateway.decoding.worker import Worker, WorkerLimits
from gateway.domain.clock import Clock
from gateway.domain.errors import Conflict, Invalid, NotFound, TooLarge, Unavailable
from gateway.domain.principal import OperatorPrincipal
from gateway.storage.database import Database
from gateway.storage.files.store import FileStore
from gateway.storage.images import Draft, ImageStore
from gateway.storage.queries import descriptions as queries
from gateway.storage.queries.descriptions import DescriptionRecord
from gateway.storage.queries.page import Page

#: Vehicles whose descriptions are remembered, and for how many seconds: other nodes change them
#: too.
REMEMBERED, FRESH = 4_096, 30.0

#: How a zip archive begins.
_ARCHIVE = b"PK"


@dataclass(frozen=True, slots=True)
class Labels:
    """What an operator says of a file.

    Attributes:
        name: what people call it.
        vin_prefix: how the identification numbers of its vehicles begin.
        bus: the CAN bus that it describes; empty for every one.
        kind: ``pdx`` or ``dbc``; empty to go by the content.
    """

    name: str
    vin_prefix: str = ""
    bus: str = ""
    kind: str = ""


class DescriptionService:
    """Owned by the application; :meth:`run` keeps its processes.

    Args:
        database: has what is on record.
        folder: has the files.
        settings: bounds.
        clock: wall clock.
        behind: where all nodes have the files, if there are several.
    """

    def __init__(
        self,
        database: Database,
        folder: Path,
        settings: DecodingSettings,
        clock: Clock,
        behind: FileStore | None = None,
    ) -> None:
        self.largest = settings.largest
        self._database = database
        self._store = ImageStore(folder, behind)
        self._settings = settings
        self._clock = clock
        limits = WorkerLimits(settings.kept, settings.unpacked, settings.memory)
        self._reader = Worker(limits)
        self._examiner = Worker(limits)
        self._known: OrderedDict[tuple[int, str], tuple[float, Sequence[DescriptionRecord]]]
        self._known = OrderedDict()

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Keep processes and files at hand until cancelled."""
        async with trio.open_nursery() as nursery:
            await nursery.start(self._store.run)
            await nursery.start(self._reader.run)
            await nursery.start(self._examiner.run)
            task_status.started()

    # --- for those who keep them -----------------------------------------------------------------

    async def add(
        self, operator: OperatorPrincipal, labels: Labels, body: AsyncIterable[bytes]
    ) -> DescriptionRecord:
        """Keep a file, once it was read and found to be a description.

        Raises:
            Invalid: it is none; the text says what is wrong with it.
            TooLarge: more bytes than are taken.
            Conflict: the provider has too many already.
            Unavailable: it takes too long to be read.
        """
        known = await self._database.read(queries.count, operator.provider_id)
        if known >= self._settings.most:
            raise Conflict(
                "description.too_many",
                f"There are {known} descriptions already. Delete some that nobody uses.",
            )
        draft = await self._store.draft()
        try:
            kind = await self._fill(draft, body, labels.kind)
            name, size = draft.name, draft.size
            await draft.keep()
        finally:
            with trio.move_on_after(5, shield=True):
                await draft.drop()
        content = await self._examine(name, kind)
        record = DescriptionRecord(
            0,
            operator.provider_id,
            operator.client_id,
            labels.name,
            kind,
            labels.vin_prefix.upper(),
            labels.bus,
            name,
            size,
            content,
            self._clock(),
        )
        number = await self._database.write(queries.add, record)
        self._known.clear()
        return await self.find(operator, number)

    async def _fill(self, draft: Draft, body: AsyncIterable[bytes], kind: str) -> str:
        head = b""
        async for chunk in body:
            head = head or chunk[:2]
            await draft.write(chunk)
            if draft.size > self.largest:
                raise TooLarge(
                    "description.too_large", f"A description has at most {self.largest} bytes."
                )
        if not draft.size:
            raise Invalid(
                "description.empty", "The body is the file's bytes; it has none.", field="body"
            )
        return kind or ("pdx" if head == _ARCHIVE else "dbc")

    async def _examine(self, name: str, kind: str) -> Meaning:
        try:
            answer = await self._examiner.ask(
                Examine(self._file(name, kind)), self._settings.parse_limit
            )
        finally:
            self._examiner.end()  # what it took for this file is given back
        if isinstance(answer, Content):
            return answer.content
        reason = answer.reason if isinstance(answer, Refused) else "It cannot be read."
        raise Invalid("description.unreadable", reason, field="body")

    def _file(self, name: str, kind: str) -> File:
        return File(str(self._store.path(name)), kind)

    async def find(self, operator: OperatorPrincipal, number: int) -> DescriptionRecord:
        """Return a description of the operator's provider.

        Raises:
            NotFound: there is none of this number.
        """
        found = await self._database.read(queries.find, operator.provider_id, number)
        if found is None:
            raise _unknown(number)
        return found

    async def list(
        self, operator: OperatorPrincipal, *, offset: int, limit: int
    ) -> Page[DescriptionRecord]:
        """Return the descriptions of the operator's provider, newest first."""
        return await self._database.read(
            queries.of_provider, operator.provider_id, offset=offset, limit=limit
        )

    async def remove(self, operator: OperatorPrincipal, number: int) -> None:
        """Forget a description.

        Raises:
            NotFound: there is none of this number.
        """
        if not await self._database.write(queries.remove, operator.provider_id, number):
            raise _unknown(number)
        self._known.clear()

    # --- for those who want to know --------------------------------------------------------------

    def none_for(self, provider: int, vin: str | None) -> bool:
        """Tell whether it is known, without looking, that no exchange would be explained."""
        until, found = self._known.get((provider, vin or ""), (0.0, ()))
        return until > trio.current_time() and not any(it.kind == "pdx" for it in found)

    async def exchange(
        self,
        provider: int,
        vin: str | None,
        addresses: tuple[int, ...],
        request: bytes,
        answers: tuple[bytes, ...],
    ) -> Sequence[Meaning | None] | None:
        """Return what a request and its answers mean; ``None`` where nothing is known.

        Args:
            provider: whose descriptions.
            vin: of the vehicle.
            addresses: of the control unit.
            request: its bytes.
            answers: theirs.
        """
        files = await self._files(provider, vin, "pdx")
        if not files:
            return None
        return await self._explained(ExplainExchange(files, addresses, request, answers))

    async def frames(
        self,
        provider: int,
        vin: str | None,
        bus: str,
        frames: Sequence[tuple[int, bool, bytes]],
    ) -> Sequence[Meaning | None] | None:
        """Return what frames of a bus mean; each is identifier, 29-bit format, data."""
        files = await self._files(provider, vin, "dbc", bus)
        if not files:
            return None
        return await self._explained(ExplainFrames(files, tuple(frames)))

    async def _explained(self, question: Question) -> Sequence[Meaning | None] | None:
        chosen = self._settings
        answer: Answer | None = None
        with suppress(Unavailable):
            answer = await self._reader.ask(
                question, chosen.parse_limit, patience=chosen.decode_limit
            )
        return answer.meanings if isinstance(answer, Explained) else None

    async def _files(
        self, provider: int, vin: str | None, kind: str, bus: str = ""
    ) -> tuple[File, ...]:
        found = await self._of_vehicle(provider, vin or "")
        files = []
        for record in found:
            if record.kind == kind and record.bus in {"", bus}:
                # What cannot be had at present explains nothing; the rest does.
                with suppress(FileNotFoundError, Unavailable):
                    files.append(File(str(await self._store.require(record.sha256)), kind))
        return tuple(files)

    async def _of_vehicle(self, provider: int, vin: str) -> Sequence[DescriptionRecord]:
        now = trio.current_time()
        until, found = self._known.get((provider, vin), (0.0, ()))
        if until <= now:
            try:
                found = await self._database.read(queries.for_vehicle, provider, vin)
            except Unavailable:
                return found
            self._known[provider, vin] = (now + FRESH, found)
            self._known.move_to_end((provider, vin))
            while len(self._known) > REMEMBERED:
                self._known.popitem(last=False)
        return found


def _unknown(number: int) -> NotFound:
    return NotFound(
        "description.unknown", f"There is no description {number}. List those you have."
    )
