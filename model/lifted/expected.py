"""The names that a tree is expected to have, because a released kernel before it has them.

Kernels differ in what they have, and the areas of a lifted tree ask.  That something is not there any more which the
kernel before had is no such difference: it was renamed or moved, and what depends on it is lost.  ``expected.json`` is
made by ``make stated``, of what the areas have asked for and found.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import cache
from importlib import resources

from mmuproof.model.series import latest_before

FILE = "expected.json"


@cache
def _content() -> Mapping[str, Mapping[str, Sequence[str]]]:
    file = resources.files("mmuproof.model.lifted").joinpath(FILE)
    content: Mapping[str, Mapping[str, Sequence[str]]] = json.loads(file.read_text("utf-8"))
    return content


def expected_of(release: str, unit: str) -> Sequence[str]:
    """The names that a unit of a release is expected to have; none of a release before all that are known."""
    series = latest_before(release, _content())
    return () if series is None else _content()[series].get(unit, ())
