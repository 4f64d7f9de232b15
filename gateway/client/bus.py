"""python-can over the gateway: a bus of a vehicle that is elsewhere.

    bus = can.Bus(interface="diagnostic-gateway", channel=connector_uuid, bus="can0",
                  url="https://gateway.example.org", client_id=..., client_secret=...)

``channel`` is a connector's UUID, ``ticket:NUMBER``, or the id of a session that is open already.
Time stamps are those of the connector, on the gateway's clock. Frames that this program, the
network or the connector were too slow for are counted in ``bus.dropped``.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from contextlib import suppress
from threading import Condition
from typing import Any

import can
import trio
from can.typechecking import AutoDetectedConfig, CanFilters
from typing_extensions import override

from gateway.client.blocking import Client, Session
from gateway.client.errors import ClientError, Misconfigured
from gateway.client.mailbox import Mailbox
from gateway.client.records import Bus
from gateway.client.streams import Frames, FrameStream
from gateway.client.subject import open_subject
from protocols.can.filters import CanFilter
from protocols.can.frame import MAX_STANDARD_ID, CanFrame, problem

#: Frames that may wait for the program: four seconds of a full bus at 500 kbit/s.
RECEIVE_QUEUE = 16_384

#: Frames that may wait for the network, and that leave at once together.
SEND_QUEUE, AT_ONCE = 4_096, 256

#: Filters that the gateway takes.
MOST_FILTERS = 64

#: Seconds that shutting down waits for frames that are still to be sent.
FLUSH_LIMIT = 5.0


class GatewayBus(can.BusABC):
    """A CAN bus at a connector.

    Args:
        channel: connector, ticket or session.
        can_filters: which frames; the connector chooses, so that others cost nothing.
        bus: its name, the first CAN bus if left out.
        url, client_id, client_secret: as of :class:`gateway.client.blocking.Client`.
        host, port: in place of ``url``, for gateways without TLS.
        bitrate, data_bitrate, listen_only: have the bus run so until the session ends.
        kwargs: what python-can puts there for everybody; not looked at.

    Raises:
        can.CanInitializationError: wrong arguments or credentials, or the gateway said no.
    """

    def __init__(
        self,
        channel: Any,  # as python-can has it
        can_filters: CanFilters | None = None,
        bus: str = "",
        url: str | None = None,
        host: str | None = None,
        port: int | None = None,
        client_id: str | None = None,
        client_secret: str | None = None,
        bitrate: int | None = None,
        data_bitrate: int | None = None,
        listen_only: bool | None = None,
        **kwargs: object,
    ) -> None:
        if url is None and host is not None:
            url = f"http://{host}:{port or 8080}"
        order = {"bitrate": bitrate, "data_bitrate": data_bitrate, "listen_only": listen_only}
        self._client: Client | None = None
        self._session: Session | None = None
        try:
            self._client = Client(url, client_id, client_secret)
            self._session, self._ours = open_subject(self._client, str(channel))
            self._bus = self._prepare(bus, {k: v for k, v in order.items() if v is not None})
            self._stream = _Stream(self._session, self._bus, to_filters(can_filters))
        except ClientError as error:
            self._close()
            raise can.CanInitializationError(str(error)) from error
        self._outbox = _Outbox(self._session, self._bus.name)
        self.channel_info = f"diagnostic-gateway {channel} {self._bus.name}"
        if self._bus.kind == "can-fd":
            self._can_protocol = can.CanProtocol.CAN_FD
        super().__init__(channel, can_filters, **kwargs)

    def _prepare(self, name: str, order: dict[str, Any]) -> Bus:
        session = self._open_session()
        bus = session.under_trio.bus(name)
        if order:
            session.configure_bus(bus.name, **order)
        return bus

    def _open_session(self) -> Session:
        if self._session is None:
            raise can.CanOperationError("The bus is shut down.")
        return self._session

    @property
    def dropped(self) -> int:
        """Frames that were lost on their way here, wherever that was."""
        return self._stream.lost + self._stream.mailbox.dropped

    @property
    def session(self) -> Session:
        """The session, for whatever a bus cannot do."""
        return self._open_session()

    # --- python-can --------------------------------------------------------------------------

    @override
    def _recv_internal(self, timeout: float | None) -> tuple[can.Message | None, bool]:
        try:
            return self._stream.mailbox.get(timeout), False
        except ClientError as error:
            raise can.CanOperationError(str(error)) from error

    @override
    def send(self, msg: can.Message, timeout: float | None = None) -> None:
        """Put a frame on its way, waiting up to ``timeout`` seconds for room.

        Raises:
            can.CanOperationError: there is no such frame, the session only reads or is over, or
                the gateway did not take earlier frames.
            can.CanTimeoutError: no room in time.
        """
        self._require_lease()
        frame = to_frame(msg)
        if (why := problem(frame)) is not None or (frame.fd and self._bus.kind == "can"):
            raise can.CanOperationError(why or "This bus is classic CAN: it takes no CAN-FD.")
        self._outbox.put(frame, timeout)

    def _require_lease(self) -> None:
        session = self._open_session()
        if session.record.lease == "writer":
            return  # as far as is known here; else the gateway says so
        try:
            lease = session.refresh().lease
        except ClientError as error:
            raise can.CanOperationError(str(error)) from error
        if lease != "writer":
            raise can.CanOperationError(
                "Another session has the lease on this vehicle: this one only listens."
            )

    @override
    def flush_tx_buffer(self) -> None:
        """Discard what has not been sent."""
        self._outbox.clear()

    @override
    def _apply_filters(self, filters: CanFilters | None) -> None:
        self._stream.choose(to_filters(filters))

    @override
    def shutdown(self) -> None:
        """Send what waits, within a bound, and end what was begun."""
        if self._is_shutdown:
            return
        super().shutdown()
        self._outbox.wait_empty(FLUSH_LIMIT)
        self._close()

    def _close(self) -> None:
        session, self._session = self._session, None
        client, self._client = self._client, None
        with suppress(ClientError):
            if session is not None and self._ours:
                session.end()  # after the frames that were sent
        if client is not None:
            client.close()

    @staticmethod
    @override
    def _detect_available_configs() -> Sequence[AutoDetectedConfig]:
        """Return the buses of connectors that are online at the environment's gateway."""
        if not os.environ.get("GATEWAY_URL"):
            return []
        try:
            with Client() as client:
                found = client.connectors()
        except ClientError:
            return []
        return [
            # Any: more members than the type has, as other interfaces have them too.
            _config(interface="diagnostic-gateway", channel=connector.uuid, bus=bus.name)
            for connector in found
            for bus in connector.buses
            if bus.kind != "doip"
        ]


