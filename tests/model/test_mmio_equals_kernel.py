"""The reference model deals with MMIO SPTEs as Linux 7.2.13's C does."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from mmuproof.lift.tree.source import open_source
from mmuproof.model.evidence import CheckKind, Evidence
from mmuproof.model.kvm import Kvm
from mmuproof.model.lifted.kernel import open_kernel
from mmuproof.model.masks import ShadowMasks
from mmuproof.model.mmio import MmioRequest
from mmuproof.model.reference.kvm import ReferenceKvm
from mmuproof.model.vendor import Vendor
from mmuproof.proofs.given.hosts import plausible_host
from mmuproof.smt.graph import substitute
from mmuproof.smt.obligation import Obligation, Verdict
from mmuproof.smt.solver import decide
from mmuproof.smt.terms import BitVec, Bool, Term, all_of, eq, iff, var

pytestmark = pytest.mark.kernel

_SPTE, _GENERATION = var("spte", 64), var("generation", 64)
_REQUEST = MmioRequest(var("gfn", 64), var("access", 32), _GENERATION)
_AFFECTED_BY_L1TF: dict[Term, Term] = {var("boot_cpu_has_bug(X86_BUG_L1TF)", 1): var("variable_test_bit()", 1)}
"""boot_cpu_has_bug() reads a bit with inline assembly, which is cut."""

Sides = tuple[tuple[Kvm, ShadowMasks], tuple[Kvm, ShadowMasks]]
each_vendor = pytest.mark.parametrize("vendor", Vendor, ids=lambda vendor: vendor.value)


@pytest.fixture(scope="module")
def sides(kernel_tree: Callable[[str], Path]) -> Iterator[Callable[[Vendor], Sides]]:
    with open_source(str(kernel_tree("7.2"))) as tree, open_kernel(tree) as lifted:
        reference = ReferenceKvm()

        def both(vendor: Vendor) -> Sides:
            return (reference, reference.masks.shadow_masks(vendor)), (lifted, lifted.masks.shadow_masks(vendor))

        yield both


def same(mine: Term, theirs: Term) -> Bool:
    if isinstance(mine, BitVec):
        assert isinstance(theirs, BitVec)
        return eq(substitute(mine, _AFFECTED_BY_L1TF), theirs)
    assert isinstance(mine, Bool)
    assert isinstance(theirs, Bool)
    return iff(substitute(mine, _AFFECTED_BY_L1TF), theirs)


def prove_same(masks: ShadowMasks, mine: Term, theirs: Term) -> None:
    answer = decide(Obligation(plausible_host(masks), same(mine, theirs)))
    assert answer.verdict is Verdict.PROVED, answer


@each_vendor
def test_make_mmio_spte(sides: Callable[[Vendor], Sides], vendor: Vendor) -> None:
    mine, theirs = (kvm.mmio.make_mmio_spte(masks, _REQUEST).spte for kvm, masks in sides(vendor))
    prove_same(sides(vendor)[1][1], mine, theirs)


@pytest.mark.parametrize("name", ["gfn", "access", "generation"])
@each_vendor
def test_get_mmio_spte(sides: Callable[[Vendor], Sides], vendor: Vendor, name: str) -> None:
    mine, theirs = (getattr(kvm.mmio.content(masks, _SPTE), name) for kvm, masks in sides(vendor))
    prove_same(sides(vendor)[1][1], mine, theirs)


def test_generation_mmio_spte_mask(sides: Callable[[Vendor], Sides]) -> None:
    (reference, masks), (lifted, _) = sides(Vendor.INTEL)
    prove_same(masks, *(kvm.mmio.generation_mmio_spte_mask(_GENERATION) for kvm in (reference, lifted)))


@each_vendor
def test_check_mmio_spte(sides: Callable[[Vendor], Sides], vendor: Vendor) -> None:
    mine, theirs = (kvm.mmio.check_mmio_spte(masks, _SPTE, _GENERATION).holds for kvm, masks in sides(vendor))
    prove_same(sides(vendor)[1][1], mine, theirs)


def warnings(evidence: Evidence, before: Evidence) -> Bool:
    return all_of(*(each.holds for each in evidence.checks[len(before.checks) :] if each.kind is CheckKind.WARN))


@each_vendor
def test_kvm_mmu_invalidate_mmio_sptes(sides: Callable[[Vendor], Sides], vendor: Vendor) -> None:
    mine, theirs = (kvm.mmio.invalidate_mmio_sptes(masks, _GENERATION) for kvm, masks in sides(vendor))
    (_, my_masks), (_, masks) = sides(vendor)
    prove_same(masks, mine.zaps, theirs.zaps)
    prove_same(masks, mine.address_spaces, theirs.address_spaces)
    prove_same(masks, warnings(mine.evidence, my_masks.evidence), warnings(theirs.evidence, masks.evidence))
