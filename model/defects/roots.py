"""Defects of changing and making roots."""

from __future__ import annotations

from functools import partial

from mmuproof.model.defects.defect import Defect, defect
from mmuproof.model.reference.kvm import ReferenceKvm
from mmuproof.model.reference.roots import ReferenceRoots, Taking
from mmuproof.model.roots import KeptRoot, RootChange
from mmuproof.smt.terms import FALSE, TRUE, BitVec, Bool, bv, ule

_MMU_C = "arch/x86/kvm/mmu/mmu.c"


class _EptRootFirst(ReferenceRoots):
    def set_up_before(self, change: RootChange) -> Bool:
        return FALSE if change is RootChange.NESTED_EPT else TRUE


class _RootFirst(ReferenceRoots):
    def set_up_before(self, change: RootChange) -> Bool:
        return FALSE if change is RootChange.NESTED_CR3_VMX else TRUE


class _KeepsRoot(ReferenceRoots):
    def _asks(self, change: RootChange) -> Bool:
        return FALSE if change is RootChange.CR3 else TRUE


class _WhateverRole(ReferenceRoots):
    def _has_role(self, taking: Taking, root: KeptRoot) -> Bool:
        return TRUE


class _KeepsTaken(ReferenceRoots):
    def _emptied(self, root: KeptRoot) -> KeptRoot:
        return root


class _KeepsSpecial(ReferenceRoots):
    def _may_be_kept(self, with_page: Bool) -> Bool:
        return TRUE


class _NotLoaded(ReferenceRoots):
    def _loads(self, found: Bool) -> Bool:
        return FALSE


class _MmioRemembered(ReferenceRoots):
    def _forgets(self, found: Bool) -> Bool:
        return FALSE


class _EptpUnchecked(ReferenceRoots):
    def _is_allowed(self, valid: Bool) -> Bool:
        return TRUE


class _EptpBehindList(ReferenceRoots):
    def _is_listed(self, index: BitVec) -> Bool:
        return ule(index, 512)


class _EptpAtHalf(ReferenceRoots):
    def _entry_bytes(self) -> int:
        return 4


class _EptpSetUpFirst(ReferenceRoots):
    def _at_rebuild(self, before: BitVec, found: BitVec) -> BitVec:
        return before


class _WritablePdpte(ReferenceRoots):
    def _pae_flags(self) -> int:
        return super()._pae_flags() | self.constants.PT_WRITABLE_MASK


class _ReadOnlySpecial(ReferenceRoots):
    def _special_flags(self) -> int:
        return super()._special_flags() & ~self.constants.PT_WRITABLE_MASK


class _PlainDirect(ReferenceRoots):
    def _direct_flags(self, me_value: BitVec) -> BitVec:
        return bv(self.constants.PT_PRESENT_MASK, 64)


class _FramesOfBytes(ReferenceRoots):
    def _first_frame(self, quarter: int) -> int:
        return quarter << 30


class _UnseenRoot(ReferenceRoots):
    def _asks_whether_root_is_shown(self) -> bool:
        return False


class _UnjudgedCr3(ReferenceRoots):
    def _asks_whether_legal(self) -> bool:
        return False


class _FirstQuadrant(ReferenceRoots):
    def _quadrant(self, number: int) -> int:
        return 0


def _roots(variant: type[ReferenceRoots]) -> partial[ReferenceKvm]:
    return partial(ReferenceKvm, roots=variant)


