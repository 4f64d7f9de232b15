from __future__ import annotations

from uuid import UUID

from gateway.links.jobs import FromConnector, JobPost
from protocols.link.jobs import FileRequest, JobReport
from protocols.link.messages import SessionClosed

HERE = UUID(int=1)


class Desk:
    def __init__(self) -> None:
        self.got: list[FromConnector] = []
        self.anew: list[UUID] = []
        self.gone: list[UUID] = []

    def take(self, connector: UUID, message: FromConnector) -> None:
        assert connector == HERE
        self.got.append(message)

    def begun_anew(self, connector: UUID) -> None:
        self.anew.append(connector)

    def left(self, connector: UUID) -> None:
        self.gone.append(connector)


def test_what_is_about_jobs_goes_to_the_desk_and_nothing_else() -> None:
    post, desk = JobPost(), Desk()
    report, request = JobReport("j", "running"), FileRequest(b"", 0, 1)
    assert post.take(HERE, report), "known as one, though nobody is there"
    post.begun_anew(HERE)
    post.left(HERE)
    post.desk = desk
    assert post.take(HERE, report)
    assert post.take(HERE, request)
    assert not post.take(HERE, SessionClosed("s", True))
    post.begun_anew(HERE)
    post.left(HERE)
    assert desk.got == [report, request]
    assert desk.gone == [HERE]
    assert desk.anew == [HERE]
