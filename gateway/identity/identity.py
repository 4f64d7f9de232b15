"""The face of identity: a token in, a principal out; and the parts that make the tokens.

A principal is remembered for a few seconds by its token, because an operator's script asks many
times a second. Whoever is disabled through this process is forgotten at once; what another
process did is noticed after ``REMEMBERED_FOR`` at the latest.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from typing import Generic, TypeVar
from uuid import UUID

import trio
from structlog.typing import FilteringBoundLogger

from gateway.config import Settings
from gateway.domain.clock import Clock
from gateway.domain.errors import Unavailable
from gateway.domain.principal import CustomerPrincipal, OperatorPrincipal, ShopPrincipal
from gateway.identity.admission import Admission
from gateway.identity.connectors import Connectors
from gateway.identity.employees import Employees
from gateway.identity.guarded import GuardedSignIn
from gateway.identity.hashing import SecretHasher
from gateway.identity.keyring import RELOAD_INTERVAL, KeyRing
from gateway.identity.operators import Operators
from gateway.identity.passwords import Passwords
from gateway.identity.sealing import Seal, load_seal
from gateway.identity.shop_tokens import ShopTokens
from gateway.identity.shops import Shops
from gateway.identity.sign_in import CustomerSignIn
from gateway.identity.tenants import Tenants
from gateway.identity.throttle import Throttle
from gateway.identity.tokens import Tokens, refused
from gateway.mail.postbox import Postbox
from gateway.storage.database import Database
from gateway.storage.queries import credentials
from gateway.storage.queries import identity as people

P = TypeVar("P")

#: Seconds a principal is remembered, and how many are.
REMEMBERED_FOR = 3.0
MOST_REMEMBERED = 4_096

#: Seconds a principal may go on while the database does not answer: live sessions outlive its
#: restart. Nobody can be disabled while it is away, so this bounds what one cut-off node allows.
OUTAGE_GRACE = 300.0

#: Seconds between two rounds of housekeeping.
HOUSEKEEPING_INTERVAL = 3_600.0


@dataclass(frozen=True, slots=True)
class _Remembered(Generic[P]):
    """A principal, and Trio's times until which it counts: usually, and in an outage."""

    principal: P
    until: float
    outage_until: float


class _Memory(Generic[P]):
    """The principals of the last few seconds, by token; bounded."""

    def __init__(self) -> None:
        self._known: OrderedDict[str, _Remembered[P]] = OrderedDict()

    def get(self, token: str) -> P | None:
        remembered = self._known.get(token)
        if remembered is None or remembered.until <= trio.current_time():
            return None
        return remembered.principal

    def get_in_outage(self, token: str) -> P | None:
        remembered = self._known.get(token)
        if remembered is None or remembered.outage_until <= trio.current_time():
            return None
        return remembered.principal

    def put(self, token: str, principal: P, seconds: float) -> None:
        now = trio.current_time()
        self._known.pop(token, None)
        self._known[token] = _Remembered(
            principal, now + min(seconds, REMEMBERED_FOR), now + min(seconds, OUTAGE_GRACE)
        )
        if len(self._known) > MOST_REMEMBERED:
            self._known.popitem(last=False)

    def clear(self) -> None:
        self._known.clear()


