"""What the partner API answers, member by member.

Tests hold every answer that they get to these.
"""

from __future__ import annotations

from collections.abc import Iterator

from gateway.domain.ticket import TicketState
from gateway.web.schemas import (
    COUNT,
    FREE,
    MOMENT,
    STRING,
    UUID_TEXT,
    WHOLE,
    YES_NO,
    Schema,
    many,
    named,
    nullable,
    record,
    word,
)


def answers() -> Iterator[tuple[str, Schema]]:
    """Yield names and schemas; a list of things has their name and an ``s``."""
    yield "Token", record(access_token=STRING, expires_in=COUNT, token_type=word(("Bearer",)))
    yield from _tickets()
    yield from _talk()
    yield from _customers()
    yield from _vehicles()


def _with_list(name: str, one: Schema) -> Iterator[tuple[str, Schema]]:
    yield name, one
    yield f"{name}s", record(query=FREE, result=many(named(name)), total=COUNT)


def _tickets() -> Iterator[tuple[str, Schema]]:
    given = {"outsource_provider_id": nullable(WHOLE), "outsource_ticket_id": nullable(UUID_TEXT)}
    moments = (
        *("created_at", "updated_at", "assigned_at", "service_started_at"),
        *("finished_at", "held_until"),
    )
    words = (
        *("customer_reference", "operator_id", "voucher_code", "external_reference"),
        *("preparer_external_reference", "operator_reference"),
    )
    ticket = record(
        id=UUID_TEXT,
        ticket_number=WHOLE,
        state=word(state.name.lower() for state in TicketState),
        customer_id=WHOLE,
        customer_connector_id=nullable(UUID_TEXT),
        customer_channel_id=nullable(UUID_TEXT),
        connection_id=UUID_TEXT,
        operator_channel_id=nullable(UUID_TEXT),
        cancel_reason_id=nullable(WHOLE),
        vehicle_model_id=nullable(WHOLE),
        vin=STRING,
        source_provider_id=nullable(WHOLE),
        externally_processed=YES_NO,
        vehicle_battery_voltage=nullable(word(("12v", "24v"))),
        outsourced=YES_NO,
        outsource_id=nullable(UUID_TEXT),
        reclaimable=YES_NO,
        **given,
        **dict.fromkeys(words, nullable(STRING)),
        **dict.fromkeys(moments, nullable(MOMENT)),
    )
    yield from _with_list("Ticket", ticket)
    outsource = record(
        id=UUID_TEXT,
        ticket_id=UUID_TEXT,
        ticket_number=WHOLE,
        provider_id=WHOLE,
        source_provider_id=WHOLE,
        state=STRING,
        operator_id=nullable(STRING),
        operator_channel_id=nullable(UUID_TEXT),
        cancel_reason_id=nullable(WHOLE),
        created_at=MOMENT,
        assigned_at=nullable(MOMENT),
        finished_at=nullable(MOMENT),
    )
    yield from _with_list("Outsource", outsource)
    yield from _with_list("Provider", record(id=WHOLE, name=STRING))


def _talk() -> Iterator[tuple[str, Schema]]:
    yield (
        "ServiceCenter",
        record(
            state=word(("opened", "closed", "scheduled")),
            schedule_ends_at=nullable(MOMENT),
            schedule_reason=nullable(STRING),
        ),
    )
    message = record(
        id=UUID_TEXT,
        content=STRING,
        created_at=MOMENT,
        sender=record(type=STRING, id=STRING, name=nullable(STRING)),
        type=STRING,
        attachment=nullable(record(file_name=STRING, file_reference=STRING)),
        redacted=YES_NO,
    )
    yield "Message", message
    yield "Messages", record(result=many(named("Message")), next_token=nullable(STRING))
    event = record(id=STRING, type=STRING, occurred_at=MOMENT, payload=FREE)
    yield from _with_list("Event", event)


def _customers() -> Iterator[tuple[str, Schema]]:
    parts = ("street", "postal_code", "locality", "country")
    address = record(**dict.fromkeys(parts, nullable(STRING)))
    customer = record(
        id=WHOLE,
        company_name=STRING,
        number=nullable(STRING),
        reference=nullable(STRING),
        location_id=WHOLE,
        address=address,
    )
    yield from _with_list("Customer", customer)
    yield "Location", record(id=WHOLE, customer_id=WHOLE, address=address)
    connector = record(
        id=UUID_TEXT,
        customer_id=WHOLE,
        name=WHOLE,
        pin={"type": "null"},
        type=word(("physical", "virtual")),
        hardware_version=nullable({"type": ["integer", "string"]}),
        software_version=nullable({"type": ["integer", "string"]}),
    )
    yield from _with_list("Connector", connector)
    contact = record(
        id=UUID_TEXT,
        customer_id=WHOLE,
        location_id=WHOLE,
        label=STRING,
        email_address=nullable(STRING),
        phone_number=nullable(STRING),
    )
    yield from _with_list("ContactPoint", contact)
    employee = record(
        id=UUID_TEXT,
        customer_id=WHOLE,
        contact_point_id=nullable(UUID_TEXT),
        given_name=STRING,
        family_name=STRING,
        username=nullable(STRING),
        correspondence_locale=nullable(STRING),
        enabled=YES_NO,
    )
    yield from _with_list("Employee", employee)


def _vehicles() -> Iterator[tuple[str, Schema]]:
    known = {"id": WHOLE, "enabled": YES_NO, "name": STRING}
    yield from _with_list("Make", record(**known))
    yield from _with_list("ModelGroup", record(**known, make_id=WHOLE))
    day = nullable({"type": "string", "format": "date"})
    model = record(
        **known,
        make_id=WHOLE,
        model_group_id=WHOLE,
        manufactured_from=day,
        manufactured_till=day,
    )
    yield from _with_list("Model", model)
