"""What the reference model says of what is kept of SPTEs is what Linux 7.2.13's C does."""

from __future__ import annotations

import pytest

from mmuproof.model.evidence import CheckKind
from tests.model.equality import Both, prove_equal

pytestmark = pytest.mark.kernel
_PARTIAL = set(CheckKind)


@pytest.mark.parametrize(
    "what", ["noted", "mapped", "added", "dropped", "collapsed", "write_protected", "dirty_cleared"]
)
def test_what_is_kept(both: Both, what: str) -> None:
    prove_equal(*(getattr(kvm.reverse_maps, what)() for kvm in both), partial=_PARTIAL)
