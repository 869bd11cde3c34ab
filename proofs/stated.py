"""What has been stated of released kernels: for each result its parts, by the series that have them.

A theorem that is stated of a release is stated of what comes after it, part by part, or it is lost.  ``stated.json`` is
made by ``make stated``.  It also says which parts are stated only with a certain symbol of the configuration.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources

from mmuproof.model.series import latest_before, number
from mmuproof.model.vendor import Vendor

FILE = "stated.json"
WITH = "with "
"""What the entries begin with that say what is stated only with a symbol of the configuration."""
_ASSERTED = re.compile(r": [\w.]+\(\)$")


def kind_of(part: str) -> str:
    """What of a part has to stay: which function is run, and not in which of those it calls an assertion stands."""
    return _ASSERTED.sub("", part)


@dataclass(frozen=True)
class StatedParts:
    """What was stated of one result: each part with the series that have it, as ``6.12``, the oldest first."""

    parts: Mapping[str, Sequence[str]]

    def missing(self, found: Iterable[str], series: str | None) -> tuple[str, ...]:
        """The parts that a series has and that are not among those found; none if no series is known."""
        have = {kind_of(part) for part in found}
        return tuple(part for part, those in self.parts.items() if series in those and part not in have)

    def last(self, part: str | None = None) -> str:
        """The last series that has a part, or any part; empty if none has."""
        those = [series for each, found in self.parts.items() if part in (None, each) for series in found]
        return max(those, key=number, default="")


@cache
def _content() -> Mapping[str, Mapping[str, Sequence[str]]]:
    content: Mapping[str, Mapping[str, Sequence[str]]]
    content = json.loads(resources.files("mmuproof.proofs").joinpath(FILE).read_text("utf-8"))
    return content


def stated(theorem: str, vendor: Vendor) -> StatedParts:
    """What was stated of a theorem for a vendor; nothing of one that is new."""
    return StatedParts(_content().get(f"{theorem} {vendor.value}", {}))


def stated_with(symbol: str, theorem: str, vendor: Vendor) -> Sequence[str]:
    """The parts of a result that are stated only where a symbol of the configuration is set.

    Args:
        symbol: its name, without ``CONFIG_``.
        theorem: the theorem.
        vendor: for which table.
    """
    return tuple(_content().get(f"{WITH}{symbol}: {theorem} {vendor.value}", {}))


def series_before(release: str) -> str | None:
    """The last known series that a release belongs to or comes after; None if it is older than all, or has no number.

    Args:
        release: ``7.2.13``, ``7.4.0-rc1``.
    """
    known = {series for parts in _content().values() for those in parts.values() for series in those}
    return latest_before(release, known)
