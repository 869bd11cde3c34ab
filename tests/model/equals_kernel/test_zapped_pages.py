"""What the reference model says of giving pages up is what Linux 7.2.13's C does."""

from __future__ import annotations

import pytest

from mmuproof.model.evidence import CheckKind
from tests.model.equality import Both, prove_equal

pytestmark = pytest.mark.kernel
_PARTIAL = set(CheckKind)


@pytest.mark.parametrize("what", ["given_up", "all_at_once", "late_flush", "root_emptied", "left_behind"])
def test_giving_up(both: Both, what: str) -> None:
    prove_equal(*(getattr(kvm.zapped_pages, what)() for kvm in both), partial=_PARTIAL)
