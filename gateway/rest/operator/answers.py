"""What the operator API answers, member by member.

Tests hold every answer that they get to these.
"""

from __future__ import annotations

from collections.abc import Iterator

from gateway.domain.ticket import TicketState
from gateway.sessions.recording.exporting import MEDIA
from gateway.storage.queries import recordings
from gateway.web.schemas import (
    COUNT,
    FREE,
    HEX,
    ID32,
    MOMENT,
    REAL,
    SHA256,
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
from protocols.diagnosis.transfer_state import JobState

#: Formats of recordings, as the query names them.
FORMATS = word(MEDIA)

_ROLE = word(("writer", "reader"))
_RECORDING = word(
    (
        recordings.RUNNING,
        recordings.WHOLE,
        recordings.CUT,
        recordings.FAILED,
        recordings.REMOVED,
    )
)


def answers() -> Iterator[tuple[str, Schema]]:
    """Yield names and schemas; a list of things has their name and an ``s``."""
    yield from _sessions()
    yield from _doors()
    yield from _evidence()
    yield from _jobs()
    yield from _tickets()
    yield from _connectors()


def _with_list(name: str, one: Schema, *, paged: bool = True) -> Iterator[tuple[str, Schema]]:
    yield name, one
    place = {"offset": COUNT, "limit": COUNT} if paged else {}
    yield f"{name}s", record(result=many(named(name)), total=COUNT, **place)


def _sessions() -> Iterator[tuple[str, Schema]]:
    session = record(
        id=ID32,
        state=word(("active", "ended")),
        lease=_ROLE,
        connector_uuid=UUID_TEXT,
        connector_id=WHOLE,
        ticket_id=nullable(WHOLE),
        opened_at=MOMENT,
        expires_at=MOMENT,
        exchanges=COUNT,
        ws=STRING,
    )
    yield from _with_list("Session", session, paged=False)
    values = many(
        record(
            ("trouble_code", "text"),
            name=STRING,
            value=nullable({"type": ["string", "number", "boolean"]}),
            unit=nullable(STRING),
            trouble_code=STRING,
            text=STRING,
        )
    )
    names = {"control_unit": STRING, "service": STRING, "title": STRING, "message": STRING}
    yield "Meaning", record(**names, values=values)
    response = record(
        ("decoded",),
        ecu=WHOLE,
        data=HEX,
        negative=nullable(record(code=WHOLE, name=STRING)),
        pending=COUNT,
        sent_at=MOMENT,
        received_at=MOMENT,
        decoded=nullable(named("Meaning")),
    )
    yield "Exchange", record(("decoded",), responses=many(response), decoded=named("Meaning"))
    yield (
        "Lease",
        record(
            session=ID32,
            connector_uuid=UUID_TEXT,
            lease=_ROLE,
            free=YES_NO,
            expires_at=nullable(MOMENT),
            take_over=nullable(record(by=nullable(STRING), moves_at=MOMENT)),
        ),
    )
    bus = record(
        name=STRING,
        kind=word(("can", "can-fd", "doip")),
        up=nullable(YES_NO),
        fault=STRING,
        bitrate=COUNT,
        data_bitrate=COUNT,
        listen_only=YES_NO,
        filters=COUNT,
    )
    yield "Bus", bus
    yield "Buses", record(result=many(named("Bus")), total=COUNT)


def _doors() -> Iterator[tuple[str, Schema]]:
    names = (
        *("connections", "accepted", "turned_away", "slow", "exchanges", "unmapped"),
        *("frames_shown", "frames_taken", "frames_lost"),
    )
    door: dict[str, Schema] = {
        "kind": word(("doip", "socketcand")),
        "host": STRING,
        "port": WHOLE,
        "tls": YES_NO,
        "trusted": many(STRING),
        "statistics": record(**dict.fromkeys(names, COUNT)),
    }
    yield from _with_list("Door", record(**door), paged=False)
    ecu = record(
        name=STRING,
        logical_address=nullable(WHOLE),
        bus=nullable(STRING),
        request_id=nullable(WHOLE),
        response_id=nullable(WHOLE),
    )
    bus = record(name=STRING, kind=STRING, bitrate=COUNT, key=STRING)
    yield (
        "OpenedDoor",
        record(
            ("buses",),
            **door,
            # A number for the OEM field of DoIP, the name of the first bus for socketcand.
            key={"type": ["integer", "string"]},
            ecus=many(ecu),
            buses=many(bus),
        ),
    )


def _evidence() -> Iterator[tuple[str, Schema]]:
    recording = record(
        session=ID32,
        state=_RECORDING,
        detail=nullable(STRING),
        connector_id=WHOLE,
        connector_uuid=UUID_TEXT,
        ticket_id=nullable(WHOLE),
        vin=nullable(STRING),
        parts=COUNT,
        bytes=COUNT,
        exchanges=COUNT,
        frames=COUNT,
        frames_lost=COUNT,
        began_at=MOMENT,
        ended_at=nullable(MOMENT),
    )
    yield from _with_list("Recording", recording)
    description = record(
        id=WHOLE,
        name=STRING,
        kind=word(("pdx", "dbc")),
        vin_prefix=STRING,
        bus=STRING,
        sha256=SHA256,
        size=COUNT,
        content=FREE,
        uploaded_by=STRING,
        created_at=MOMENT,
    )
    yield from _with_list("Description", description)


def _jobs() -> Iterator[tuple[str, Schema]]:
    counts = ("segment", "segments", "block", "blocks", "transferred", "total")
    job = record(
        id=ID32,
        kind=word(("transfer",)),
        direction=word(("download", "upload")),
        session=ID32,
        connector_uuid=UUID_TEXT,
        ticket_id=nullable(WHOLE),
        ecu=named("EcuAddress"),
        image=nullable(SHA256),
        state=word(state.value for state in JobState),
        step=STRING,
        **dict.fromkeys(counts, COUNT),
        bytes_per_second=COUNT,
        image_at_connector=COUNT,
        restarts=COUNT,
        seed=nullable(HEX),
        security_level=nullable(WHOLE),
        failure=nullable(STRING),
        detail=nullable(STRING),
        safe=nullable(YES_NO),
        result=nullable(SHA256),
        result_size=nullable(COUNT),
        created_at=MOMENT,
    )
    yield from _with_list("Job", job)
    image = record(sha256=SHA256, size=COUNT, uploaded_by=STRING, uploaded_at=MOMENT)
    yield from _with_list("Image", image)


def _tickets() -> Iterator[tuple[str, Schema]]:
    ticket = record(
        id=WHOLE,
        uuid=UUID_TEXT,
        state=word(state.name.lower() for state in TicketState),
        state_name=STRING,
        connector_id=nullable(WHOLE),
        connector_uuid=nullable(UUID_TEXT),
        vin=STRING,
        vehicle=many(STRING),
        reference=nullable(STRING),
        operator_id=nullable(STRING),
        held_until=nullable(MOMENT),
        products=many(record(item_number=STRING, name=STRING, quantity=WHOLE)),
        currency=STRING,
        total=STRING,
        created_at=MOMENT,
        finished_at=nullable(MOMENT),
    )
    yield from _with_list("OperatorTicket", ticket)
    yield (
        "OperatorServiceCenter",
        record(
            state=word(("opened", "closed", "scheduled")),
            schedule_ends_at=nullable(MOMENT),
            schedule_reason=nullable(STRING),
        ),
    )
    yield (
        "Note",
        record(
            id=STRING,
            ticket_id=WHOLE,
            value=STRING,
            created_at=MOMENT,
            attachments=many(record(file_name=STRING, url=STRING)),
        ),
    )
    sender = record(type=STRING, id=STRING, name=nullable(STRING))
    message = record(
        id=UUID_TEXT,
        number=WHOLE,
        channel_id=UUID_TEXT,
        ticket_id=nullable(WHOLE),
        type=STRING,
        sender=sender,
        content=STRING,
        attachment=nullable(record(file_name=STRING, file_reference=STRING)),
        created_at=MOMENT,
    )
    yield "Message", message
    yield "Messages", record(result=many(named("Message")))
    yield "FileLink", record(file_name=STRING, file_reference=STRING, url=STRING)


def _connectors() -> Iterator[tuple[str, Schema]]:
    options = ("tx_dl", "padding", "stmin", "block_size", "wait_limit")
    flags = {"fd": nullable(YES_NO), "brs": nullable(YES_NO)}
    ecu = record(
        name=STRING,
        bus=STRING,
        request_id=nullable(WHOLE),
        response_id=nullable(WHOLE),
        logical_address=nullable(WHOLE),
        extended=YES_NO,
        mode=STRING,
        target_address=nullable(WHOLE),
        source_address=nullable(WHOLE),
        address_extension=nullable(WHOLE),
        isotp=nullable(record(**flags, **dict.fromkeys(options, nullable(WHOLE)))),
    )
    connector = record(
        id=WHOLE,
        uuid=UUID_TEXT,
        online=YES_NO,
        since=nullable(MOMENT),
        vin=nullable(STRING),
        voltage=nullable(REAL),
        ignition=nullable(YES_NO),
        round_trip_ms=nullable(REAL),
        hardware_type=nullable({"type": ["string", "integer"]}),
        buses=many(named("Bus")),
        ecus=many(ecu),
    )
    yield from _with_list("Connector", connector)
