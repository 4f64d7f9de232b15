"""What can go wrong for an operator's script, as exceptions with advice in them.

ClientError
    Misconfigured       no address, no credentials, a profile that cannot be read
    Unreachable         nothing answers at the address
    Interrupted         the connection broke while something was on its way
    Unreadable          an answer that makes no sense: is this a gateway?
    Ended               a stream is over, because its session, connector or bus is
    NegativeAnswer      the control unit refused
    Refused             the gateway refused; its code, status and advice
        SignInRefused   the credentials
        NoAnswer        the vehicle did not answer, or not in time
"""

from __future__ import annotations

import msgspec

from protocols.uds.names import negative_response_name, service_name


class ClientError(Exception):
    """Anything that this package raises by itself."""


class Misconfigured(ClientError):
    """The gateway's address or the operator's credentials are missing, or cannot be used."""


class Unreachable(ClientError):
    """The gateway cannot be reached."""


class Interrupted(ClientError):
    """The connection broke: whether the vehicle got the request is not known."""


class Unreadable(ClientError):
    """What came back is no answer of a gateway."""


class Ended(ClientError):
    """A stream is over: its session, its connector or its bus is gone."""


class NegativeAnswer(ClientError):
    """A control unit refused a request.

    Attributes:
        service: the request's service id.
        code: ISO 14229-1 table A.1.
        name: the code's name there.
    """

    def __init__(self, service: int, code: int) -> None:
        self.service = service
        self.code = code
        self.name = negative_response_name(code)
        super().__init__(
            f"{service_name(service)} was refused by the control unit: {self.name} ({code:02X})"
        )


class Problem(msgspec.Struct, frozen=True):
    """A refusal as the gateway spells it (RFC 9457)."""

    code: str = "unknown"
    title: str = "refused"
    status: int = 0
    detail: str = ""
    field: str | None = None


class Refused(ClientError):
    """The gateway said no.

    Attributes:
        code: stable name, ``area.reason``; what scripts match on.
        status: HTTP status.
        title: the class of refusal.
        detail: what is wrong and what to do about it.
        field: the offending input, where there is one.
    """

    def __init__(self, problem: Problem) -> None:
        self.code = problem.code
        self.status = problem.status
        self.title = problem.title
        self.detail = problem.detail
        self.field = problem.field
        super().__init__(f"{problem.detail or problem.title} [{problem.code}]")


class SignInRefused(Refused):
    """Client id or secret are wrong, or the operator has been disabled."""


class NoAnswer(Refused):
    """The vehicle did not answer, or not within its bounds."""


def refusal(problem: Problem) -> Refused:
    """Return the exception of a problem."""
    kind = NoAnswer if problem.status == 504 else Refused
    return kind(problem)


def read_problem(data: bytes, status: int) -> Problem:
    """Return the problem in a response's body; a proxy's page becomes one by its status."""
    try:
        return msgspec.json.decode(data, type=Problem)
    except msgspec.DecodeError:
        detail = f"The answer was HTTP status {status} without a problem document."
        return Problem(code=f"http.{status}", title="refused", status=status, detail=detail)
