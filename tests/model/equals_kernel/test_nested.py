"""The reference model's translations for L2 are those that Linux 7.2.13's C asks for."""

from __future__ import annotations

import pytest

from mmuproof.model.evidence import CheckKind
from mmuproof.model.nested import WALKED_FORMATS, entries_read
from mmuproof.model.vendor import Vendor
from mmuproof.smt.terms import BitVec, any_of, bit, negate, var
from tests.model.equality import Both, can_hold, prove_equal

pytestmark = pytest.mark.kernel

_GPA, _ACCESS, _PTE_ACCESS, _CR3 = var("gpa", 64), var("access", 64), var("pte_access", 64), var("cr3", 64)
each_number_of_levels = pytest.mark.parametrize("levels", WALKED_FORMATS)


def entries(levels: int) -> tuple[BitVec, ...]:
    return tuple(var(f"entry {number}", 32 if levels == 2 else 64) for number in range(entries_read(levels)))


@pytest.mark.parametrize("vendor", [Vendor.INTEL, Vendor.AMD], ids=lambda vendor: vendor.value)
def test_translate_nested_gpa(both: Both, vendor: Vendor) -> None:
    mine, theirs = (kvm.nested.translate_nested_gpa(vendor, _GPA, _ACCESS, _PTE_ACCESS) for kvm in both)
    prove_equal(mine, theirs)


@each_number_of_levels
def test_linear_walk(both: Both, levels: int) -> None:
    mine, theirs = (kvm.nested.linear_walk(levels, entries(levels), _ACCESS) for kvm in both)
    # The walk that the model describes comes to its end: bit 7 is reserved in the upper levels.
    upper = (bit(entry, 7) for entry in entries(levels)[: max(levels - 3, 0)])
    # What the code asserts of CR4 and of the level, the model leaves out.
    prove_equal(
        mine,
        theirs,
        assuming=[negate(any_of(*upper))],
        stands_for={mine.cr4_pse: theirs.cr4_pse},
        partial={CheckKind.WARN},
    )


@each_number_of_levels
def test_the_kernels_walk_can_get_everywhere(both: Both, levels: int) -> None:
    # What is proved of a translation says nothing if no walk gets that far.
    walk = both.lifted.nested.linear_walk(levels, entries(levels), _ACCESS)
    assert all(can_hold(asked.guard) for asked in (*walk.structures, walk.final))


def test_nonpaging_gva_to_gpa(both: Both) -> None:
    prove_equal(*(kvm.nested.nonpaging_gva_to_gpa(_GPA, _ACCESS) for kvm in both))


def test_load_pdptrs(both: Both) -> None:
    # The model leaves out what the code asserts when it is built.
    prove_equal(*(kvm.nested.load_pdptrs(_CR3) for kvm in both), partial={CheckKind.BUILD})