DEFECTS: tuple[Defect, ...] = (
    defect(
        "root-outside-memory",
        "Tables of a guest's are shadowed that begin where no memory slot is.",
        "arch/x86/kvm/mmu/mmu.c",
        r"if \(!kvm_vcpu_is_visible_gfn\(vcpu, root_gfn\)\)",
        "if (false)",
        _roots(_UnseenRoot),
    ),
    defect(
        "nested-cr3-unjudged",
        "A CR3 that no processor of the guest's can have is loaded with L2.",
        "arch/x86/kvm/vmx/nested.c",
        r"if \(CC\(!kvm_vcpu_is_legal_cr3\(vcpu, cr3\)\)\) \{[^}]*\}\n",
        "",
        _roots(_UnjudgedCr3),
    ),
    defect(
        "nested-ept-root-before-role",
        "The root of L1's EPT is looked up before the MMU that shadows it has its role.",
        _MMU_C,
        r"(\n\tif \(new_mode\.as_u64 != context->cpu_role\.as_u64\) \{(?:.*\n)+?\t\}\n)\n"
        r"(\tkvm_mmu_new_pgd\(vcpu, new_eptp\);)",
        r"\n\2\n\1",
        _roots(_EptRootFirst),
    ),
    defect(
        "nested-root-before-set-up",
        "CR3 of L2 is looked up before the MMU is set up for L2's registers.",
        "arch/x86/kvm/vmx/nested.c",
        r"\tkvm_init_mmu\(vcpu\);\n\n(\tif \(!nested_ept\)\n\t\tkvm_mmu_new_pgd\(vcpu, cr3\);\n)",
        r"\1\tkvm_init_mmu(vcpu);\n",
        _roots(_RootFirst),
    ),
    defect(
        "cr3-keeps-root",
        "A write of CR3 leaves the root in use.",
        "arch/x86/kvm/regs.c",
        r"if \(cr3 != kvm_read_cr3\(vcpu\)\)\s+kvm_mmu_new_pgd\(vcpu, cr3\);",
        "",
        _roots(_KeepsRoot),
    ),
    defect(
        "root-taken-whatever-role",
        "A cached root counts as usable whatever its role.",
        _MMU_C,
        r"return role\.word == sp->role\.word;",
        "return true;",
        _roots(_WhateverRole),
    ),
    defect(
        "taken-root-kept",
        "A cached root that is taken stays among the cached ones.",
        _MMU_C,
        r"(mmu->prev_roots\[i\] = mmu->prev_roots\[i \+ 1\];\s+)mmu->prev_roots\[i\]\.hpa = INVALID_PAGE;",
        r"\1;",
        _roots(_KeepsTaken),
    ),
    defect(
        "special-root-kept-for-later",
        "A table of PAE's entries is kept among the roots that the MMU may use again.",
        _MMU_C,
        r"if \(VALID_PAGE\(mmu->root\.hpa\) && !\w+\(mmu->root\.hpa\)\)",
        "if (0)",
        _roots(_KeepsSpecial),
    ),
    defect(
        "found-root-not-loaded",
        "A cached root is taken, and the processor is not told of it.",
        _MMU_C,
        r"kvm_make_request\(KVM_REQ_LOAD_MMU_PGD, vcpu\);(\s+/?\*?[^;]*?if \(force_flush_and_sync_on_reuse\))",
        r"\1",
        _roots(_NotLoaded),
    ),
    defect(
        "found-root-keeps-mmio",
        "A cached root is taken, and the last access to MMIO is remembered by its linear address.",
        _MMU_C,
        r"(\*/\s+)vcpu_clear_mmio_info\(vcpu, MMIO_GVA_ANY\);(\s+/\*\s+\* If this is a direct root page)",
        r"\1\2",
        _roots(_MmioRemembered),
    ),
    defect(
        "eptp-switched-unchecked",
        "L2 switches to an EPTP that L1 may not use.",
        "arch/x86/kvm/vmx/nested.c",
        r"if \(!nested_vmx_check_eptp\(vcpu, new_eptp\)\)(\s+return 1;\s+vmcs12->ept_pointer = new_eptp;)",
        r"if (!nested_vmx_check_eptp(vcpu, new_eptp) && 0)\1",
        _roots(_EptpUnchecked),
    ),
    defect(
        "eptp-behind-list",
        "L2 switches to an EPTP that stands behind L1's list.",
        "arch/x86/kvm/vmx/nested.c",
        r"if \(index >= VMFUNC_EPTP_ENTRIES\)",
        "if (index > VMFUNC_EPTP_ENTRIES)",
        _roots(_EptpBehindList),
    ),
    defect(
        "eptp-at-half",
        "The entries of L1's list of EPTPs are taken to have four bytes.",
        "arch/x86/kvm/vmx/nested.c",
        r"&new_eptp, index \* 8, 8\)",
        "&new_eptp, index * 4, 8)",
        _roots(_EptpAtHalf),
    ),
    defect(
        "eptp-set-up-first",
        "The MMU is set up before L2 has the other EPTP.",
        "arch/x86/kvm/vmx/nested.c",
        r"(vmcs12->ept_pointer = new_eptp;)\s+(nested_ept_new_eptp\(vcpu\);)",
        r"\2\n\t\t\1",
        _roots(_EptpSetUpFirst),
    ),
    defect(
        "pae-root-entry-writable",
        "An entry of the PAE root has a bit that is reserved there.",
        _MMU_C,
        r"pm_mask = PT_PRESENT_MASK \| shadow_me_value;",
        "pm_mask = PT_PRESENT_MASK | PT_WRITABLE_MASK | shadow_me_value;",
        _roots(_WritablePdpte),
    ),
    defect(
        "special-root-read-only",
        "The tables above a PAE root let nothing be written.",
        _MMU_C,
        r"pm_mask \|= PT_ACCESSED_MASK \| PT_WRITABLE_MASK \| PT_USER_MASK;",
        "pm_mask |= PT_ACCESSED_MASK | PT_USER_MASK;",
        _roots(_ReadOnlySpecial),
    ),
    defect(
        "first-quadrant-four-times",
        "All four quarters of a table of 4-byte entries are shadowed by the first.",
        _MMU_C,
        r"quadrant = \(mmu->cpu_role\.base\.level == PT32_ROOT_LEVEL\) \? i : 0;",
        "quadrant = 0;",
        _roots(_FirstQuadrant),
    ),
    defect(
        "direct-root-entry-not-encrypted",
        "An entry of a PAE root without guest tables behind it is not encrypted.",
        _MMU_C,
        r"(mmu->pae_root\[i\] = root \| PT_PRESENT_MASK) \|\s+shadow_me_value;",
        r"\1;",
        _roots(_PlainDirect),
    ),
    defect(
        "direct-root-of-addresses",
        "The four pages of a PAE root without guest tables behind it are for addresses instead of frames.",
        _MMU_C,
        r"i << \(30 - PAGE_SHIFT\), 0,",
        "i << 30, 0,",
        _roots(_FramesOfBytes),
    ),
)
