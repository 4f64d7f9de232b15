"""Recordings and descriptions, with their doors, built once for the composition root."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from quart import Blueprint

from gateway.config import Settings
from gateway.decoding.service import DescriptionService
from gateway.domain.clock import Clock
from gateway.domain.events import Event
from gateway.rest.operator import decoding, jobs, recording
from gateway.rest.operator.decoding import DescriptionDoor
from gateway.rest.operator.recording import RecordingDoor
from gateway.runtime.logs import Log
from gateway.runtime.metrics import Metrics
from gateway.runtime.supervise import Supervisor
from gateway.sessions.recording.parts import RecordingParts, build_recording
from gateway.storage.database import Database
from gateway.storage.files.bucket import bucket_of
from gateway.web.auth import OperatorIdentity


@dataclass(frozen=True, slots=True)
class Evidence:
    """What was done, and what it means.

    Attributes:
        recording: records sessions.
        descriptions: explain them.
    """

    recording: RecordingParts
    descriptions: DescriptionService

    async def start(self, services: Supervisor) -> None:
        """Start what runs; before sessions, so that it is stopped after them."""
        await self.recording.start(services)
        await services.start("descriptions", self.descriptions.run)

    def blueprints(self, identity: OperatorIdentity) -> Iterator[Blueprint]:
        """Yield the routes of both."""
        yield recording.blueprint(RecordingDoor(identity, self.recording.library))
        yield decoding.blueprint(DescriptionDoor(identity, self.descriptions))


def build_evidence(
    settings: Settings,
    database: Database,
    clock: Clock,
    publish: Callable[[Event], None],
    metrics: Metrics,
    log: Log,
) -> Evidence:
    """Return the parts, none of them running yet."""
    folder = settings.data.directory / "descriptions"
    bucket = bucket_of(settings.files, log, "descriptions")
    return Evidence(
        recording=build_recording(settings, database, clock, publish, metrics, log),
        descriptions=DescriptionService(database, folder, settings.decoding, clock, bucket),
    )


def largest_bodies(settings: Settings) -> dict[str, int]:
    """Return where bodies may be larger than elsewhere: beginning of a path -> bytes."""
    return {
        decoding.DESCRIPTIONS: settings.decoding.largest,
        jobs.IMAGES: settings.jobs.largest_image,
    }
