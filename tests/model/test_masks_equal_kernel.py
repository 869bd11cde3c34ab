"""The reference model sets the masks up as Linux 7.2.13's C does, for all hosts."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from mmuproof.lift.tree.source import open_source
from mmuproof.model.kvm import Kvm
from mmuproof.model.lifted.kernel import open_kernel
from mmuproof.model.masks import ShadowMasks
from mmuproof.model.reference.kvm import ReferenceKvm
from mmuproof.model.vendor import Vendor
from mmuproof.proofs.given.hosts import plausible_host
from mmuproof.smt.graph import substitute
from mmuproof.smt.obligation import Obligation, Verdict
from mmuproof.smt.solver import decide
from mmuproof.smt.terms import TRUE, BitVec, Bool, Term, bool_var, eq, iff, var

pytestmark = pytest.mark.kernel

_MASKS = (
    "host_writable",
    "mmu_writable",
    "nx",
    "user",
    "x",
    "xu",
    "accessed",
    "dirty",
    "present",
    "acc_track",
    "mmio_value",
    "mmio_mask",
    "mmio_access_mask",
    "enable_mmio_caching",
    "me_value",
    "me_mask",
    "nonpresent_or_rsvd",
    "lower_gfn",
)
_AFFECTED_BY_L1TF: dict[Term, Term] = {var("boot_cpu_has_bug(X86_BUG_L1TF)", 1): var("variable_test_bit()", 1)}
"""boot_cpu_has_bug() reads a bit with inline assembly, which is cut."""


@pytest.fixture(scope="module")
def both(kernel_tree: Callable[[str], Path]) -> Iterator[tuple[Kvm, Kvm]]:
    with open_source(str(kernel_tree("7.2"))) as tree, open_kernel(tree) as lifted:
        yield ReferenceKvm(), lifted


def same(mine: Term, theirs: Term) -> Bool:
    if isinstance(mine, BitVec):
        assert isinstance(theirs, BitVec)
        return eq(substitute(mine, _AFFECTED_BY_L1TF), theirs)
    assert isinstance(mine, Bool)
    assert isinstance(theirs, Bool)
    return iff(substitute(mine, _AFFECTED_BY_L1TF), theirs)


def prove_on(masks: ShadowMasks, claim: Bool) -> None:
    answer = decide(Obligation(plausible_host(masks), claim))
    assert answer.verdict is Verdict.PROVED, answer


@pytest.mark.parametrize("earlier", ["an earlier set-up", "another"])
@pytest.mark.parametrize("name", _MASKS)
@pytest.mark.parametrize("vendor", Vendor, ids=lambda vendor: vendor.value)
def test_the_mask_is_the_same(both: tuple[Kvm, Kvm], vendor: Vendor, name: str, earlier: str) -> None:
    mine, theirs = (kvm.masks.shadow_masks(vendor, earlier) for kvm in both)
    prove_on(theirs, same(getattr(mine, name), getattr(theirs, name)))


@pytest.mark.parametrize("vendor", Vendor, ids=lambda vendor: vendor.value)
def test_the_host_is_the_same(both: tuple[Kvm, Kvm], vendor: Vendor) -> None:
    mine, theirs = (kvm.masks.shadow_masks(vendor).host for kvm in both)
    for name in ("x86_phys_bits", "x86_cache_bits", "maxphyaddr", "has_ad_bits", "has_exec_only", "is_amd", "has_l1tf"):
        assert substitute(getattr(mine, name), _AFFECTED_BY_L1TF) is getattr(theirs, name)
    assert mine.encryption == theirs.encryption


def test_shadow_paging_is_for_either_module(both: tuple[Kvm, Kvm]) -> None:
    """Its masks on an AMD host are those of nested paging there."""
    on_amd: dict[Term, Term] = {bool_var("kvm_amd is loaded"): TRUE}
    for kvm in both:
        shadow, amd = (kvm.masks.shadow_masks(vendor) for vendor in (Vendor.SHADOW, Vendor.AMD))
        for name in ("mmio_value", "mmio_mask", "me_value", "me_mask"):
            prove_on(amd, eq(substitute(getattr(shadow, name), on_amd), getattr(amd, name)))
