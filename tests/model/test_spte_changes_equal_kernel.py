"""What the reference model says of changing SPTEs is what Linux 7.2.13's C does."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields
from pathlib import Path

import pytest

from mmuproof.lift.tree.source import open_source
from mmuproof.model.evidence import CheckKind, Evidence
from mmuproof.model.kvm import Kvm
from mmuproof.model.lifted.kernel import open_kernel
from mmuproof.model.masks import ShadowMasks
from mmuproof.model.reference.kvm import ReferenceKvm
from mmuproof.model.spte_changes import FastFault, SplitRequest, SpteAt, SpteChange, SpteFacts
from mmuproof.model.vendor import Vendor
from mmuproof.proofs.given.hosts import plausible_host
from mmuproof.smt.obligation import Assumption, Obligation, Verdict
from mmuproof.smt.solver import decide
from mmuproof.smt.terms import BitVec, Bool, all_of, bool_var, eq, iff, ule, var

pytestmark = pytest.mark.kernel

_AT = SpteAt(var("spte", 64), var("level", 4))
_FAULT = FastFault(bool_var("present"), bool_var("write"), bool_var("exec"), bool_var("rsvd"))
_SPLIT = SplitRequest(var("spte", 64), var("level", 4), var("access", 4), var("index", 32))
_LEVEL_IS_ONE_OF_FIVE = all_of(ule(_AT.level, 5), ~eq(_AT.level, 0))
each_vendor = pytest.mark.parametrize("vendor", Vendor, ids=lambda vendor: vendor.value)


@dataclass(frozen=True)
class Both:
    """The two descriptions of one kernel."""

    reference: Kvm
    lifted: Kvm

    def __iter__(self) -> Iterator[tuple[Kvm, Callable[[Vendor], ShadowMasks]]]:
        return iter([(kvm, kvm.masks.shadow_masks) for kvm in (self.reference, self.lifted)])


@pytest.fixture(scope="module")
def both(kernel_tree: Callable[[str], Path]) -> Iterator[Both]:
    with open_source(str(kernel_tree("7.2"))) as tree, open_kernel(tree) as lifted:
        yield Both(ReferenceKvm(), lifted)


def prove(claim: Bool, *assumptions: Bool) -> None:
    answer = decide(Obligation(tuple(Assumption(repr(each), each) for each in assumptions), claim))
    assert answer.verdict is Verdict.PROVED, answer.assignment.values if answer.assignment else answer


def same(one: BitVec | Bool, other: BitVec | Bool) -> Bool:
    if isinstance(one, BitVec) and isinstance(other, BitVec):
        return eq(one, other)
    assert isinstance(one, Bool)
    assert isinstance(other, Bool)
    return iff(one, other)


def demands(evidence: Evidence) -> Bool:
    """What C demands, without which the results mean nothing."""
    return all_of(*(check.holds for check in evidence.checks if check.kind in (CheckKind.SHIFT, CheckKind.INDEX)))


def host(masks: ShadowMasks) -> Bool:
    return all_of(*(each.term for each in plausible_host(masks)))


@pytest.mark.parametrize("name", [field.name for field in fields(SpteFacts)])
@each_vendor
def test_the_predicate_is_the_same(both: Both, vendor: Vendor, name: str) -> None:
    mine, theirs = (getattr(kvm.spte_changes.facts(masks(vendor), _AT), name) for kvm, masks in both)
    prove(same(mine, theirs))


@each_vendor
def test_is_executable_pte_is_the_same(both: Both, vendor: Vendor) -> None:
    mine, theirs = (kvm.spte_changes.is_executable_pte(masks(vendor), _AT.spte) for kvm, masks in both)
    prove(same(mine, theirs))


@each_vendor
def test_is_access_allowed_is_the_same(both: Both, vendor: Vendor) -> None:
    mine, theirs = (kvm.spte_changes.is_access_allowed(masks(vendor), _FAULT, _AT.spte) for kvm, masks in both)
    prove(same(mine, theirs))


@each_vendor
def test_the_mitigation_is_the_same(both: Both, vendor: Vendor) -> None:
    mine, theirs = (kvm.spte_changes.is_nx_huge_page_enabled(masks(vendor)) for kvm, masks in both)
    prove(same(mine, theirs))


@pytest.mark.parametrize("name", ["page_needs_write_protection", "page_is_mirror"])
@each_vendor
def test_what_the_page_says_is_the_same(both: Both, vendor: Vendor, name: str) -> None:
    mine, theirs = (getattr(kvm.spte_changes, name)(masks(vendor)) for kvm, masks in both)
    prove(same(mine, theirs))


@each_vendor
def test_make_nonleaf_spte_is_the_same(both: Both, vendor: Vendor) -> None:
    arguments = var("page table", 64), bool_var("ad_disabled")
    mine, theirs = (kvm.spte_changes.make_nonleaf_spte(masks(vendor), *arguments).spte for kvm, masks in both)
    prove(same(mine, theirs))


@each_vendor
def test_make_small_spte_is_the_same(both: Both, vendor: Vendor) -> None:
    mine, theirs = (kvm.spte_changes.make_small_spte(masks(vendor), _SPLIT) for kvm, masks in both)
    prove(same(demands(mine.evidence), demands(theirs.evidence)), host(both.lifted.masks.shadow_masks(vendor)))
    prove(same(mine.spte, theirs.spte), demands(theirs.evidence))


@each_vendor
def test_make_huge_spte_is_the_same(both: Both, vendor: Vendor) -> None:
    mine, theirs = (kvm.spte_changes.make_huge_spte(masks(vendor), _AT.spte, _AT.level) for kvm, masks in both)
    prove(same(demands(mine.evidence), demands(theirs.evidence)), host(both.lifted.masks.shadow_masks(vendor)))
    prove(same(mine.spte, theirs.spte), demands(theirs.evidence))


@pytest.mark.parametrize("change", SpteChange, ids=lambda change: change.name)
@each_vendor
def test_the_change_is_the_same(both: Both, vendor: Vendor, change: SpteChange) -> None:
    mine, theirs = (kvm.spte_changes.change(masks(vendor), change, _AT) for kvm, masks in both)
    # The one page frame that is zapped is below the highest only where addresses have more than 12 bits.
    prove(same(mine.spte, theirs.spte), host(both.lifted.masks.shadow_masks(vendor)), demands(theirs.evidence))


@pytest.mark.parametrize("name", ["fixed", "spurious", "spte", "marked_dirty", "logged"])
@each_vendor
def test_fast_page_fault_is_the_same(both: Both, vendor: Vendor, name: str) -> None:
    mine, theirs = (getattr(kvm.spte_changes.fast_page_fault(masks(vendor), _FAULT, _AT), name) for kvm, masks in both)
    prove(same(mine, theirs))