class Identity:
    """What doors and ports ask; made by :func:`open_identity`.

    Attributes:
        seal: the one secret outside the database.
        keys: what signs tokens.
        sign_in: customers come in by their connector.
        passwords: employees come in by email and password.
        employees: people of a garage.
        operators: operators are added and come in.
        shops: back-office users are added and come in.
        shop_tokens: their tokens.
        connectors: devices.
        tenants: providers and garages.
        tokens: for the public keys.
    """

    def __init__(
        self, database: Database, chosen: Settings, keys: KeyRing, seal: Seal, clock: Clock
    ) -> None:
        settings = chosen.security
        hasher, throttle = SecretHasher(settings), Throttle(settings)
        self._database = database
        self._clock = clock
        self.seal = seal
        self.keys = keys
        self._customers: _Memory[CustomerPrincipal] = _Memory()
        self._operators: _Memory[OperatorPrincipal] = _Memory()
        self.tokens = Tokens(keys, settings, clock)
        admission = Admission(self.tokens, settings, clock)
        guarded = GuardedSignIn(database, hasher, throttle, settings, clock)
        self.sign_in = CustomerSignIn(
            database, throttle, guarded, self.tokens, admission, settings, clock
        )
        postbox = Postbox(chosen.mail, seal.fernet)
        self.passwords = Passwords(
            database, hasher, throttle, guarded, admission, postbox, settings, clock
        )
        #: What counts guesses, by what is guessed at; several nodes count together.
        self.throttles = {"sign-in": throttle, "letters": self.passwords.requests}
        self.employees = Employees(database, self.passwords, clock, on_disabled=self.forget)
        self.operators = Operators(
            database, throttle, self.tokens, settings, clock, on_disabled=self.forget
        )
        self.shop_tokens = ShopTokens(database, clock)
        self.shops = Shops(database, hasher, guarded, self.shop_tokens, clock)
        self.connectors = Connectors(database, hasher, settings, clock, on_disabled=self.forget)
        self.tenants = Tenants(database, clock)

    async def customer(self, access_token: str) -> CustomerPrincipal:
        """Return whose access token it is.

        Raises:
            Unauthorized: it is not good, or they may not come in any more.
            Unavailable: the database does not answer, and they have not come in lately.
        """
        if (known := self._customers.get(access_token)) is not None:
            return known
        try:
            return await self._look_up_customer(access_token)
        except Unavailable:
            if (known := self._customers.get_in_outage(access_token)) is None:
                raise
            return known

    async def _look_up_customer(self, access_token: str) -> CustomerPrincipal:
        claims = await self.tokens.verify(access_token, "access", "customer")
        try:
            user_id, connector_id = UUID(claims.subject), claims.more.get("connector_id")
        except ValueError as error:
            raise refused() from error
        principal = await self._database.read(people.customer, user_id, connector_id)
        if principal is None:
            raise refused()
        seconds = (claims.expires_at - self._clock()).total_seconds()
        self._customers.put(access_token, principal, seconds)
        return principal

    async def operator(self, access_token: str) -> OperatorPrincipal:
        """Return whose access token it is.

        Raises:
            Unauthorized: it is not good, or they may not come in any more.
            Unavailable: the database does not answer, and they have not come in lately.
        """
        if (known := self._operators.get(access_token)) is not None:
            return known
        try:
            return await self._look_up_operator(access_token)
        except Unavailable:
            if (known := self._operators.get_in_outage(access_token)) is None:
                raise
            return known

    async def _look_up_operator(self, access_token: str) -> OperatorPrincipal:
        claims = await self.tokens.verify(access_token, "access", "operator")
        principal = await self.operators.present(claims.subject)
        if principal is None:
            raise refused()
        seconds = (claims.expires_at - self._clock()).total_seconds()
        self._operators.put(access_token, principal, seconds)
        return principal

    async def shop(self, api: str, token: str) -> ShopPrincipal:
        """Return whose back-office token it is; never remembered: ended is ended at once.

        Raises:
            Unauthorized: it is not good for this API.
        """
        return await self.shop_tokens.principal(api, token)

    def forget(self) -> None:
        """Look everybody up again at their next request: somebody was disabled."""
        self._customers.clear()
        self._operators.clear()

    async def keep_house(
        self,
        log: FilteringBoundLogger,
        *,
        task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
    ) -> None:
        """Follow and replace signing keys and delete what has expired, until cancelled."""
        task_status.started()
        clean_at = trio.current_time() + HOUSEKEEPING_INTERVAL
        while True:
            await trio.sleep_until(min(trio.current_time() + RELOAD_INTERVAL, clean_at))
            try:
                if trio.current_time() < clean_at:
                    await self.keys.reload()
                    continue
                clean_at = trio.current_time() + HOUSEKEEPING_INTERVAL
                rotated = await self.keys.rotate_if_due()
                removed = await self._database.write(credentials.prune, self._clock())
            except Unavailable:
                log.warning("identity_housekeeping_postponed")
            else:
                log.info("identity_housekeeping", key_rotated=rotated, removed=removed)


async def open_identity(database: Database, settings: Settings, clock: Clock) -> Identity:
    """Read or make the keys and return identity over ``database``.

    Raises:
        ConfigError: the key at rest is malformed, readable by others, or not the one that the
            stored signing keys were encrypted with.
        Unavailable: the database does not answer.
    """
    seal = await trio.to_thread.run_sync(load_seal, settings.security, settings.data.directory)
    keys = KeyRing(database, seal.fernet, settings.security, clock)
    await keys.open()
    return Identity(database, settings, keys, seal, clock)
