"""What schemathesis checks on top of its own: refusals of data name what is wrong."""

from __future__ import annotations

import schemathesis
from schemathesis import CheckContext, Response

#: Refusals of a body as a whole: there is no member to name.
WHOLE = {"body.malformed", "body.missing", "http.bad_request"}


@schemathesis.check
def refusals_name_the_field(_context: CheckContext, response: Response, _case: object) -> None:
    """A 400 or 422 tells which part of the request is wrong."""
    if response.status_code not in {400, 422}:
        return
    problem = response.json()
    assert problem["detail"], "the refusal says nothing"
    # What is no object at all has no member to name either.
    if problem["code"] not in WHOLE and not problem["detail"].startswith("Expected `object`"):
        assert problem.get("field"), f"{problem['code']} names no field: {problem['detail']}"
