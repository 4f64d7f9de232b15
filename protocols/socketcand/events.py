"""What the machine asks of its driver."""

from __future__ import annotations

from dataclasses import dataclass

from protocols.can.frame import CanFrame
from protocols.socketcand.commands import IsotpConf, Mode


@dataclass(frozen=True, slots=True)
class SetupWanted:
    """Run a bus so; then call ``Connection.set_up`` or ``fail_setup``, which the client awaits.

    Attributes:
        name: what the client called the bus; it may be wrong.
        bitrate: bit/s, or ``None`` where it is not about that.
        listen_only: likewise.
    """

    name: str
    bitrate: int | None
    listen_only: bool | None


@dataclass(frozen=True, slots=True)
class BusOpened:
    """The client uses a bus; ``name`` is what it called it."""

    name: str


@dataclass(frozen=True, slots=True)
class ModeChanged:
    """The client works in another mode; what it wants to see may have changed."""

    mode: Mode


@dataclass(frozen=True, slots=True)
class FramesToSend:
    """Put these on the bus, in their order."""

    frames: tuple[CanFrame, ...]


@dataclass(frozen=True, slots=True)
class ChannelWanted:
    """Use this ISO-TP channel from now on; ``Connection.refuse`` tells what is wrong with it."""

    conf: IsotpConf


@dataclass(frozen=True, slots=True)
class PduToSend:
    """Send a message over the channel; answers go to ``Connection.show_pdu``."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Ended:
    """Send what ``data_to_send`` holds, then close."""

    reason: str


SocketcandEvent = (
    SetupWanted | BusOpened | ModeChanged | FramesToSend | ChannelWanted | PduToSend | Ended
)
