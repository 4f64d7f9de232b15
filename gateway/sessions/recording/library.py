"""Recordings for those who ask: what there is, and each in the format they want."""

from __future__ import annotations

from pathlib import Path

from gateway.domain.errors import Invalid, NotFound
from gateway.domain.principal import OperatorPrincipal
from gateway.sessions.recording.archive import Archive
from gateway.sessions.recording.exporting import MEDIA, Export, Exporter
from gateway.sessions.recording.service import RecordingService
from gateway.storage.database import Database
from gateway.storage.queries import recordings as queries
from gateway.storage.queries.page import Page
from gateway.storage.queries.recordings import RecordingRecord


class RecordingLibrary:
    """Reads; owns nothing.

    Args:
        service: has what is being recorded.
        database: has the index.
        exporter: makes the files.
        archive: has what other nodes recorded, if there are others.
    """

    def __init__(
        self,
        service: RecordingService,
        database: Database,
        exporter: Exporter,
        archive: Archive | None = None,
    ) -> None:
        self._archive = archive
        self._service = service
        self._database = database
        self._exporter = exporter

    async def find(self, operator: OperatorPrincipal, session_id: str) -> RecordingRecord:
        """Return the recording of one of the operator's sessions, whether it goes on or not.

        Raises:
            NotFound: there is none, or the session was somebody else's.
        """
        going = self._service.going(session_id)
        if going is not None and going.client_id == operator.client_id:
            return going
        found = await self._database.read(queries.find, session_id, operator.client_id)
        if found is None:
            raise NotFound(
                "recording.unknown", "You had no session of this id, or it was not recorded."
            )
        return found

    async def list(
        self, operator: OperatorPrincipal, *, offset: int, limit: int
    ) -> Page[RecordingRecord]:
        """Return an operator's recordings, newest first."""
        found = await self._database.read(
            queries.of_operator, operator.client_id, offset=offset, limit=limit
        )
        current = [self._service.going(record.session_id) or record for record in found.items]
        return Page(tuple(current), found.total)

    async def export(self, operator: OperatorPrincipal, session_id: str, wanted: str) -> Export:
        """Return a recording in one of the formats, as far as it goes at this moment.

        Raises:
            NotFound: no such recording, or its files are gone.
            Invalid: no such format.
            Throttled, Unavailable, Conflict: as :meth:`Exporter.export`.
        """
        if wanted not in MEDIA:
            raise Invalid(
                "recording.format",
                f"There is no format {wanted!r}; the formats are {', '.join(MEDIA)}.",
                field="format",
            )
        record = await self.find(operator, session_id)
        await self._service.settle()
        folder = self._service.writer.folder / record.session_id
        if not folder.is_dir() and self._archive is not None:
            await self._archive.fetch(record)
        if record.state == queries.REMOVED or not folder.is_dir():
            why = record.detail or "its files are not on this node"
            raise NotFound("recording.gone", f"This recording cannot be had any more: {why}.")
        return await self._exporter.export(Path(folder), wanted)
