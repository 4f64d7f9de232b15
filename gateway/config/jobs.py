"""Settings of transfer jobs."""

from __future__ import annotations

from dataclasses import dataclass

from gateway.config.kinds import Count


@dataclass(frozen=True, slots=True)
class JobSettings:
    """Transfer jobs: flashing control units, and reading their memory.

    Attributes:
        largest_image: bytes of an image that operators may upload; larger answers 413. The largest
            control units of today take some 40 MB.
        uploads: uploads of images that may run at once.
    """

    largest_image: Count = 64 << 20
    uploads: Count = 8
