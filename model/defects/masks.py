"""Defects of the mask set-up."""

from __future__ import annotations

from functools import partial

from mmuproof.model.defects.defect import Defect, defect
from mmuproof.model.reference.kvm import ReferenceKvm
from mmuproof.model.reference.masks import ReferenceMasks

_SPTE_C = "arch/x86/kvm/mmu/spte.c"


class _TrackMaskWithoutXu(ReferenceMasks):
    def _acc_track_mask(self) -> int:
        return self.constants.VMX_EPT_RWX_MASK


DEFECTS: tuple[Defect, ...] = (
    defect(
        "track-mask-without-xu", "Access tracking leaves XU set.",
        _SPTE_C, r"(shadow_acc_track_mask\s*= VMX_EPT_RWX_MASK) \| VMX_EPT_USER_EXECUTABLE_MASK;", r"\1;",
        partial(ReferenceKvm, masks=_TrackMaskWithoutXu),
    ),
)  # fmt: skip
