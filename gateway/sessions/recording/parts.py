"""Recordings, built once for the composition root."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from gateway.config import Settings
from gateway.domain.clock import Clock
from gateway.domain.events import Event
from gateway.runtime.logs import Log
from gateway.runtime.metrics import Metrics
from gateway.runtime.supervise import Supervisor
from gateway.sessions.recording.archive import LAST_LOOK, Archive
from gateway.sessions.recording.exporting import Exporter
from gateway.sessions.recording.library import RecordingLibrary
from gateway.sessions.recording.service import LAST_WORDS, RecordingRules, RecordingService
from gateway.sessions.recording.upkeep import RecordingUpkeep, Retention
from gateway.sessions.recording.writer import Writer
from gateway.storage.database import Database
from gateway.storage.files.bucket import bucket_of

#: Folder within that of the recordings where exports are made.
EXPORTS = ".exports"


@dataclass(frozen=True, slots=True)
class RecordingParts:
    """What sessions, doors and supervisor need.

    Attributes:
        service: records.
        library: for those who ask.
        upkeep: lets old recordings go.
        archive: has the recordings of all nodes, if there are several.
    """

    service: RecordingService
    library: RecordingLibrary
    upkeep: RecordingUpkeep
    archive: Archive | None

    async def start(self, services: Supervisor) -> None:
        """Start what runs; before sessions, so that it is stopped after them."""
        service, archive = self.service, self.archive
        if archive is not None:
            # Stopped after the recordings themselves, so that it sees how they ended.
            stop_within = LAST_LOOK + 1
            await services.start(
                "recordings' archive", archive.run, stop=archive.stop, stop_within=stop_within
            )
        await services.start(
            "recordings", service.run, stop=service.stop, stop_within=LAST_WORDS + 1
        )
        await services.start("recording upkeep", self.upkeep.run)


def build_recording(
    settings: Settings,
    database: Database,
    clock: Clock,
    publish: Callable[[Event], None],
    metrics: Metrics,
    log: Log,
) -> RecordingParts:
    """Return the parts, none of them running yet."""
    chosen = settings.recording
    folder = chosen.directory or settings.data.directory / "recordings"
    writer = Writer(folder, chosen.part_bytes, chosen.reserve_bytes)
    rules = RecordingRules(chosen.enabled, chosen.required, chosen.sync_interval)
    service = RecordingService(writer, database, rules, clock, publish, log)
    _gauge(metrics, service)
    exporter = Exporter(folder / EXPORTS, chosen.exports, chosen.export_limit, log)
    retention = Retention(chosen.keep_days, chosen.total_bytes)

    bucket = bucket_of(settings.files, log, "recordings")
    archive = None if bucket is None else Archive(folder, bucket, database, log)

    def is_going(session: str) -> bool:
        return service.going(session) is not None

    return RecordingParts(
        service=service,
        library=RecordingLibrary(service, database, exporter, archive),
        upkeep=RecordingUpkeep(folder, database, retention, is_going, clock, log, archive),
        archive=archive,
    )


def _gauge(metrics: Metrics, service: RecordingService) -> None:
    shown: dict[str, tuple[str, Callable[[], float]]] = {
        "recordings_running": ("Recordings that go on", service.__len__),
        "recording_waiting_bytes": (
            "What waits to be recorded",
            lambda: service.backlog.waiting,
        ),
        "recording_failures": ("Recordings that stopped early", lambda: service.failures),
    }
    for name, (description, value) in shown.items():
        metrics.gauge(name, description).set_function(value)
