"""Defects of what is done when devices come and go that read memory past the caches."""

from __future__ import annotations

from functools import partial

from mmuproof.model.defects.defect import Defect, defect
from mmuproof.model.reference.device_changes import ReferenceDeviceChanges
from mmuproof.model.reference.kvm import ReferenceKvm
from mmuproof.smt.terms import BitVec, Bool, eq, negate

_X86_C = "arch/x86/kvm/x86.c"


class _LastGoes(ReferenceDeviceChanges):
    def _changes(self, devices: BitVec, comes: bool) -> Bool:
        return eq(devices, 1)


class _WhereHonoured(ReferenceDeviceChanges):
    def _depends(self, ignores: Bool) -> Bool:
        return negate(ignores)


def _with(variant: type[ReferenceDeviceChanges]) -> partial[ReferenceKvm]:
    return partial(ReferenceKvm, device_changes=variant)


DEFECTS: tuple[Defect, ...] = (
    defect(
        "last-device-zaps-nothing",
        "When the last device goes that reads memory past the caches, SPTEs keep the memory types of the guest.",
        _X86_C,
        r"if \(!atomic_dec_return\(&kvm->arch\.noncoherent_dma_count\)\)",
        "if (atomic_dec_return(&kvm->arch.noncoherent_dma_count) == 1)",
        _with(_LastGoes),
    ),
    defect(
        "device-zaps-where-honoured",
        "SPTEs are zapped of guests whose PAT is honoured in any case, and of no others.",
        _X86_C,
        r"if \((kvm_check_has_quirk\(kvm, KVM_X86_QUIRK_IGNORE_GUEST_PAT\)|kvm_mmu_may_ignore_guest_pat\(kvm\))\)"
        r"(?=\s+kvm_zap_gfn_range)",
        r"if (!\1)",
        _with(_WhereHonoured),
    ),
)
