"""A tree that puts finding 27 or 28 right does not have it, and one that does so halfway has what is left of it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from mmuproof.lift.tree.source import open_source
from mmuproof.model.edits import SourceEdit
from mmuproof.model.lifted.kernel import open_kernel
from mmuproof.model.vendor import Vendor
from mmuproof.proofs.catalogue import THEOREMS
from mmuproof.smt.together import prove_together

pytestmark = pytest.mark.kernel

_MMU_C, _HYPERV_C = "arch/x86/kvm/mmu/mmu.c", "arch/x86/kvm/hyperv.c"
_BEGINS_BEFORE = "an entry that begins before canonical addresses"
_ENDS_BEHIND = "an entry that ends behind the canonical addresses"
_FIRST_JUDGED = SourceEdit(_HYPERV_C, r"if \(is_noncanonical_invlpg_address\(entries\[i\], vcpu\)\)\s+continue;", "")
_FLUSHED = r"(?=kvm_x86_call\(flush_tlb_gva\)\(vcpu, gva \+ j \* PAGE_SIZE\);)"
_EACH_JUDGED = SourceEdit(
    _HYPERV_C, _FLUSHED, "if (!is_noncanonical_invlpg_address(gva + j * PAGE_SIZE, vcpu))\n\t\t\t\t"
)


def refuted_parts(tree: Path, name: str, *edits: SourceEdit) -> tuple[str, ...]:
    """The parts of a theorem that are refuted of a tree with edits."""
    (theorem,) = (each for each in THEOREMS if each.name == name)
    with open_source(str(tree)) as source, open_kernel(source, edits) as kvm:
        claims = theorem.state(kvm, Vendor.INTEL)
        answers = prove_together([each.obligation for each in claims])
    return tuple(each.case.part for each, proved in zip(claims, answers, strict=True) if proved is None)


@pytest.mark.parametrize(
    ("edits", "left"),
    [
        pytest.param((), (_ENDS_BEHIND, _BEGINS_BEFORE), id="the first", marks=pytest.mark.long),
        pytest.param((_EACH_JUDGED,), (_BEGINS_BEFORE,), id="the first, then each", marks=pytest.mark.long),
        pytest.param((_FIRST_JUDGED, _EACH_JUDGED), (), id="each"),
        pytest.param((_FIRST_JUDGED,), ("", _ENDS_BEHIND, _BEGINS_BEFORE), id="none"),
    ],
)
def test_of_an_entry_each_address_has_to_be_judged(
    kernel_tree: Callable[[str], Path], edits: tuple[SourceEdit, ...], left: tuple[str, ...]
) -> None:
    assert refuted_parts(kernel_tree("6.12"), "flush.listed", *edits) == left


@pytest.mark.parametrize(
    ("condition", "left"),
    [
        pytest.param("1", ("a page of SPTEs that begins before the slot",), id="nothing"),
        pytest.param("sp->gfn >= slot->base_gfn", (), id="the slot"),
        # Of a page that begins in the same 2 MBytes as the slot the first entry of the array is read.
        pytest.param("(sp->gfn >> 9) >= (slot->base_gfn >> 9)", (), id="the array"),
        pytest.param(
            "(sp->gfn >> 18) >= (slot->base_gfn >> 18)",
            ("a page of SPTEs that begins before the slot",),
            id="the array of the largest pages",
        ),
    ],
)
def test_the_bounds_of_the_slots_array_have_to_be_looked_at(
    kernel_tree: Callable[[str], Path], condition: str, left: tuple[str, ...]
) -> None:
    looked_at = SourceEdit(
        _MMU_C, r"sp->role\.direct &&(?=\s+sp->role\.level < kvm_mmu_max)", f"sp->role.direct && {condition} &&"
    )
    assert refuted_parts(kernel_tree("6.1"), "stored.collapsed", looked_at) == left
