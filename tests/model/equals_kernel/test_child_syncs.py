"""What the reference model says of synchronizing what is below a page is what Linux 7.2.13's C does."""

from __future__ import annotations

import pytest

from mmuproof.model.evidence import CheckKind
from tests.model.equality import Both, prove_equal

pytestmark = pytest.mark.kernel
_PARTIAL = set(CheckKind)


@pytest.mark.parametrize("what", ["begun", "searched", "synced", "zapped"])
def test_what_is_below_a_page(both: Both, what: str) -> None:
    prove_equal(*(getattr(kvm.child_syncs, what)() for kvm in both), partial=_PARTIAL)
