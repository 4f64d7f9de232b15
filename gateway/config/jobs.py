"""Settings of transfer jobs."""

from __future__ import annotations

from dataclasses import dataclass

from gateway.config.kinds import Count, Seconds


@dataclass(frozen=True, slots=True)
class JobSettings:
    """Transfer jobs: flashing control units, and reading their memory.

    Attributes:
        largest_image: bytes of an image that operators may upload; larger answers 413. The largest
            control units of today take some 40 MB.
        uploads: uploads of images that may run at once.
        return_days: days that a job waits for a connector that is gone; then it has failed.
        image_days: days that an image is kept which no job uses, after it was uploaded or last
            used.
    """

    largest_image: Count = 64 << 20
    uploads: Count = 8
    return_days: Seconds = 7.0
    image_days: Seconds = 90.0
