"""Ours and theirs are different kinds, and theirs carries the prescribed answer."""

from protocols.errors import LocalProtocolError, ProtocolError, RemoteProtocolError


def test_both_kinds_are_protocol_errors_and_never_each_other() -> None:
    assert issubclass(LocalProtocolError, ProtocolError)
    assert issubclass(RemoteProtocolError, ProtocolError)
    assert not issubclass(RemoteProtocolError, LocalProtocolError)


def test_a_remote_error_carries_the_answer_that_the_standard_prescribes() -> None:
    error = RemoteProtocolError("routine unknown", code=0x31)
    assert (str(error), error.code) == ("routine unknown", 0x31)
    assert RemoteProtocolError("silence").code is None
