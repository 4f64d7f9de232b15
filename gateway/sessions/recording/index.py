"""Recordings on record: one row each, written when it begins and when it ends."""

from __future__ import annotations

import trio

from gateway.domain.errors import Unavailable
from gateway.runtime.logs import Log
from gateway.sessions.recording.track import SessionTrack
from gateway.storage.database import Database
from gateway.storage.queries import recordings as queries
from gateway.storage.queries.recordings import RecordingRecord

#: Seconds until the database is asked again after it was not there.
TRY_AGAIN = 2.0


class Index:
    """What is to be put on record; after trouble the latest counts.

    Bounded by the sessions that there are: each has one place.
    """

    def __init__(self, database: Database, log: Log) -> None:
        self._database = database
        self._log = log
        self._dirty: dict[str, SessionTrack] = {}
        self._stirred = trio.Event()

    def __len__(self) -> int:
        return len(self._dirty)

    def note(self, track: SessionTrack) -> None:
        """Let a recording be put on record as it stands when its turn comes."""
        self._dirty[track.session.id] = track
        self._stirred.set()

    async def run(self) -> None:
        """Put on record what is to be, for ever."""
        while True:
            await self._stirred.wait()
            self._stirred = trio.Event()
            await self.write()
            if self._dirty:
                await trio.sleep(TRY_AGAIN)
                self._stirred.set()

    async def write(self) -> None:
        """Put on record what is to be; what fails stays for another time."""
        for session, track in list(self._dirty.items()):
            del self._dirty[session]
            try:
                await self._database.write(queries.note, record_of(track))
            except Unavailable:
                self._dirty.setdefault(session, track)
                return
            except Exception as error:  # noqa: BLE001 - this recording's boundary; others go on
                self._log.error("recording_not_on_record", session=session, reason=str(error))


def record_of(track: SessionTrack) -> RecordingRecord:
    """Return a recording as it stands."""
    session, tally, standing = track.session, track.tally, track.standing
    state = queries.RUNNING
    if standing.failure is not None:
        state = queries.FAILED
    elif standing.closed:
        state = queries.WHOLE
    return RecordingRecord(
        session_id=session.id,
        provider_id=session.provider_id,
        client_id=session.client_id,
        connector_id=session.connector_id,
        connector_uuid=track.live.known.uuid,
        ticket_id=session.ticket_id,
        vin=track.began.vin,
        state=state,
        detail=standing.failure or "",
        parts=tally.parts,
        bytes=tally.bytes,
        exchanges=tally.exchanges,
        frames=tally.frames,
        frames_lost=tally.frames_lost,
        began_at=track.began_at,
        ended_at=track.ended_at if standing.closed else None,
    )
