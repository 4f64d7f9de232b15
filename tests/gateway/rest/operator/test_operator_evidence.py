"""Recordings and descriptions put together: bounds of bodies, gauges, who is asked about what."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest
from structlog.typing import FilteringBoundLogger

from gateway.config import DataSettings, DecodingSettings, Settings
from gateway.decoding.service import DescriptionService, Labels
from gateway.domain.clock import utc_now
from gateway.domain.errors import Invalid, NotFound
from gateway.domain.principal import OperatorPrincipal
from gateway.rest.evidence import build_evidence, largest_bodies
from gateway.runtime.metrics import Metrics
from gateway.sessions.gauges import show_gauges
from gateway.sessions.recording.index import Index
from gateway.sessions.recording.library import RecordingLibrary
from gateway.sessions.recording.measurement import BLOCK
from gateway.sessions.recording.parts import EXPORTS
from gateway.storage.database import Database

ALICE = OperatorPrincipal("alice", 3)


async def test_parts_are_built_and_counted(
    tmp_path: Path, database: Database, log: FilteringBoundLogger
) -> None:
    settings = Settings(
        data=DataSettings(directory=tmp_path), decoding=DecodingSettings(largest=77)
    )
    metrics = Metrics()
    built = build_evidence(settings, database, utc_now, lambda _: None, metrics, log)
    assert isinstance(built.recording.library, RecordingLibrary)
    assert isinstance(built.descriptions, DescriptionService)
    assert built.recording.service.writer.folder == tmp_path / "recordings"
    assert EXPORTS.startswith(".")  # no session is called so
    assert b"gateway_recordings_running 0.0" in metrics.exposition(None)[0]
    assert largest_bodies(settings)["/operator/v1/descriptions"] == 77
    with pytest.raises(Invalid, match="candump"):
        await built.recording.library.export(ALICE, "0" * 32, "avi")
    with pytest.raises(NotFound):
        await built.recording.library.find(ALICE, "0" * 32)
    assert len(Index(database, log)) == 0
    assert Labels("x").kind == ""
    assert BLOCK > 1


def test_gauges_count_when_they_are_asked() -> None:
    metrics = Metrics()
    lag = SimpleNamespace(statistics=lambda: SimpleNamespace(queued=3, dropped=4))
    show_gauges(metrics, [1, 2], [1], lag)  # type: ignore[arg-type]
    shown = metrics.exposition(None)[0]
    for line in (b"connectors_online 2.0", b"sessions_open 1.0", b"live_events_waiting 3.0"):
        assert b"gateway_" + line in shown
