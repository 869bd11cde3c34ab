"""What the reference model says of how pages out of sync are noted is what Linux 7.2.13's C does."""

from __future__ import annotations

import pytest

from mmuproof.model.evidence import CheckKind
from mmuproof.model.unsync_notes import ROOM
from tests.model.equality import Both, prove_equal

pytestmark = pytest.mark.kernel

_PARTIAL = set(CheckKind)


@pytest.mark.parametrize("what", ["noted", "parents_told", "linked", "taken_back", "taken_back_above"])
def test_what_is_noted(both: Both, what: str) -> None:
    prove_equal(*(getattr(kvm.unsync_notes, what)() for kvm in both), partial=_PARTIAL)


@pytest.mark.parametrize("count", [0, 1, ROOM - 1])
def test_what_is_found(both: Both, count: int) -> None:
    prove_equal(*(kvm.unsync_notes.found(count) for kvm in both), partial=_PARTIAL)


@pytest.mark.parametrize(("level", "begins"), [(1, False), (2, False), (5, False), (2, True), (5, True)])
def test_the_way(both: Both, level: int, begins: bool) -> None:
    prove_equal(*(kvm.unsync_notes.way(level, begins) for kvm in both), partial=_PARTIAL)
