"""Descriptions as the worker process reads them: what is in them, and what bytes mean."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from gateway.decoding.dbc import CanDatabase, DescriptionError
from gateway.decoding.pdx import Description, check_archive
from gateway.decoding.process import Shelf, serve
from gateway.decoding.questions import (
    LENGTH,
    Answer,
    Content,
    Examine,
    Explained,
    ExplainExchange,
    ExplainFrames,
    File,
    Question,
    Refused,
    answer_decoder,
    pack,
)
from tests.support.odx import archive, layer, pdx

DBC = Path("firmware_sim/vehicle/models/jazz.dbc")
ROOM = 64 << 20

ENGINE = (0x7E0, 0x7E8)


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("pdx") / "car"
    made.write_bytes(pdx())
    return made


@pytest.fixture(scope="module")
def description(path: Path) -> Description:
    return Description(path, ROOM)


def test_control_units_and_their_addresses_are_found(description: Description) -> None:
    (unit,) = description.content()["control_units"]
    assert unit == {
        "name": "Engine",
        "title": "Engine control",
        "addresses": [0x7E0, 0x7E8],
        "services": 2,
    }


def test_values_have_names_and_units(description: Description) -> None:
    answers = [bytes.fromhex("62F4055A"), bytes.fromhex("7F2231"), b"\x99"]
    told = description.explain(ENGINE, bytes.fromhex("22F405"), answers)
    assert told is not None
    asked, answer, refusal, unknown = told
    assert asked is not None
    assert (asked["service"], asked["title"]) == ("Read_Oil_Temperature", "Oil temperature")
    assert answer is not None
    assert answer["values"] == [{"name": "temperature", "value": 50, "unit": "°C"}]
    assert refusal is not None
    assert refusal["message"] == "NR"
    assert unknown is None


def test_trouble_codes_have_texts_and_unknown_ones_stay(description: Description) -> None:
    answer = bytes.fromhex("5902FF0301002F04200008")
    told = description.explain(ENGINE, bytes.fromhex("1902FF"), [answer])
    assert told is not None
    assert told[1] is not None
    values = {value["name"]: value for value in told[1]["values"]}
    assert values["faults[0].code"]["trouble_code"] == "P0301-00"
    assert values["faults[0].code"]["text"] == "Cylinder 1 misfire"
    assert values["faults[1].code"]["value"] == 0x042000
    assert values["faults[1].status"]["value"] == 8


def test_other_control_units_and_requests_are_not_explained(description: Description) -> None:
    assert description.explain((0x7E1, 0x7E9), bytes.fromhex("22F405"), []) is None
    assert description.explain(ENGINE, bytes.fromhex("2EF405"), []) is None
    assert description.explain(ENGINE, b"", []) is None


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"no archive", "zip archive"),
        (b"PK\x03\x04 cut off", "zip archive"),
        (archive({}), "no control unit"),
        (archive({"car.odx-d": "<ODX>"}), "cannot be read"),
        (archive({"car.odx-d": "<ODX MODEL-VERSION='2.2.0'><X/></ODX>"}), "cannot be read"),
        (archive({"car.odx-d": layer()}), "cannot be read"),  # its parameters are not there
        (archive({"zeros.bin": bytes(ROOM + 1)}), "too large"),
        (archive({f"{n}.txt": b"" for n in range(5_001)}), "too large"),
        (archive({"car.odx-d": "<!DOCTYPE x [<!ENTITY a 'b'>]><ODX/>"}), "document type"),
    ],
)
def test_what_is_no_pdx_file_says_why(tmp_path: Path, content: bytes, reason: str) -> None:
    path = tmp_path / "file"
    path.write_bytes(content)
    with pytest.raises(DescriptionError, match=reason):
        Description(path, ROOM)


def test_a_bomb_is_found_before_it_is_unpacked(tmp_path: Path) -> None:
    path = tmp_path / "file"
    bomb = archive({"car.odx-d": bytes(32 << 20)})
    assert len(bomb) < 100_000
    path.write_bytes(bomb)
    with pytest.raises(DescriptionError, match="too large"):
        check_archive(path, 1 << 20)


def test_signals_have_values_and_units() -> None:
    database = CanDatabase(DBC)
    content = database.content()
    assert content["messages"] == len(content["names"]) > 0
    known = next(iter(database._messages.values()))
    told = database.explain(known.frame_id, bytes(known.length), extended=known.is_extended_frame)
    assert told is not None
    assert told["message"] == known.name
    assert {signal["name"] for signal in told["signals"]} == {it.name for it in known.signals}
    assert database.explain(0x7FF, b"", extended=False) is None
    # Too short for its signals: those that are there.
    short = database.explain(known.frame_id, b"", extended=known.is_extended_frame)
    assert short is not None
    assert short["message"] == known.name


@pytest.mark.parametrize("content", [b"", b"BO_ 1 nonsense", b"\x81\x8d", b'VERSION ""\n'])
def test_what_is_no_dbc_file_says_so(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "file"
    path.write_bytes(content)
    with pytest.raises(DescriptionError, match="DBC file"):
        CanDatabase(path)


def talk(shelf: Shelf, *questions: Question) -> list[Answer]:
    said = io.BytesIO()
    serve(shelf, io.BytesIO(b"".join(map(pack, questions))), said)
    said.seek(0)
    answers = []
    while head := said.read(LENGTH.size):
        answers.append(answer_decoder.decode(said.read(*LENGTH.unpack(head))))
    return answers


def test_questions_are_answered_one_by_one(path: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken"
    broken.write_bytes(b"PK")
    car, other = File(str(path), "pdx"), File(str(broken), "pdx")
    database = File(str(DBC), "dbc")
    request, answer = bytes.fromhex("22F405"), bytes.fromhex("62F40500")
    known = next(iter(CanDatabase(DBC)._messages.values()))
    frame = (known.frame_id, known.is_extended_frame, bytes(known.length))
    content, refused, explained, nothing, frames = talk(
        Shelf(1, ROOM),
        Examine(car),
        Examine(other),
        ExplainExchange((other, car), ENGINE, request, (answer,)),
        ExplainExchange((other, database), ENGINE, request, (answer,)),
        ExplainFrames((car, database), (frame, (0x7FF, False, b""))),
    )
    assert isinstance(content, Content)
    assert isinstance(refused, Refused)
    assert isinstance(explained, Explained)
    assert explained.meanings[1] is not None
    assert nothing == Explained((None, None))
    assert isinstance(frames, Explained)
    assert [meaning and meaning["message"] for meaning in frames.meanings] == [known.name, None]


def test_the_shelf_keeps_the_last_used(path: Path) -> None:
    shelf = Shelf(1, ROOM)
    car, database = File(str(path), "pdx"), File(str(DBC), "dbc")
    first = shelf.take(car)
    assert shelf.take(car) is first
    shelf.take(database)
    assert shelf.take(car) is not first
