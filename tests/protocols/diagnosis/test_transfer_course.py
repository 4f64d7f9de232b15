from __future__ import annotations

import pytest

from protocols.diagnosis.transfer_course import AHEAD_PIECES, Course
from protocols.link.jobs import PIECE_SIZE, Recovery, Segment, Start
from tests.support.transfer_bench import download, upload


def test_a_place_is_told_for_people() -> None:
    course = Course(download())
    assert course.place().segment == 0
    while course.place().step != "transfer data":
        course.advance()
        operation = course.operation
        assert operation is not None
        if operation.name == "request download":
            course.begin_segment(operation.segment)
    course.going().opened(bytes.fromhex("74200022"))
    place = course.place()
    assert (place.segment, place.segments, place.block, place.blocks) == (1, 2, 1, 10)
    assert (place.transferred, place.total) == (0, 400)
    while course.operation is not None:
        course.advance()
    assert (course.place().transferred, course.place().segment) == (400, 2)


@pytest.mark.parametrize(("recovery", "first"), [("whole", "10 83"), ("segment", "10 83")])
def test_going_back_begins_with_the_session(recovery: str, first: str) -> None:
    course = Course(download(recovery=Recovery(recovery)))
    course.rewind(1)
    steps = []
    while course.operation is not None:
        steps.append(course.operation.name)
        course.advance()
    assert steps[0] == first
    assert steps.count("transfer data") == (2 if recovery == "whole" else 1)


def test_a_segment_that_was_not_requested_has_no_data() -> None:
    with pytest.raises(AssertionError, match="requests a segment"):
        Course(download()).going()


def test_how_much_of_an_image_is_enough() -> None:
    image = bytes(8 * PIECE_SIZE)
    whole = download(image, segments=(Segment(0, len(image)),))
    assert Course(whole).enough() == len(image)
    ahead = download(image, segments=whole.segments, start=Start.AHEAD)
    assert Course(ahead).enough() == AHEAD_PIECES * PIECE_SIZE
    assert Course(upload()).enough() == 0
