"""Recordings and descriptions put together: bounds of bodies, gauges, who is asked about what."""

from __future__ import annotations

from datetime import UTC, datetime
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
from gateway.rest.operator.explaining import _addresses
from gateway.runtime.metrics import Metrics
from gateway.sessions.exchange import Answer
from gateway.sessions.gauges import show_gauges
from gateway.sessions.recording.index import Index
from gateway.sessions.recording.library import RecordingLibrary
from gateway.sessions.recording.measurement import BLOCK
from gateway.sessions.recording.parts import EXPORTS
from gateway.storage.database import Database
from protocols.link.vehicle import CanTarget, DoipTarget, FunctionalTarget

ALICE = OperatorPrincipal("alice", 3)
NOW = datetime(2026, 3, 2, tzinfo=UTC)


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


def test_a_control_unit_is_known_by_its_addresses() -> None:
    replies = [Answer(0x7E8, b"", 0, NOW, NOW), Answer(0x7E9, b"", 0, NOW, NOW)]
    assert _addresses(CanTarget(0x7E0, 0x7E8), ()) == (0x7E0, 0x7E8)
    assert _addresses(DoipTarget(0x1001), ()) == (0x1001,)
    assert _addresses(FunctionalTarget(), replies) == (0x7E8, 0x7E9)
