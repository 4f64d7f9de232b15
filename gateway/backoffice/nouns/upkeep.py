"""What the gateway keeps for a garage by itself: when it did what, what search looks through."""

from __future__ import annotations

from gateway.backoffice.kinds import Identifier, Text
from gateway.backoffice.moments import Moment
from gateway.backoffice.noun import Column, Noun

#: One row for each job of a garage; held while the job runs, so that it runs once.
JOB = Noun(
    "job",
    (
        Column("name", Text(64), null=False, unique=True),
        Column("due_at", Moment(), null=False),
        Column("last_run_at", Moment()),
    ),
)

#: What the search looks through: one row for each record that can be found (``full_text``).
SEARCH_ENTRY = Noun(
    "search_entry",
    (
        Column("kind", Text(32), null=False),
        Column("record_id", Identifier(), null=False),
        # Folded words behind garage and kind, by single spaces: those of head, then the rest.
        Column("words", Text(0), null=False),
        # Those by which people call the record: a hit among them counts more.
        Column("head", Text(0), null=False),
    ),
    unique=(("kind", "record_id"),),
)

NOUNS = (JOB, SEARCH_ENTRY)
