from __future__ import annotations

from benchmarks.lines import Share, code_lines, measure, shares

SOURCE = '''"""A module.

Of some lines.
"""

# A comment.
NAME = (
    1,
)


def of() -> str:
    """Say so."""
    return """text
    that counts"""
'''


def test_lines_that_hold_code_count() -> None:
    assert code_lines(SOURCE) == 6
    assert code_lines("") == 0


def test_what_is_shared_is_divided() -> None:
    lines = {"routes.py": 40, "profiles/planner.py": 20, "catalogue/repair/sms.py": 60}
    assert shares(lines, {"planner": 10, "repair": 30}) == (
        Share("planner", 10, 20, 3.0, 0.0),
        Share("repair", 30, 60, 3.0, 2.0),
    )


def test_the_back_office_is_light() -> None:
    found = {share.api: share for share in measure()}
    assert set(found) == {"field_sales", "planner", "repair"}
    assert found["repair"].operations >= 220
    assert found["repair"].each < 30
    assert found["field_sales"].operations >= 435
    assert found["field_sales"].declared < 12
