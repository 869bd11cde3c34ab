"""What callers ask make_spte() for, and all that KVM asserts: the reference model says what Linux 7.2.13's C says."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from mmuproof.lift.tree.source import open_source
from mmuproof.model.evidence import CheckKind, Evidence
from mmuproof.model.kvm import Kvm
from mmuproof.model.lifted.kernel import open_kernel
from mmuproof.model.mappings import MappingAsked
from mmuproof.model.reference.kvm import ReferenceKvm
from mmuproof.model.vendor import Vendor
from mmuproof.model.walks import WalkKind
from mmuproof.proofs.given.hosts import plausible_host as plausible
from mmuproof.proofs.given.made_spte import made_spte
from mmuproof.proofs.given.nested_set_up import asked_for
from mmuproof.smt.graph import substitute
from mmuproof.smt.obligation import Assumption, Obligation, Verdict
from mmuproof.smt.solver import decide
from mmuproof.smt.terms import BitVec, Bool, Term, all_of, bool_var, eq, iff, negate, var

pytestmark = pytest.mark.kernel


@dataclass(frozen=True)
class Both:
    reference: Kvm
    lifted: Kvm

    def __iter__(self) -> Iterator[Kvm]:
        return iter((self.reference, self.lifted))


@pytest.fixture(scope="module")
def both(kernel_tree: Callable[[str], Path]) -> Iterator[Both]:
    with open_source(str(kernel_tree("7.2"))) as tree, open_kernel(tree) as lifted:
        yield Both(ReferenceKvm(), lifted)


def prove(claim: Bool, *assumptions: Bool) -> None:
    answer = decide(Obligation(tuple(Assumption(repr(each), each) for each in assumptions), claim))
    assert answer.verdict is Verdict.PROVED, answer


def same(one: Term, other: Term) -> Bool:
    if isinstance(one, BitVec) and isinstance(other, BitVec):
        return eq(one, other)
    assert isinstance(one, Bool)
    assert isinstance(other, Bool)
    return iff(one, other)


def asked(kvm: Kvm, name: str) -> tuple[MappingAsked, Bool]:
    done = kvm.walks.nested_set_up(WalkKind.NESTED_EPT, asked_for())
    ask = getattr(kvm.mappings, name)
    return ask(done.walk, kvm.masks.shadow_masks(Vendor.INTEL)), done.role_changed


each_caller = pytest.mark.parametrize("name", ["prefetch_gpte", "sync_spte"])
each_vendor = pytest.mark.parametrize("vendor", list(Vendor), ids=lambda vendor: vendor.value)


@pytest.mark.parametrize("what", ["when", "gpte", "parents_access", "level", "had_spte"])
@each_caller
def test_a_caller_asks_make_spte_the_same(both: Both, name: str, what: str) -> None:
    (mine, changed), (theirs, _) = (asked(kvm, name) for kvm in both)
    prove(same(getattr(mine, what), getattr(theirs, what)), changed)


@each_caller
def test_a_caller_asks_for_the_same_access(both: Both, name: str) -> None:
    (mine, changed), (theirs, _) = (asked(kvm, name) for kvm in both)
    assert mine.caller == theirs.caller
    prove(same(mine.pte_access, theirs.pte_access), changed, mine.when)


@pytest.mark.parametrize("what", ["goal_level", "dirty_tracked"])
def test_the_level_is_the_same(both: Both, what: str) -> None:
    mine, theirs = (getattr(kvm.mappings.hugepage_adjust(), what) for kvm in both)
    prove(same(mine, theirs))


@pytest.mark.parametrize("what", ["eptp", "accepted"])
def test_an_eptp_is_checked_alike(both: Both, what: str) -> None:
    mine, theirs = (getattr(kvm.mappings.check_eptp(), what) for kvm in both)
    prove(same(mine, theirs))


# -- assertions ----------------------------------------------------------------------------------------------

_L1TF: dict[Term, Term] = {var("boot_cpu_has_bug(X86_BUG_L1TF)", 1): var("variable_test_bit()", 1)}
_MEMORY_TYPES_ARE_COMPUTED = negate(bool_var("kvm_x86_ops.get_mt_mask == NULL"))


def asserts(evidence: Evidence) -> Bool:
    """All that the code asserts at run time."""
    return all_of(*(check.holds for check in evidence.checks if check.kind in (CheckKind.WARN, CheckKind.BUG)))


@each_vendor
def test_the_set_up_of_the_masks_asserts_the_same(both: Both, vendor: Vendor) -> None:
    mine, theirs = (asserts(kvm.masks.shadow_masks(vendor).evidence) for kvm in both)
    host = both.reference.masks.shadow_masks(vendor)
    prove(same(substitute(mine, _L1TF), theirs), *(each.term for each in plausible(host)))


@each_vendor
def test_make_spte_asserts_the_same(both: Both, vendor: Vendor) -> None:
    assumed, made = [], []
    for kvm in both:
        masks = kvm.masks.shadow_masks(vendor)
        inputs = made_spte(kvm, masks)
        found = kvm.sptes.make_spte(masks, inputs.request)
        made.append(found)
        assumed = [each.term for each in inputs.assumptions]
    mine, theirs = made
    known = [_MEMORY_TYPES_ARE_COMPUTED] if vendor is Vendor.INTEL else []
    prove(same(substitute(asserts(mine.evidence), _L1TF), asserts(theirs.evidence)), *assumed, *known)
    for one, other in ((mine.logged, theirs.logged), (mine.reserved, theirs.reserved)):
        prove(same(substitute(one, _L1TF), other), *assumed, *known)


@each_vendor
def test_access_tracking_asserts_the_same(both: Both, vendor: Vendor) -> None:
    mine, theirs = (
        asserts(kvm.sptes.access_track(kvm.masks.shadow_masks(vendor), var("spte", 64)).evidence) for kvm in both
    )
    host = both.reference.masks.shadow_masks(vendor)
    prove(same(substitute(mine, _L1TF), theirs), *(each.term for each in plausible(host)))


@pytest.mark.parametrize("kind", [WalkKind.NESTED_EPT, WalkKind.NESTED_NPT], ids=lambda kind: kind.value)
def test_the_set_up_of_a_nested_mmu_asserts_the_same(both: Both, kind: WalkKind) -> None:
    mine, theirs = (kvm.walks.nested_set_up(kind, asked_for()) for kvm in both)
    prove(same(asserts(mine.walk.evidence), asserts(theirs.walk.evidence)))
    for name in ("in_smm", "in_guest_mode", "eptp"):
        prove(same(getattr(mine, name), getattr(theirs, name)))


@each_caller
def test_a_caller_of_make_spte_asserts_the_same(both: Both, name: str) -> None:
    (mine, changed), (theirs, _) = (asked(kvm, name) for kvm in both)
    prove(same(asserts(mine.evidence), asserts(theirs.evidence)), changed)
