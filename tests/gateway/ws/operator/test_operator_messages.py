from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from gateway.domain.errors import Invalid
from gateway.sessions.targets import EcuAddress
from gateway.web.bodies import convert
from gateway.ws.operator.messages import (
    MOST_AT_ONCE,
    Authenticate,
    ClientMessage,
    ExchangeMessage,
    FilterSpec,
    Subscribe,
    Unsubscribe,
    parse,
    reference_in,
)

SESSION = "a" * 32


def read(document: dict[str, Any]) -> ClientMessage:
    # A union is a type to msgspec, but not to the type checker.
    message: ClientMessage = convert(document, ClientMessage)  # type: ignore[arg-type]
    return message


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ({"action": "authenticate", "access_token": "t"}, Authenticate("t")),
        (
            {"action": "subscribe", "session": SESSION, "stream": "news", "id": 7},
            Subscribe(SESSION, "news", reference=7),
        ),
        (
            {
                "action": "subscribe",
                "session": SESSION,
                "stream": "frames",
                "bus": "can0",
                "filters": [{"id": 0x7E8}, {"id": 1, "mask": 0, "extended": True}],
                "format": "json",
            },
            Subscribe(
                SESSION,
                "frames",
                "can0",
                (FilterSpec(0x7E8), FilterSpec(1, 0, extended=True)),
                "json",
            ),
        ),
        (
            {"action": "unsubscribe", "session": SESSION, "stream": "news"},
            Unsubscribe(SESSION, "news"),
        ),
        (
            {
                "action": "exchange",
                "id": "first",
                "session": SESSION,
                "ecu": {"functional": True},
                "request": "0902",
            },
            ExchangeMessage(SESSION, EcuAddress(functional=True), "0902", "first"),
        ),
    ],
)
def test_every_message_as_clients_spell_it(
    document: dict[str, Any], message: ClientMessage
) -> None:
    assert read(document) == message
    assert read(msgspec.to_builtins(message)) == message


@pytest.mark.parametrize(
    "document",
    [
        {},
        {"action": "close"},
        {"action": "authenticate"},
        {"action": "subscribe", "session": SESSION, "stream": "voltage"},
        {"action": "subscribe", "session": SESSION, "stream": "frames", "format": "xml"},
        {"action": "subscribe", "session": SESSION, "stream": "frames", "filters": [{"id": -1}]},
        {
            "action": "subscribe",
            "session": SESSION,
            "stream": "frames",
            "filters": [{"id": 1 << 29}],
        },
        {
            "action": "subscribe",
            "session": SESSION,
            "stream": "frames",
            "filters": [{"id": 1}] * 65,
        },
        {"action": "subscribe", "session": SESSION, "stream": "news", "id": "x" * 65},
        {"action": "exchange", "session": SESSION, "request": "3E00"},
        {"action": "exchange", "session": SESSION, "ecu": {"id": 1}, "request": "3E00"},
    ],
)
def test_anything_else_is_refused(document: dict[str, Any]) -> None:
    with pytest.raises(Invalid):
        read(document)


def test_an_array_holds_several_messages() -> None:
    one = '{"action":"exchange","id":1,"session":"s","ecu":{"functional":true},"request":"3E00"}'
    parsed = parse(f"[{one},{one}]")
    assert [type(message) for message in parsed] == [ExchangeMessage, ExchangeMessage]
    assert parse("[]") == []


def test_an_array_has_a_bound_and_says_so() -> None:
    one = '{"action":"unsubscribe","session":"s","stream":"news"}'
    assert len(parse(f"[{','.join([one] * MOST_AT_ONCE)}]")) == MOST_AT_ONCE
    with pytest.raises(Invalid) as refused:
        parse(f"[{','.join([one] * (MOST_AT_ONCE + 1))}]")
    assert refused.value.code == "socket.too_many"


@pytest.mark.parametrize("text", ['[{"action":"nap"}]', "[[]]", "[", '["\\u0000"]', "\\u0000"])
def test_a_bad_array_is_refused_with_a_sentence(text: str) -> None:
    with pytest.raises(Invalid) as refused:
        parse(text)
    assert refused.value.detail


@pytest.mark.parametrize(
    ("text", "reference"),
    [
        ('{"action":"nap","id":7}', 7),
        ('{"id":"a","action":"exchange","session":5}', "a"),
        ('{"action":"nap"}', None),
        ('{"action":"nap","id":[1]}', None),
        ('[{"action":"nap","id":7}]', None),
        ("{nap", None),
        ("[" * 100_000, None),
    ],
)
def test_a_refusal_can_be_told_from_others(text: str, reference: object) -> None:
    with pytest.raises(Invalid):
        parse(text)
    assert reference_in(text) == reference


def test_a_filter_that_no_frame_could_pass_is_refused() -> None:
    wide: dict[str, object] = {"id": 0x18DAF110}
    body = {"action": "subscribe", "session": SESSION, "stream": "frames", "filters": [wide]}
    with pytest.raises(Invalid) as refused:
        parse(json.dumps(body))
    assert "say extended" in refused.value.detail
    wide["extended"] = True
    (message,) = parse(json.dumps(body))
    assert isinstance(message, Subscribe)