def _config(**members: Any) -> AutoDetectedConfig:
    config: Any = members
    found: AutoDetectedConfig = config
    return found


class _Stream:
    """Frames on their way to the program."""

    def __init__(self, session: Session, bus: Bus, filters: tuple[CanFilter, ...]) -> None:
        self.mailbox: Mailbox[can.Message] = Mailbox(RECEIVE_QUEUE)
        self.lost = 0
        self._session = session
        self._bus = bus
        self._filters = filters
        self._scope: trio.CancelScope | None = None
        self._following = self._begin()

    def _begin(self) -> Future[None]:
        """Begin to follow; raises ``ClientError`` where the gateway said no."""
        begun: Future[None] = Future()
        following = self._session.portal.start(self._follow, begun)
        wait((begun, following), return_when=FIRST_COMPLETED)
        if following.done():
            following.result()
        return following

    async def _follow(self, begun: Future[None]) -> None:
        with trio.CancelScope() as self._scope:
            async with self._session.under_trio.frames(self._bus.name, self._filters) as stream:
                begun.set_result(None)
                try:
                    await self._pump(stream)
                except ClientError as error:
                    self.mailbox.close(error)

    async def _pump(self, stream: FrameStream) -> None:
        async for frames in stream:
            self.lost += frames.dropped
            self.mailbox.put_all(_messages(frames, self._bus.name))

    def choose(self, filters: tuple[CanFilter, ...]) -> None:
        """Follow these frames from now on."""
        if filters == self._filters:
            return
        self._filters = filters
        if self._scope is not None:
            self._session.portal.call_soon(self._scope.cancel)
        wait((self._following,), 5.0)
        try:
            self._following = self._begin()
        except ClientError as error:
            raise can.CanOperationError(str(error)) from error


