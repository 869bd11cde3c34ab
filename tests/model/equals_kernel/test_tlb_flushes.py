"""What the reference model says of flushing the TLB is what Linux 7.2.13's C does."""

from __future__ import annotations

import pytest

from mmuproof.model.evidence import CheckKind
from mmuproof.model.tlb_flushes import OwnVmcb, VmxFlush
from mmuproof.smt.terms import any_of, bool_var, eq, negate, ult
from mmuproof.spec import ept_pointer
from tests.model.equality import Both, prove_equal

pytestmark = pytest.mark.kernel


@pytest.mark.parametrize("flush", VmxFlush, ids=lambda flush: flush.value)
def test_vmx(both: Both, flush: VmxFlush) -> None:
    flushed = [kvm.tlb_flushes.vmx(flush) for kvm in both]
    is_table = any_of(eq(flushed[0].root, -1), ept_pointer.is_table(flushed[0].root))
    # Another root stands for tables that a guest cannot have.
    has_page = negate(bool_var("root_to_sp() == NULL"))
    prove_equal(*flushed, assuming=(is_table, has_page), partial={CheckKind.WARN})


@pytest.mark.parametrize("used", OwnVmcb, ids=lambda used: used.value)
def test_moved(both: Both, used: OwnVmcb) -> None:
    mine, theirs = (kvm.tlb_flushes.moved(used) for kvm in both)
    # A tree looks up what the processor it runs on has.
    prove_equal(mine, theirs, assuming=[ult(mine.processor, 64)], partial={CheckKind.INDEX})


def test_moved_vmcs(both: Both) -> None:
    mine, theirs = (kvm.tlb_flushes.moved_vmcs() for kvm in both)
    prove_equal(mine, theirs, assuming=[ult(mine.processor, 64)], partial={CheckKind.INDEX})


def test_guest(both: Both) -> None:
    prove_equal(*(kvm.tlb_flushes.guest() for kvm in both))
