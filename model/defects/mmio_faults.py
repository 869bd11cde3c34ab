"""Defects of faults on MMIO SPTEs, of what is remembered of MMIO, and of faults as a whole."""

from __future__ import annotations

from functools import partial

from mmuproof.model.defects.defect import Defect, defect
from mmuproof.model.masks import ShadowMasks
from mmuproof.model.reference.kvm import ReferenceKvm
from mmuproof.model.reference.mmio_faults import ReferenceMmioFaults
from mmuproof.smt.terms import FALSE, TRUE, BitVec, Bool, any_of

_MMU_C, _X86_H = "arch/x86/kvm/mmu/mmu.c", "arch/x86/kvm/x86.h"


class _BelievesStale(ReferenceMmioFaults):
    def _is_current(self, masks: ShadowMasks, spte: BitVec, generation: BitVec) -> Bool:
        return TRUE


class _StaleIsRetried(ReferenceMmioFaults):
    def _stale_is_invalid(self) -> bool:
        return False


class _EmulatesAny(ReferenceMmioFaults):
    def _is_mmio(self, masks: ShadowMasks, spte: BitVec) -> Bool:
        return TRUE


class _RemembersDirect(ReferenceMmioFaults):
    def _gva_of(self, addr: BitVec, direct: Bool) -> BitVec:
        return addr


class _WhateverGeneration(ReferenceMmioFaults):
    def _of_memslots(self, generation: BitVec) -> Bool:
        return TRUE


class _DuringUpdate(ReferenceMmioFaults):
    def _may_fill(self, generation: BitVec) -> Bool:
        return TRUE


class _OfNested(ReferenceMmioFaults):
    def _hides_address(self, *, nested: bool) -> bool:
        return False


class _OutdatedRetried(ReferenceMmioFaults):
    def _goes_on(self, mmio: BitVec) -> Bool:
        return FALSE


class _WriteEmulated(ReferenceMmioFaults):
    def _emulates(self, last: BitVec, asked: BitVec) -> Bool:
        return any_of(super()._emulates(last, asked), self._is_protected(asked))


def _faults(variant: type[ReferenceMmioFaults]) -> partial[ReferenceKvm]:
    return partial(ReferenceKvm, mmio_faults=variant)


DEFECTS: tuple[Defect, ...] = (
    defect(
        "mmio-fault-believes-stale",
        "An MMIO SPTE from before the memslots changed is believed where its fault is handled.",
        _MMU_C,
        r"if \(!check_mmio_spte\(vcpu, spte\)\)\s+return RET_PF_INVALID;",
        "",
        _faults(_BelievesStale),
    ),
    defect(
        "mmio-fault-retries-stale",
        "A fault on an outdated MMIO SPTE is tried again, and the SPTE stays.",
        _MMU_C,
        r"(if \(!check_mmio_spte\(vcpu, spte\)\)\s+return )RET_PF_INVALID;",
        r"\1RET_PF_RETRY;",
        _faults(_StaleIsRetried),
    ),
    defect(
        "mmio-fault-emulates-any",
        "A fault with RSVD is taken for one on MMIO whatever the SPTE is by now.",
        _MMU_C,
        r"if \(is_mmio_spte\((?:vcpu->kvm, )?spte\)\) (\{\s+gfn_t gfn = get_mmio_spte_gfn)",
        r"if (1) \1",
        _faults(_EmulatesAny),
    ),
    defect(
        "mmio-fault-remembers-direct",
        "The guest-physical address of a fault on MMIO is remembered as a linear one.",
        _MMU_C,
        r"if \(direct\)\s+addr = 0;",
        "",
        _faults(_RemembersDirect),
    ),
    defect(
        "mmio-cache-whatever-generation",
        "What a vCPU remembers of MMIO is believed after the memslots have changed.",
        _X86_H,
        r"return vcpu->arch\.mmio_gen == [^;]+;",
        "return true;",
        _faults(_WhateverGeneration),
    ),
    defect(
        "mmio-cache-during-update",
        "MMIO is remembered while the memslots change.",
        _X86_H,
        r"if \(unlikely\(gen & KVM_MEMSLOT_GEN_UPDATE_IN_PROGRESS\)\)\s+return;",
        "",
        _faults(_DuringUpdate),
    ),
    defect(
        "mmio-cache-of-nested",
        "An address of L2's guest-physical memory is remembered as a linear one.",
        _X86_H,
        r"mmio_gva = mmu_is_nested\(vcpu\) \? 0 : gva & PAGE_MASK;",
        "mmio_gva = gva & PAGE_MASK;",
        _faults(_OfNested),
    ),
    defect(
        "answered-mmio-outdated-retried",
        "A fault on an outdated MMIO SPTE goes to nobody.",
        _MMU_C,
        r"if \(r == RET_PF_INVALID\) \{(\s+(?:vcpu->stat\.pf_taken\+\+;\s+)?r = kvm_mmu_do_page_fault\()",
        r"if (r == RET_PF_INVALID && !(error_code & PFERR_RSVD_MASK)) {\1",
        _faults(_OutdatedRetried),
    ),
    defect(
        "answered-write-unasked",
        "An instruction that writes to a guest's table is emulated whatever is decided about the write.",
        _MMU_C,
        r"r = kvm_mmu_write_protect_fault\(vcpu, cr2_or_gpa, error_code,\s+&emulation_type\);",
        r"{ kvm_mmu_write_protect_fault(vcpu, cr2_or_gpa, error_code, &emulation_type); r = RET_PF_EMULATE; }",
        _faults(_WriteEmulated),
    ),
)
