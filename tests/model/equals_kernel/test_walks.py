"""The reference model's walks of guest page tables are those of Linux 7.2.13's C."""

from __future__ import annotations

import pytest

from mmuproof.model.walks import GpteFormat, NestedControls, WalkKind
from mmuproof.smt.graph import substitute
from mmuproof.smt.terms import Term, bool_var, iff, var
from tests.model.equality import Both, demanded, prove_equal, reads

pytestmark = pytest.mark.kernel

_GPTE, _ROLE = var("gpte", 64), var("role", 64)
_FAULT_ARGUMENTS = var("pte_access", 32), var("pte_pkey", 32), var("access", 64)
_CONTROLS = NestedControls(
    execonly=bool_var("execonly"),
    accessed_dirty=bool_var("accessed_dirty"),
    mbec=bool_var("mbec"),
    cr4=var("cr4", 64),
    efer=var("efer", 64),
    gmet=bool_var("gmet"),
)
each_kind = pytest.mark.parametrize("kind", WalkKind, ids=reads)
each_nested = pytest.mark.parametrize("kind", [WalkKind.NESTED_EPT, WalkKind.NESTED_NPT], ids=reads)
each_format = pytest.mark.parametrize("gpte_format", GpteFormat, ids=reads)


@pytest.mark.parametrize("fact", ["has_gmet", "role_access_bits"])
def test_the_fact(both: Both, fact: str) -> None:
    prove_equal(*(getattr(kvm.walks, fact) for kvm in both))


@each_kind
def test_guest_walk(both: Both, kind: WalkKind) -> None:
    prove_equal(*(kvm.walks.guest_walk(kind, role=_ROLE) for kvm in both))


@each_kind
def test_permission_fault(both: Both, kind: WalkKind) -> None:
    mine, theirs = (
        kvm.walks.permission_fault(kvm.walks.guest_walk(kind, role=_ROLE), *_FAULT_ARGUMENTS) for kvm in both
    )
    # The lifted code reads CR0 through the register cache, which a cut may have filled with any value; what it finds
    # there is the reference's CR0.
    cr0: dict[Term, Term] = {var("vcpu->arch.cr0", 64): var("CR0", 64)}
    same_wp = [iff(substitute(mine.cr0_wp, cr0), theirs.cr0_wp)] if kind is WalkKind.GUEST else []
    prove_equal(mine, theirs, assuming=same_wp, stands_for=cr0, where={"error_code": demanded(theirs.evidence)})


@each_nested
def test_nested_set_up(both: Both, kind: WalkKind) -> None:
    prove_equal(*(kvm.walks.nested_set_up(kind, _CONTROLS) for kvm in both))


@each_nested
def test_the_entries_of_a_nested_mmu_are_present_alike(both: Both, kind: WalkKind) -> None:
    walks = ((kvm, kvm.walks.nested_set_up(kind, _CONTROLS).walk) for kvm in both)
    prove_equal(*(kvm.walks.is_present_gpte(GpteFormat.EPT, walk, _GPTE) for kvm, walk in walks))


@each_format
def test_gpte_access(both: Both, gpte_format: GpteFormat) -> None:
    prove_equal(*(kvm.walks.gpte_access(gpte_format, _GPTE) for kvm in both))


@each_kind
@each_format
def test_is_present_gpte(both: Both, gpte_format: GpteFormat, kind: WalkKind) -> None:
    walks = ((kvm, kvm.walks.guest_walk(kind, role=_ROLE)) for kvm in both)
    prove_equal(*(kvm.walks.is_present_gpte(gpte_format, walk, _GPTE) for kvm, walk in walks))


def test_is_bad_mt_xwr(both: Both) -> None:
    prove_equal(*(kvm.walks.is_bad_mt_xwr(_GPTE, bool_var("execonly")) for kvm in both))


def test_has_bad_mt_xwr(both: Both) -> None:
    made = [(kvm, kvm.walks.nested_set_up(WalkKind.NESTED_EPT, _CONTROLS)) for kvm in both]
    mine, theirs = (kvm.walks.has_bad_mt_xwr(done.walk, _GPTE) for kvm, done in made)
    # An MMU that keeps its role keeps its table, whatever that is.
    prove_equal(mine, theirs, assuming=[made[0][1].role_changed])