class _Outbox:
    """Frames on their way to the bus: many leave together, one after the other."""

    def __init__(self, session: Session, bus: str) -> None:
        self._session = session
        self._bus = bus
        self._frames: deque[CanFrame] = deque()
        self._changed = Condition()
        self._sending = False
        self._refused: ClientError | None = None

    def put(self, frame: CanFrame, timeout: float | None) -> None:
        with self._changed:
            if not self._changed.wait_for(self._has_room, timeout):
                raise can.CanTimeoutError("The network is slower than this program sends.")
            refused, self._refused = self._refused, None
            if refused is not None:
                raise can.CanOperationError(str(refused)) from refused
            self._frames.append(frame)
            begin, self._sending = not self._sending, True
        if begin:
            try:
                self._session.portal.start(self._send_all)
            except Misconfigured as error:
                raise can.CanOperationError(str(error)) from error

    def _has_room(self) -> bool:
        return len(self._frames) < SEND_QUEUE or self._refused is not None

    async def _send_all(self) -> None:
        while frames := self._take():
            try:
                await self._session.under_trio.send_frames(frames, self._bus)
            except ClientError as error:
                with self._changed:
                    self._refused = error
                    self._frames.clear()
                    self._changed.notify_all()

    def _take(self) -> list[CanFrame]:
        """Return what goes next; with nothing left, this round of sending is over."""
        with self._changed:
            frames = [self._frames.popleft() for _ in range(min(AT_ONCE, len(self._frames)))]
            self._sending = bool(frames)
            self._changed.notify_all()
            return frames

    def clear(self) -> None:
        with self._changed:
            self._frames.clear()
            self._changed.notify_all()

    def wait_empty(self, timeout: float) -> None:
        with self._changed:
            self._changed.wait_for(lambda: not self._sending, timeout)


def _messages(frames: Frames, channel: str) -> Iterable[can.Message]:
    for frame in frames.frames:
        yield can.Message(
            timestamp=frames.seconds(frame),
            arbitration_id=frame.id,
            is_extended_id=frame.extended,
            is_remote_frame=frame.remote,
            is_error_frame=frame.error,
            is_fd=frame.fd,
            bitrate_switch=frame.brs,
            data=frame.data,
            channel=channel,
        )


def to_frame(msg: can.Message) -> CanFrame:
    """Return a python-can message as a frame; a remote frame's length is not carried."""
    return CanFrame(
        msg.arbitration_id,
        b"" if msg.is_remote_frame else bytes(msg.data),
        msg.is_extended_id,
        msg.is_fd,
        msg.bitrate_switch,
        msg.is_remote_frame,
        msg.is_error_frame,
    )


def to_filters(filters: CanFilters | None) -> tuple[CanFilter, ...]:
    """Return python-can's rules as the connector knows them; without ``extended`` one is two.

    None at all where they are more than the gateway takes: python-can looks at each frame itself.
    """
    found: list[CanFilter] = []
    for rule in filters or ():
        wanted, mask = rule["can_id"], rule["can_mask"]
        extended = rule.get("extended")
        if extended is not True and wanted & mask <= MAX_STANDARD_ID:
            found.append(CanFilter(wanted & MAX_STANDARD_ID, mask & MAX_STANDARD_ID))
        if extended is not False:
            found.append(CanFilter(wanted & 0x1FFFFFFF, mask & 0x1FFFFFFF, extended=True))
    return tuple(found) if len(found) <= MOST_FILTERS else ()
