"""What the reference model says of tables that stand for huge pages is what Linux 7.2.13's C does."""

from __future__ import annotations

import pytest

from mmuproof.model.evidence import CheckKind
from tests.model.equality import Both, prove_equal

pytestmark = pytest.mark.kernel

_PARTIAL = {CheckKind.WARN, CheckKind.NULL}


@pytest.mark.parametrize("of_tdp", [True, False])
def test_recovered(both: Both, of_tdp: bool) -> None:
    prove_equal(*(kvm.nx_recovery.recovered(of_tdp) for kvm in both), partial=_PARTIAL)


def test_zapped(both: Both) -> None:
    mine = both.reference.nx_recovery.zapped()
    prove_equal(*(kvm.nx_recovery.zapped() for kvm in both), assuming=(mine.below,), partial=_PARTIAL)


def test_logged(both: Both) -> None:
    prove_equal(*(kvm.nx_recovery.logged() for kvm in both), partial=_PARTIAL)


def test_toggled(both: Both) -> None:
    mine, theirs = (kvm.nx_recovery.toggled() for kvm in both)
    # What is asked for is the code's to read.
    prove_equal(mine, theirs, stands_for={mine.after: theirs.after}, partial=_PARTIAL)
