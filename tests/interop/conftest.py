"""A whole gateway for clients that know nothing of it."""

from __future__ import annotations

from tests.end_to_end.conftest import folder, furnished_folder, house

__all__ = ["folder", "furnished_folder", "house"]
