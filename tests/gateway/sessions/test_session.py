from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

import pytest

from gateway.runtime.feeds import SlowReader
from gateway.sessions.session import MAX_LAG, Session, SessionNews, SessionState

NOW = datetime(2026, 3, 2, tzinfo=UTC)


def _session() -> Session:
    return Session(
        id="a" * 32,
        client_id="alice",
        provider_id=1,
        connector=UUID(int=1),
        connector_id=1,
        ticket_id=None,
        opened_at=NOW,
        expires_at=NOW,
        ends_by=0.0,
        last_used=0.0,
    )


async def test_every_watcher_hears_what_happens_while_it_watches() -> None:
    session = _session()
    session.tell("lease", {"lease": "writer"})  # to nobody
    with session.watch() as one:
        session.tell("exchange", {"n": 1})
        with session.watch() as two:
            assert session.watched
            session.tell("exchange", {"n": 2})
        session.tell("exchange", {"n": 3})
        heard = [(await one.receive()).body["n"] for _ in range(3)]
        assert heard == [1, 2, 3]
        assert [news async for news in two] == [SessionNews("exchange", session.id, {"n": 2})]
    assert not session.watched


async def test_a_watcher_that_lags_is_cut_and_nobody_else() -> None:
    session = _session()
    with session.watch() as slow, session.watch() as quick:
        for number in range(MAX_LAG + 1):
            session.tell("exchange", {"n": number})
            assert (await quick.receive()).body["n"] == number
        with pytest.raises(SlowReader):
            await slow.receive()


async def test_the_end_of_a_session_ends_its_feeds() -> None:
    session = _session()
    with session.watch() as feed:
        session.tell("ended", {})
        session.end_watching()
        assert [news.kind async for news in feed] == ["ended"]
    session.state = SessionState.ENDED
    with session.watch() as late:
        assert [news async for news in late] == []
