"""What the reference model says of walks through a slot's lists is what Linux 7.2.13's C does."""

from __future__ import annotations

import pytest

from mmuproof.model.evidence import CheckKind
from tests.model.equality import Both, prove_equal

pytestmark = pytest.mark.kernel
_PARTIAL = set(CheckKind)


@pytest.mark.parametrize("what", ["begun", "step", "round"])
def test_walks_through_lists(both: Both, what: str) -> None:
    prove_equal(*(getattr(kvm.slot_walks, what)() for kvm in both), partial=_PARTIAL)
