"""Rows that every garage begins with: tax rates, ledger accounts, kinds of leave.

They are planted once, when somebody first looks or a rule first needs them; a counter remembers
it, so that what a garage removed stays removed.
"""

from __future__ import annotations

from gateway.backoffice.noun import Noun
from gateway.backoffice.rules.numbering import FOREVER, next_count
from gateway.backoffice.shop import Shop


def missing(shop: Shop, noun: Noun) -> bool:
    """Tell whether the garage never had the rows that ``noun`` begins with."""
    return shop.find("counter", series=_series(noun), year=FOREVER) is None


def plant(shop: Shop, noun: Noun) -> None:
    """Store the rows, unless they were stored before."""
    # The counter's row is held to the commit: of two who plant at once, one counts to two.
    if missing(shop, noun) and next_count(shop, _series(noun)) == 1:
        shop.insert_all(noun.name, [dict(seed) for seed in noun.seeds])


def _series(noun: Noun) -> str:
    return f"seed.{noun.name}"[:32]
