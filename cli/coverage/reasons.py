"""Functions of the MMU whose lines do not count, each with why: no theorem of ours would be about them."""

from __future__ import annotations

import enum
from collections.abc import Mapping


class Uncounted(enum.Enum):
    """Why the lines of a function do not count."""

    CONCURRENCY = "locks, RCU and lifetimes"
    ALLOCATION = "memory that is taken and given back"
    STATISTICS = "counters that nobody but a reader looks at"
    PARAMETERS = "module parameters"
    DEBUGGING = "tracing and self-checks"


REASONS: Mapping[Uncounted, tuple[str, ...]] = {}
