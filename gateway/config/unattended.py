"""Settings of services that need no operator."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class UnattendedSettings:
    """Services without an operator.

    Attributes:
        procedures: YAML file of what is done for which product; replaces the procedures that come
            with the product.
    """

    procedures: Path | None = None
