"""udsoncan over the gateway: a script changes the line that makes its connection.

    connection = GatewayConnection("7E0:7E8", connector_uuid)
    with udsoncan.client.Client(connection, config=config) as tester: ...

P2, P2* and 0x78 are dealt with at the vehicle: what comes back is final. While a request is still
at work there, the script's own timers are told so with 0x78, as on a bus nearby: only the overall
``request_timeout`` bounds it, and ``nrc78_callback`` is called.
"""

from __future__ import annotations

from collections import deque
from concurrent.futures import Future, wait
from concurrent.futures import TimeoutError as NotYet
from functools import partial
from pathlib import Path
from typing import Self

from typing_extensions import override
from udsoncan.connections import BaseConnection
from udsoncan.exceptions import TimeoutException

from gateway.client.blocking import Client, Session
from gateway.client.errors import NoAnswer
from gateway.client.records import Response
from gateway.client.session import Unit
from gateway.client.subject import closing_on_error, open_subject
from protocols.uds.names import NEGATIVE_RESPONSE, RESPONSE_PENDING

#: Seconds that closing waits for the last request to have reached the vehicle.
LAST_LIMIT = 5.0


class GatewayConnection(BaseConnection):
    """One control unit behind the gateway, for udsoncan.

    Args:
        ecu: its name at the connector, ``7E0:7E8``, a logical address, or an address of
            :mod:`gateway.client.units`.
        subject: a connector's UUID, ``ticket:`` and a number, or a session's id; or a
            :class:`gateway.client.blocking.Session`, which stays open then.
        url, client_id, client_secret, profile: as of :class:`gateway.client.blocking.Client`.
        name: in log lines.
    """

    def __init__(
        self,
        ecu: Unit,
        subject: str | Session,
        *,
        url: str | None = None,
        client_id: str | None = None,
        client_secret: str | None = None,
        profile: Path | None = None,
        name: str | None = None,
    ) -> None:
        super().__init__(name)
        self._ecu = ecu
        self._subject = subject
        self._credentials = (url, client_id, client_secret)
        self._profile = profile
        self._client: Client | None = None
        self._session: Session | None = None
        self._ours = False
        self._asked: Future[tuple[Response, ...]] | None = None
        self._last: Future[tuple[Response, ...]] | None = None
        self._service = 0
        self._frames: deque[bytes] = deque()

    # --- life --------------------------------------------------------------------------------

    @override
    def open(self) -> Self:
        """Sign in and open the session; raises :class:`~gateway.client.errors.ClientError`."""
        if self._session is not None:
            return self
        if isinstance(self._subject, Session):
            self._session = self._subject
        else:
            self._client = Client(*self._credentials, profile=self._profile)
            with closing_on_error(self._client):
                self._session, self._ours = open_subject(self._client, self._subject)
        self._ecu = self._session.under_trio.address(self._ecu)
        return self

    @override
    def __enter__(self) -> Self:
        return self

    @override
    def __exit__(self, *_: object) -> None:
        self.close()

    @override
    def close(self) -> None:
        """End what :meth:`open` began."""
        self.empty_rxqueue()
        if self._last is not None:
            wait((self._last,), LAST_LIMIT)  # nobody waits for a suppressed answer, but for this
        session, self._session = self._session, None
        client, self._client = self._client, None
        try:
            if session is not None and self._ours:
                session.__exit__(None, None, None)
        finally:
            if client is not None:
                client.close()

    @override
    def is_open(self) -> bool:
        return self._session is not None

    # --- requests ----------------------------------------------------------------------------

    @override
    def specific_send(self, payload: bytes, timeout: float | None = None) -> None:
        session = self._session
        if session is None:
            raise RuntimeError("The connection is not open.")
        self._service = payload[0] if payload else 0
        exchange = partial(session.under_trio.exchange, decode=False)  # udsoncan decodes
        self._asked = self._last = session.portal.start(exchange, self._ecu, bytes(payload))

    @override
    def specific_wait_frame(self, timeout: float | None = None) -> bytes:
        if not self._frames:
            self._collect(timeout)
        if not self._frames:
            raise _too_late("No answer: a positive one was suppressed, or all were read.")
        return self._frames.popleft()

    def _collect(self, timeout: float | None) -> None:
        if self._asked is None:
            raise _too_late("Nothing was asked, so nothing comes.")
        try:
            responses = self._asked.result(timeout)
        except NotYet:
            if not timeout:
                raise _too_late("The request is still at work at the vehicle.") from None
            self._frames.append(bytes((NEGATIVE_RESPONSE, self._service, RESPONSE_PENDING)))
            return
        except NoAnswer as error:
            self._asked = None
            raise _too_late(str(error)) from error
        self._asked = None
        self._frames.extend(bytes(response.data) for response in responses)

    @override
    def empty_rxqueue(self) -> None:
        """Forget what was asked before; its answers are nobody's any more."""
        self._asked = None
        self._frames.clear()


def _too_late(text: str) -> TimeoutException:
    error: TimeoutException = TimeoutException(text)  # type: ignore[no-untyped-call]
    return error
