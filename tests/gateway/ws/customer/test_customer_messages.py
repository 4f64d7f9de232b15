from __future__ import annotations

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.domain.errors import Invalid
from gateway.ws.customer.messages import (
    Authenticate,
    Followed,
    Kind,
    Subscribe,
    Unsubscribe,
    parse,
)

NAME = UUID("497f6eca-6276-4993-bfeb-53cbbbba6f08")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            '{"action":"subscribeToConnector","connector_id":100000001}',
            Subscribe(Followed(Kind.CONNECTOR, 100_000_001)),
        ),
        (
            '{"action":"subscribeToTicket","ticket_id":"7"}',
            Subscribe(Followed(Kind.TICKET, 7)),
        ),
        (
            f'{{"action":"subscribeToConnection","connection_uuid":"{NAME}"}}',
            Subscribe(Followed(Kind.CONNECTION, NAME)),
        ),
        *(
            (
                f'{{"action":"unsubscribe{word}Ticket","ticket_id":7}}',
                Unsubscribe(Followed(Kind.TICKET, 7)),
            )
            for word in ("From", "To")
        ),
        *(
            (
                f'{{"action":"unsubscribe{word}Connector","connector_id":7}}',
                Unsubscribe(Followed(Kind.CONNECTOR, 7)),
            )
            for word in ("From", "To")
        ),
        *(
            (
                f'{{"action":"unsubscribe{word}Connection","connection_uuid":"{NAME}"}}',
                Unsubscribe(Followed(Kind.CONNECTION, NAME)),
            )
            for word in ("From", "To")
        ),
        ('{"action":"authenticate","access_token":"x.y.z"}', Authenticate("x.y.z")),
    ],
)
def test_every_spelling(text: str, message: object) -> None:
    assert parse(text) == message
    assert parse(text.encode()) == message


@pytest.mark.parametrize(
    ("text", "field"),
    [
        ("", None),
        ("{", None),
        ("[]", None),
        ("{}", "action"),
        ('{"action":7}', "action"),
        ('{"action":["subscribeToTicket"]}', "action"),
        ('{"action":"subscribeFromTicket","ticket_id":7}', "action"),
        ('{"action":"subscribeToTicket"}', "ticket_id"),
        ('{"action":"subscribeToTicket","ticket_id":-1}', "ticket_id"),
        ('{"action":"subscribeToTicket","ticket_id":9223372036854775808}', "ticket_id"),
        ('{"action":"subscribeToConnection","connection_uuid":7}', "connection_uuid"),
        ('{"action":"authenticate"}', "access_token"),
    ],
)
def test_what_is_no_message_names_the_member(text: str, field: str | None) -> None:
    with pytest.raises(Invalid) as caught:
        parse(text)
    assert caught.value.field == field


@given(st.binary(max_size=60) | st.text(max_size=60))
def test_anything_else_is_refused(data: str | bytes) -> None:
    with pytest.raises(Invalid):
        parse(data)


def test_updates_carry_the_action_of_their_subscription() -> None:
    assert [Followed(kind, 1).action for kind in Kind] == [
        "subscribeToConnector",
        "subscribeToTicket",
        "subscribeToConnection",
        "subscribeToChannel",
    ]
