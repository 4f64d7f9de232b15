"""What a job has opened in the vehicle and must close again, whatever happens.

A debt is noted before the request that makes it goes out, because its answer may be lost. The
default session ends what belongs to others (ISO 14229-1, 10.2: communication control and DTC
setting go back to normal with it), and a reset ends everything.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import msgspec

from protocols.diagnosis.transfer_conflict import is_functional
from protocols.link.vehicle import Target

_SESSION, _RESET, _COMMUNICATION, _DTC_SETTING = 0x10, 0x11, 0x28, 0x85
_SUPPRESS = 0x80
_DEFAULT_SESSION = 1
_DTC_ON, _DTC_OFF = 1, 2

#: In which order debts are paid: the default session last, because without another session the
#: other two services are refused.
_ORDER = (_COMMUNICATION, _DTC_SETTING, _SESSION)


class Debt(msgspec.Struct, frozen=True, array_like=True):
    """Something to undo.

    Attributes:
        functional: at everybody, and not at the control unit alone.
        request: what undoes it.
    """

    functional: bool
    request: bytes

    @property
    def service(self) -> int:
        """Which service undoes it."""
        return self.request[0]


class Debts:
    """The debts of one job."""

    def __init__(self, debts: Iterable[Debt] = ()) -> None:
        self._debts = {(debt.functional, debt.service): debt for debt in debts}

    def __bool__(self) -> bool:
        return bool(self._debts)

    @property
    def shared(self) -> bool:
        """Other control units than the job's own are in a session because of it."""
        return (True, _SESSION) in self._debts

    @property
    def session(self) -> bool:
        """The job's own control unit is in another session than its default one."""
        return (False, _SESSION) in self._debts or self.shared

    def owed(self) -> tuple[Debt, ...]:
        """Return what is to be undone, in the order to do it."""
        return tuple(
            sorted(
                self._debts.values(),
                key=lambda debt: (_ORDER.index(debt.service), not debt.functional),
            )
        )

    def asked(self, request: bytes, *, functional: bool) -> bool:
        """Take note of a request that goes out; tell whether there is a new debt."""
        undo = _undo(request, functional=functional)
        if undo is None:
            return False
        debt = Debt(functional, undo)
        key = (functional, debt.service)
        if self._debts.get(key) == debt:
            return False
        self._debts[key] = debt
        return True

    def answered(self, request: bytes, *, functional: bool) -> None:
        """Take note of a request that was carried out."""
        service, kind = request[0], request[1] & ~_SUPPRESS if len(request) > 1 else 0
        if service == _RESET or (service == _SESSION and kind == _DEFAULT_SESSION):
            self._settle(functional, *_ORDER)
        elif service == _COMMUNICATION and kind == 0:
            self._settle(functional, _COMMUNICATION)
        elif service == _DTC_SETTING and kind == _DTC_ON:
            self._settle(functional, _DTC_SETTING)

    def settle(self, debt: Debt) -> None:
        """Take note that a debt is paid."""
        self._debts.pop((debt.functional, debt.service), None)

    def _settle(self, functional: bool, *services: int) -> None:
        for service in services:
            self._debts.pop((functional, service), None)
            if functional:  # it has reached the job's own control unit too
                self._debts.pop((False, service), None)


def inherited(opened: Iterable[Target]) -> Iterator[Debt]:
    """Yield the debts of control units that somebody else has brought into another session."""
    for target in opened:
        functional = is_functional(target)
        suppress = _SUPPRESS if functional else 0
        yield Debt(functional, bytes((_SESSION, _DEFAULT_SESSION | suppress)))


def _undo(request: bytes, *, functional: bool) -> bytes | None:
    if len(request) < 2:
        return None
    kind = request[1] & ~_SUPPRESS
    # Nobody gathers answers of everybody to find out that all is well.
    suppress = _SUPPRESS if functional else 0
    match request[0]:
        case 0x10 if kind != _DEFAULT_SESSION:
            return bytes((_SESSION, _DEFAULT_SESSION | suppress))
        case 0x28 if kind != 0:
            return bytes((_COMMUNICATION, suppress)) + request[2:3]
        case 0x85 if kind == _DTC_OFF:
            return bytes((_DTC_SETTING, _DTC_ON | suppress))
        case _:
            return None
