from __future__ import annotations

import h2.exceptions
import h11
import pytest
import wsproto.utilities

from gateway.web.protocol_errors import protocol_error_in

BROKEN = h11.LocalProtocolError("no upgrade")


@pytest.mark.parametrize(
    "error",
    [
        BROKEN,
        h11.RemoteProtocolError("no request"),
        h2.exceptions.FrameTooLargeError("long"),
        wsproto.utilities.LocalProtocolError("no message"),
    ],
)
def test_what_the_libraries_raise_is_the_peers(error: Exception) -> None:
    assert protocol_error_in(error) is error
    assert protocol_error_in(ExceptionGroup("nursery", [ExceptionGroup("n", [error])])) is error


@pytest.mark.parametrize(
    "error", [None, KeyError("ours"), ExceptionGroup("nursery", [BROKEN, KeyError("ours")])]
)
def test_what_is_ours_stays_ours(error: BaseException | None) -> None:
    assert protocol_error_in(error) is None
