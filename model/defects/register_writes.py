"""Defects of what follows from writes to control registers."""

from __future__ import annotations

from functools import partial

from mmuproof.model.defects.defect import Defect, defect
from mmuproof.model.reference.kvm import ReferenceKvm
from mmuproof.model.reference.register_writes import ReferenceRegisterWrites
from mmuproof.smt.terms import FALSE, BitVec, Bool, all_of, bit, negate

_REGS_C, _X86_C = "arch/x86/kvm/regs.c", "arch/x86/kvm/x86.c"


class _WithoutPcidKeeps(ReferenceRegisterWrites):
    def _without_pcid(self) -> Bool:
        return FALSE


class _WithoutPagingKeeps(ReferenceRegisterWrites):
    def _without_paging(self) -> Bool:
        return FALSE


class _SmepTurnedOff(ReferenceRegisterWrites):
    def _with_smep(self, old: BitVec, new: BitVec) -> Bool:
        return all_of(bit(old, 20), negate(bit(new, 20)))


class _KeepsRoots(ReferenceRegisterWrites):
    def _frees_kept(self) -> Bool:
        return FALSE


class _InitKeeps(ReferenceRegisterWrites):
    def _by_init(self) -> Bool:
        return FALSE


class _MmuKept(ReferenceRegisterWrites):
    def _remakes(self) -> Bool:
        return FALSE


def _with(variant: type[ReferenceRegisterWrites]) -> partial[ReferenceKvm]:
    return partial(ReferenceKvm, register_writes=variant)


DEFECTS: tuple[Defect, ...] = (
    defect(
        "init-keeps-translations",
        "An INIT of a vCPU without paging leaves what it has cached.",
        _X86_C,
        r"if \(init_event\)\s+kvm_make_request\(KVM_REQ_TLB_FLUSH_GUEST, vcpu\);",
        "",
        _with(_InitKeeps),
    ),
    defect(
        "init-keeps-mmu",
        "A vCPU whose paging INIT has turned off goes on with the MMU of before.",
        _X86_C,
        r"(if \(old_cr0 & X86_CR0_PG\) \{\s+kvm_make_request\(KVM_REQ_TLB_FLUSH_GUEST, vcpu\);\s+)"
        r"kvm_mmu_reset_context\(vcpu\);",
        r"\1",
        _with(_MmuKept),
    ),
    defect(
        "cr4-without-pcid-keeps-all",
        "What is cached for other PCIDs is kept when PCIDs are turned off.",
        _REGS_C,
        r"if \(\(\(cr4 \^ old_cr4\) & X86_CR4_PGE\) \|\|\s+\(!\(cr4 & X86_CR4_PCIDE\) && [^\n]*\)\)\)",
        "if ((cr4 ^ old_cr4) & X86_CR4_PGE)",
        _with(_WithoutPcidKeeps),
    ),
    defect(
        "cr0-without-paging-keeps-all",
        "What is cached is kept when paging is turned off.",
        _REGS_C,
        r"if \(!\(cr0 & X86_CR0_PG\)\)\s+kvm_make_request\(KVM_REQ_TLB_FLUSH_GUEST, vcpu\);",
        "if (!(cr0 & X86_CR0_PG))\n;",
        _with(_WithoutPagingKeeps),
    ),
    defect(
        "cr4-flushes-where-smep-goes",
        "What is cached is flushed when SMEP is turned off, and kept when it is turned on.",
        _REGS_C,
        r"\(\(cr4 & X86_CR4_SMEP\) && !\(old_cr4 & X86_CR4_SMEP\)\)",
        "(!(cr4 & X86_CR4_SMEP) && (old_cr4 & X86_CR4_SMEP))",
        _with(_SmepTurnedOff),
    ),
    defect(
        "cr3-keeps-roots-of-pcid",
        "A load of CR3 leaves the roots of its PCID that the vCPU had before.",
        _X86_C,
        r"(if \(kvm_get_pcid\(vcpu, mmu->prev_roots\[i\]\.pgd\) == pcid\)\s+)roots_to_free \|= [^;]*;",
        r"\1;",
        _with(_KeepsRoots),
    ),
)
