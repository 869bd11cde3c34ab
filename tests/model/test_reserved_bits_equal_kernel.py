"""The reference model's reserved bits are those of Linux 7.2.13's C, entry for entry.

A table has elements that no walk reads in some paging mode: there KVM keeps what an earlier set-up has left, and
the reference model says nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from mmuproof.lift.tree.source import open_source
from mmuproof.model.kvm import Kvm, NotThere
from mmuproof.model.lifted.kernel import open_kernel
from mmuproof.model.masks import ShadowMasks
from mmuproof.model.reference.kvm import ReferenceKvm
from mmuproof.model.reserved_bits import CheckedMmu, MmuKind, MmuRequest
from mmuproof.model.vendor import Vendor
from mmuproof.model.walks import GpteFormat
from mmuproof.smt.obligation import Assumption, Obligation, Verdict
from mmuproof.smt.solver import decide
from mmuproof.smt.terms import BitVec, Bool, Term, all_of, any_of, bit, bool_var, eq, iff, negate, var

pytestmark = pytest.mark.kernel

_GPTE, _SPTE = var("gpte", 64), var("spte", 64)
_PG, _PAE, _LA57, _LMA = 31, 5, 12, 10


def request_of(run: str) -> MmuRequest:
    return MmuRequest(
        cr0=var(f"{run}cr0", 64),
        cr4=var(f"{run}cr4", 64),
        efer=var(f"{run}efer", 64),
        execonly=bool_var(f"{run}execonly"),
        accessed_dirty=bool_var(f"{run}accessed_dirty"),
        mbec=bool_var(f"{run}mbec"),
        eptp=var(f"{run}eptp", 64),
        gmet=bool_var(f"{run}gmet"),
    )


NOW = request_of("")


@pytest.fixture(scope="module")
def both(kernel_tree: Callable[[str], Path]) -> Iterator[tuple[Kvm, Kvm]]:
    with open_source(str(kernel_tree("7.2"))) as tree, open_kernel(tree) as lifted:
        yield ReferenceKvm(), lifted


def set_up(kvm: Kvm, kind: MmuKind) -> CheckedMmu:
    return kvm.reserved_bits.set_up(kind, request_of("earlier "), NOW)


def masks_of(vendor: Vendor) -> ShadowMasks:
    """One set of masks for both: that these are the same is shown elsewhere."""
    return ReferenceKvm().masks.shadow_masks(vendor)


def prove(one: Term, other: Term, *assumptions: Bool) -> None:
    if isinstance(one, BitVec):
        assert isinstance(other, BitVec)
        claim = eq(one, other)
    else:
        assert isinstance(one, Bool)
        assert isinstance(other, Bool)
        claim = iff(one, other)
    answer = decide(Obligation(tuple(Assumption(repr(each), each) for each in assumptions), claim))
    assert answer.verdict is Verdict.PROVED, answer


def read_by_a_walk(kind: MmuKind, level: int) -> tuple[Bool, ...]:
    """When a walk of these tables reads an entry of this level through the table."""
    if kind is MmuKind.NESTED_EPT:
        return ()
    lma, la57, pae = bit(NOW.efer, _LMA), bit(NOW.cr4, _LA57), bit(NOW.cr4, _PAE)
    when = [bit(NOW.cr0, _PG)]
    if level == 5:
        when += [lma, la57]
    elif level == 4:
        when += [lma]
    elif level == 3:
        # PAE paging's PDPTEs are not looked up, but for the row without bit 7 the table has them.
        when += [any_of(lma, all_of(pae, negate(bit(_GPTE, 7))))]
    return tuple(when)


each_kind = pytest.mark.parametrize("kind", MmuKind, ids=lambda kind: kind.name)
each_level = pytest.mark.parametrize("level", range(1, 6))


@each_kind
def test_the_guests_processor_is_the_same(both: tuple[Kvm, Kvm], kind: MmuKind) -> None:
    mine, theirs = (set_up(kvm, kind).guest_cpu for kvm in both)
    assert mine == theirs


@each_level
@each_kind
def test_the_same_reserved_bits_are_found_in_a_guest_entry(both: tuple[Kvm, Kvm], kind: MmuKind, level: int) -> None:
    mine, theirs = (kvm.reserved_bits.is_rsvd_bits_set(set_up(kvm, kind), _GPTE, level) for kvm in both)
    prove(mine, theirs, *read_by_a_walk(kind, level))


@pytest.mark.parametrize("gpte_format", GpteFormat, ids=lambda each: each.value)
@each_level
@each_kind
def test_the_same_guest_entries_are_rejected(
    both: tuple[Kvm, Kvm], kind: MmuKind, level: int, gpte_format: GpteFormat
) -> None:
    mine, theirs = (kvm.reserved_bits.is_rejected(set_up(kvm, kind), gpte_format, _GPTE, level) for kvm in both)
    prove(mine, theirs, *read_by_a_walk(kind, level))


def test_the_same_bits_are_reserved_in_a_pdpte(both: tuple[Kvm, Kvm]) -> None:
    mine, theirs = (kvm.reserved_bits.pdptr_rsvd_bits(set_up(kvm, MmuKind.SHADOW).guest_cpu) for kvm in both)
    prove(mine, theirs)


@pytest.mark.parametrize("kind", [MmuKind.NESTED_EPT, MmuKind.SHADOW], ids=lambda kind: kind.name)
def test_the_root_has_the_same_level(both: tuple[Kvm, Kvm], kind: MmuKind) -> None:
    mine, theirs = (set_up(kvm, kind).root_level for kvm in both)
    prove(mine, theirs)


_ROOTS = [
    (MmuKind.TDP, Vendor.INTEL, 4),
    (MmuKind.TDP, Vendor.INTEL, 5),
    (MmuKind.TDP, Vendor.AMD, 4),
    (MmuKind.TDP, Vendor.AMD, 5),
    (MmuKind.NESTED_EPT, Vendor.INTEL, 4),
    (MmuKind.NESTED_EPT, Vendor.INTEL, 5),
    (MmuKind.NESTED_NPT, Vendor.AMD, 4),
    (MmuKind.NESTED_NPT, Vendor.AMD, 5),
    (MmuKind.SHADOW, Vendor.SHADOW, 3),
    (MmuKind.SHADOW, Vendor.SHADOW, 4),
    (MmuKind.SHADOW, Vendor.SHADOW, 5),
]


# The root of PAE paging has entries of another kind, which no table is asked for.
_SPTES = [(*root, level) for root in _ROOTS for level in range(1, root[2] + 1) if (root[2], level) != (3, 3)]


@pytest.mark.parametrize(("kind", "vendor", "root_level", "level"), _SPTES)
def test_the_same_sptes_are_held_reserved(
    both: tuple[Kvm, Kvm], kind: MmuKind, vendor: Vendor, root_level: int, level: int
) -> None:
    found = []
    for kvm in both:
        check = kvm.reserved_bits.shadow_check(set_up(kvm, kind), masks_of(vendor), root_level)
        found.append(kvm.reserved_bits.is_rsvd_spte(check, _SPTE, level))
    prove(found[0], found[1])


@pytest.mark.parametrize(("kind", "vendor", "root_level"), _ROOTS)
def test_the_host_is_the_same(both: tuple[Kvm, Kvm], kind: MmuKind, vendor: Vendor, root_level: int) -> None:
    checks = [kvm.reserved_bits.shadow_check(set_up(kvm, kind), masks_of(vendor), root_level) for kvm in both]
    mine, theirs = ((check.root_level, check.boot_gbpages, check.max_huge_page_level) for check in checks)
    assert mine == theirs


def test_an_mmu_without_sptes_has_no_check_for_them(both: tuple[Kvm, Kvm]) -> None:
    for kvm in both:
        with pytest.raises(NotThere):
            kvm.reserved_bits.shadow_check(set_up(kvm, MmuKind.L2), masks_of(Vendor.SHADOW), 4)
