"""Release series of the kernel: which of those that are known a release belongs to, or comes after."""

from __future__ import annotations

import re
from collections.abc import Iterable


def latest_before(release: str, known: Iterable[str]) -> str | None:
    """The last of some series that a release belongs to or comes after; None if it is older than all, or unnumbered.

    Args:
        release: ``7.2.13``, ``7.4.0-rc1``.
        known: series, as ``7.2``.
    """
    now = number(release)
    return max((series for series in known if now and number(series) <= now), key=number, default=None)


def number(release: str) -> tuple[int, ...]:
    """The two numbers of a release's series; none if it does not begin with them."""
    found = re.match(r"(\d+)\.(\d+)", release)
    return (int(found[1]), int(found[2])) if found else ()
