"""Where what connectors say of transfer jobs and files goes: one post for all of them."""

from __future__ import annotations

from typing import Protocol
from uuid import UUID

from protocols.link.jobs import FileChunk, FileRefused, FileRequest, JobReport
from protocols.link.messages import Message

#: What a connector may say of jobs and files.
FromConnector = JobReport | FileRequest | FileChunk | FileRefused


class JobDesk(Protocol):
    """Whoever looks after jobs; nothing here may block or raise."""

    def take(self, connector: UUID, message: FromConnector) -> None:
        """Take what a connector says."""
        ...

    def begun_anew(self, connector: UUID) -> None:
        """A connector is there, and nothing of an earlier link reaches it any more."""
        ...

    def left(self, connector: UUID) -> None:
        """A connector is at another node, which looks after its jobs from now on."""
        ...


class JobPost:
    """Hands on what comes; until somebody looks after jobs, there are none."""

    def __init__(self) -> None:
        self.desk: JobDesk | None = None

    def take(self, connector: UUID, message: Message) -> bool:
        """Hand on a message, if it is one about jobs; tell whether it is."""
        if not isinstance(message, FromConnector):
            return False
        if self.desk is not None:
            self.desk.take(connector, message)
        return True

    def begun_anew(self, connector: UUID) -> None:
        """Hand on that a connector begins anew."""
        if self.desk is not None:
            self.desk.begun_anew(connector)

    def left(self, connector: UUID) -> None:
        """Hand on that a connector is at another node."""
        if self.desk is not None:
            self.desk.left(connector)
