"""A tree that asks both address spaces whether a huge page may be mapped does not have finding 25, and one that asks less has."""

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

_MMU_C = "arch/x86/kvm/mmu/mmu.c"
_OWN = r"linfo = lpage_info_slot\(gfn, slot, max_level\);\s+if \(!linfo->disallow_lpage\)"
_BOTH = SourceEdit(_MMU_C, _OWN, "if (kvm_gfn_is_lpage_allowed(kvm, slot, gfn, max_level))")
_PARTS = ("the other address space, up to level 2", "the other address space, up to level 3")


def refuted(tree: Path, *edits: SourceEdit) -> tuple[str, ...]:
    """The parts of the theorem that are refuted of a tree with edits."""
    (theorem,) = (each for each in THEOREMS if each.name == "slot.huge-page")
    with open_source(str(tree)) as source, open_kernel(source, edits) as kvm:
        claims = theorem.state(kvm, Vendor.SHADOW)
        answers = prove_together([each.obligation for each in claims])
    assert {each.case.part for each in claims} >= set(_PARTS)
    return tuple(each.case.part for each, proved in zip(claims, answers, strict=True) if proved is None)


def test_asking_both_address_spaces_is_proved_to_be_enough(kernel_tree: Callable[[str], Path]) -> None:
    assert refuted(kernel_tree("7.2"), _BOTH) == ()


@pytest.mark.parametrize(
    "edits",
    [
        pytest.param((), id="its own alone"),
        pytest.param((_BOTH, SourceEdit(_MMU_C, r"slot->as_id \^ 1\), gfn\);", "slot->as_id), gfn);")), id="it twice"),
        pytest.param((_BOTH, SourceEdit(_MMU_C, r"(slot->as_id \^ 1\), gfn)\);", r"\1 + 1);")), id="another frame"),
        pytest.param((_BOTH, SourceEdit(_MMU_C, r"(\(gfn, other_slot, level)\)", r"\1 - 1)")), id="another level"),
    ],
)
def test_asking_less_is_not(kernel_tree: Callable[[str], Path], edits: tuple[SourceEdit, ...]) -> None:
    assert set(refuted(kernel_tree("7.2"), *edits)) >= set(_PARTS)
