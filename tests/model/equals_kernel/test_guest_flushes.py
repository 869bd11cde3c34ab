"""What the reference model says of a guest's flushes is what Linux 7.2.13's C does."""

from __future__ import annotations

import pytest

from mmuproof.model.evidence import CheckKind
from mmuproof.model.guest_flushes import LISTED
from mmuproof.smt.terms import ult
from tests.model.equality import Both, prove_equal

pytestmark = pytest.mark.kernel
_PARTIAL = {CheckKind.WARN, CheckKind.BUG, CheckKind.INDEX, CheckKind.SHIFT, CheckKind.NULL, CheckKind.UNSET}


def test_the_list(both: Both) -> None:
    mine, theirs = (kvm.guest_flushes.listed() for kvm in both)
    in_list = [ult(mine.index, LISTED)]
    prove_equal(mine, theirs, assuming=in_list, partial=_PARTIAL)


def test_what_fills_the_list(both: Both) -> None:
    prove_equal(*(kvm.guest_flushes.filled() for kvm in both), partial=_PARTIAL)


def test_whom_a_hypercall_names(both: Both) -> None:
    prove_equal(*(kvm.guest_flushes.asked() for kvm in both), partial=_PARTIAL)


def test_invvpid(both: Both) -> None:
    prove_equal(*(kvm.guest_flushes.by_vpid() for kvm in both), partial=_PARTIAL)


def test_invpcid(both: Both) -> None:
    prove_equal(*(kvm.guest_flushes.by_pcid() for kvm in both), partial=_PARTIAL)
