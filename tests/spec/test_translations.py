"""When a cached translation allows what its entry no longer does: SDM 31.4.3.1 and 31.4.3.3, by hand."""

from __future__ import annotations

import pytest

from mmuproof.smt.terms import FALSE, TRUE, boolean
from mmuproof.spec.translations import is_stale


@pytest.mark.parametrize(
    ("cached", "present", "same_frame", "lost_permission", "stale"),
    [
        (True, True, True, False, False),
        (True, True, True, True, True),
        (True, True, False, False, True),
        (True, False, True, False, True),
        # What was not present has not been cached, whatever comes after it.
        (False, True, False, True, False),
        (False, False, True, True, False),
    ],
)
def test_a_stale_translation(cached: bool, present: bool, same_frame: bool, lost_permission: bool, stale: bool) -> None:
    found = is_stale(
        cached=boolean(cached),
        present=boolean(present),
        same_frame=boolean(same_frame),
        lost_permission=boolean(lost_permission),
    )
    assert found is (TRUE if stale else FALSE)
