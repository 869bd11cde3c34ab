"""Defects of what changes SPTEs, and of the fields that make_spte() fills besides permissions."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from mmuproof.model.defects.defect import Defect, defect
from mmuproof.model.masks import ShadowMasks
from mmuproof.model.reference.base.trace import Trace
from mmuproof.model.reference.kvm import ReferenceKvm
from mmuproof.model.reference.masks import ReferenceMasks
from mmuproof.model.reference.spte_changes import ReferenceSpteChanges
from mmuproof.model.reference.sptes import ReferenceSptes
from mmuproof.model.sptes import SpteRequest
from mmuproof.smt.terms import FALSE, TRUE, BitVec, Bool, bv, ite, ne

_SPTE_H = "arch/x86/kvm/mmu/spte.h"
_SPTE_C = "arch/x86/kvm/mmu/spte.c"
_MMU_C = "arch/x86/kvm/mmu/mmu.c"
_TDP_MMU_C = "arch/x86/kvm/mmu/tdp_mmu.c"
_NOTHING = bv(0, 64)


class _NotMitigated(ReferenceSptes):
    def _without_execution(self, masks: ShadowMasks, pte_access: BitVec) -> BitVec:
        return pte_access


class _FrameOffByOne(ReferenceSptes):
    def _address(self, pfn: BitVec) -> BitVec:
        return super()._address(pfn) << 1


class _WritableWithoutDirty(ReferenceSptes):
    def _writable_bits(self, masks: ShadowMasks) -> BitVec:
        return super()._writable_bits(replace(masks, dirty=_NOTHING))


class _AllLoggedByPml(ReferenceSptes):
    def _ad_type(self, request: SpteRequest) -> BitVec:
        return ite(request.ad_disabled, bv(self.constants.SPTE_TDP_AD_DISABLED, 64), self.constants.SPTE_TDP_AD_ENABLED)


class _MmioEncrypted(ReferenceSptes):
    def _encryption(self, masks: ShadowMasks, trace: Trace) -> BitVec:
        return masks.me_value


class _VePossible(ReferenceMasks):
    def set_ept_masks(self, masks: ShadowMasks) -> ShadowMasks:
        return replace(super().set_ept_masks(masks), present=_NOTHING)


class _SplitForgetsOffset(ReferenceSpteChanges):
    def _small_offset(self, offset: BitVec) -> BitVec:
        return _NOTHING


class _SplitKeepsPageSize(ReferenceSpteChanges):
    def _last_small(self, spte: BitVec) -> BitVec:
        return spte


class _ExecuteByUserBit(ReferenceSpteChanges):
    def _no_execute(self, masks: ShadowMasks, access: BitVec) -> BitVec:
        return ite(ne(access & self.constants.ACC_USER_MASK, 0), _NOTHING, super()._no_execute(masks, access))


class _SplitIgnoresRoleAccess(ReferenceSpteChanges):
    def _small_executable(self, masks: ShadowMasks, spte: BitVec, access: BitVec, trace: Trace) -> BitVec:
        return super()._small_executable(masks, spte, bv(self.constants.ACC_ALL, access.width), trace)


class _SplitForgetsXu(ReferenceSpteChanges):
    def _user_execute(self, masks: ShadowMasks, access: BitVec) -> BitVec:
        return _NOTHING


class _CollapseKeepsExecution(ReferenceSpteChanges):
    def _collapse_mitigated(self) -> Bool:
        return FALSE


class _CollapseKeepsOffset(ReferenceSpteChanges):
    def _huge_address_mask(self, level: BitVec, trace: Trace) -> BitVec:
        return ~_NOTHING


class _TrackedMmuWritable(ReferenceSpteChanges):
    def _write_tracked(self, masks: ShadowMasks) -> BitVec:
        return _NOTHING


class _TypeIgnored(ReferenceSpteChanges):
    def _dirty_by_ad_type(self, masks: ShadowMasks, spte: BitVec) -> BitVec:
        return masks.dirty


class _NoAdBitsIgnored(ReferenceSpteChanges):
    def tdp_mmu_need_write_protect(self, masks: ShadowMasks) -> Bool:
        return self._sptes.ad_need_write_protect()


class _AgeClearsDirty(ReferenceSpteChanges):
    def _tdp_used(self, masks: ShadowMasks) -> BitVec:
        return masks.dirty


class _AnythingBecomesWritable(ReferenceSpteChanges):
    def _can_become_writable(self, masks: ShadowMasks, spte: BitVec) -> Bool:
        return TRUE


class _NonleafWithoutXu(ReferenceSpteChanges):
    def _nonleaf_permissions(self, masks: ShadowMasks) -> BitVec:
        return super()._nonleaf_permissions(replace(masks, xu=_NOTHING))


class _NonleafUnencrypted(ReferenceSpteChanges):
    def _nonleaf_memory(self, masks: ShadowMasks) -> BitVec:
        return _NOTHING


class _NxNotExecutable(ReferenceSpteChanges):
    def is_executable_pte(self, masks: ShadowMasks, spte: BitVec) -> Bool:
        return ne(spte & (masks.x | masks.xu), masks.nx)


def _changes(variant: type[ReferenceSpteChanges]) -> partial[ReferenceKvm]:
    return partial(ReferenceKvm, spte_changes=variant)


class _TrackedWithoutFlush(ReferenceSpteChanges):
    def leaf_spte_change_needs_tlb_flush(self, masks: ShadowMasks, old_spte: BitVec, new_spte: BitVec) -> Bool:
        return FALSE


class _AlwaysFlushes(ReferenceSpteChanges):
    def leaf_spte_change_needs_tlb_flush(self, masks: ShadowMasks, old_spte: BitVec, new_spte: BitVec) -> Bool:
        return TRUE


class _ProtectedWithoutFlush(ReferenceSpteChanges):
    def _write_protection_flushes(self, changed: Bool) -> Bool:
        return FALSE


class _FixNotLogged(ReferenceSpteChanges):
    def _marks_dirty(self, becomes_writable: Bool) -> Bool:
        return FALSE


class _HugeFixed(ReferenceSpteChanges):
    def _logged_and_huge(self, level: BitVec) -> Bool:
        return FALSE


class _FixLeavesUnused(ReferenceSpteChanges):
    def _used_by_fix(self, masks: ShadowMasks) -> BitVec:
        return _NOTHING


DEFECTS: tuple[Defect, ...] = (
    defect(
        "nx-huge-not-mitigated",
        "make_spte() makes huge pages executable under the iTLB-multihit mitigation.",
        _SPTE_C,
        r"if \(level > PG_LEVEL_4K && is_nx_huge_page_enabled\(vcpu->kvm\)\) \{",
        "if (0) {",
        partial(ReferenceKvm, sptes=_NotMitigated),
    ),
    defect(
        "frame-off-by-one",
        "make_spte() shifts the page frame number one bit too far.",
        _SPTE_C,
        r"spte \|= \(u64\)pfn << PAGE_SHIFT;",
        "spte |= (u64)pfn << (PAGE_SHIFT + 1);",
        partial(ReferenceKvm, sptes=_FrameOffByOne),
    ),
    defect(
        "writable-without-dirty",
        "make_spte() makes pages writable without D.",
        _SPTE_C,
        r"(spte \|= PT_WRITABLE_MASK \| shadow_mmu_writable_mask) \|\s+shadow_dirty_mask;",
        r"\1;",
        partial(ReferenceKvm, sptes=_WritableWithoutDirty),
    ),
    defect(
        "l2-pages-logged-by-pml",
        "The SPTEs of L2's pages count on PML, which logs L1's writes only.",
        _SPTE_C,
        r"else if \(kvm_mmu_page_ad_need_write_protect\(vcpu->kvm, sp\)\)",
        "else if (0)",
        partial(ReferenceKvm, sptes=_AllLoggedByPml),
    ),
    defect(
        "encryption-of-mmio",
        "MMIO of the host is mapped as encrypted.",
        _SPTE_C,
        r"if \(shadow_me_value && !kvm_is_mmio_pfn\(pfn, &is_host_mmio\)\)",
        "if (shadow_me_value)",
        partial(ReferenceKvm, sptes=_MmioEncrypted),
    ),
    defect(
        "present-mask-without-suppress-ve",
        "The SPTEs of EPT are made without suppress-#VE.",
        _SPTE_C,
        r"(shadow_present_mask\s*=\s*)VMX_EPT_SUPPRESS_VE_BIT;",
        r"\g<1>0;",
        partial(ReferenceKvm, masks=_VePossible),
    ),
    defect(
        "split-forgets-offset",
        "Splitting a huge page maps its first small page everywhere.",
        _SPTE_C,
        r"child_spte \|= \(index \* KVM_PAGES_PER_HPAGE\(role\.level\)\) << PAGE_SHIFT;",
        "",
        _changes(_SplitForgetsOffset),
    ),
    defect(
        "split-keeps-page-size",
        "Splitting leaves the page-size bit set in the SPTEs of 4-KByte pages.",
        _SPTE_C,
        r"child_spte &= ~PT_PAGE_SIZE_MASK;",
        "",
        _changes(_SplitKeepsPageSize),
    ),
    defect(
        "split-execute-by-user-bit",
        "Outside EPT a split takes the user bit of the role for execution.",
        _SPTE_C,
        r"set = \(access & ACC_EXEC_MASK\) \? 0 : shadow_nx_mask;",
        "set = (access & (ACC_EXEC_MASK | ACC_USER_EXEC_MASK)) ? 0 : shadow_nx_mask;",
        _changes(_ExecuteByUserBit),
    ),
    defect(
        "split-ignores-role-access",
        "A split makes small pages executable whatever their page's role allows.",
        _SPTE_C,
        r"change_spte_executable\(child_spte, role\.access\)",
        "change_spte_executable(child_spte, ACC_ALL)",
        _changes(_SplitIgnoresRoleAccess),
    ),
    defect(
        "split-forgets-xu",
        "A split gives back XS and not XU.",
        _SPTE_C,
        r"\(access & ACC_USER_EXEC_MASK \? shadow_xu_mask : 0\)",
        "0",
        _changes(_SplitForgetsXu),
    ),
    defect(
        "collapse-keeps-execution",
        "Putting a huge page together leaves it executable under the mitigation.",
        _SPTE_C,
        r"if \(is_nx_huge_page_enabled\(kvm\)\)(\s+huge_spte = change)",
        r"if (0)\1",
        _changes(_CollapseKeepsExecution),
    ),
    defect(
        "collapse-keeps-offset",
        "Putting a huge page together leaves the address that of the small page.",
        _SPTE_C,
        r"huge_spte &= KVM_HPAGE_MASK\(level\) \| ~PAGE_MASK;",
        "",
        _changes(_CollapseKeepsOffset),
    ),
    defect(
        "write-tracking-keeps-mmu-writable",
        "Write-tracking in the shadow MMU leaves SPTEs MMU-writable.",
        _MMU_C,
        r"if \(pt_protect\)\s+spte &= ~shadow_mmu_writable_mask;",
        "",
        _changes(_TrackedMmuWritable),
    ),
    defect(
        "clear-dirty-ignores-type",
        "The shadow MMU clears D of SPTEs whose writes D does not log.",
        _MMU_C,
        r"if \(spte_ad_need_write_protect\(\*sptep\)\)",
        "if (0)",
        _changes(_TypeIgnored),
    ),
    defect(
        "clear-dirty-without-ad-bits",
        "The TDP MMU clears D although the processor has none.",
        _TDP_MMU_C,
        r"(return kvm_mmu_page_ad_need_write_protect\(kvm, sp\)) \|\| !kvm_ad_enabled;",
        r"\1;",
        _changes(_NoAdBitsIgnored),
    ),
    defect(
        "age-clears-dirty",
        "Aging in the TDP MMU clears D, not A.",
        _TDP_MMU_C,
        r"(new_spte = iter->old_spte & )~shadow_accessed_mask;",
        r"\1~shadow_dirty_mask;",
        _changes(_AgeClearsDirty),
    ),
    defect(
        "fast-fault-ignores-mmu-writable",
        "fast_page_fault() makes SPTEs writable that have to stay write-protected.",
        _MMU_C,
        r"if \(fault->write && is_mmu_writable_spte\(spte\)\)",
        "if (fault->write)",
        _changes(_AnythingBecomesWritable),
    ),
    defect(
        "nonleaf-without-xu",
        "Entries that lead to page tables lack XU.",
        _SPTE_C,
        r"shadow_xs_mask \| shadow_xu_mask \| shadow_me_value;",
        "shadow_xs_mask | shadow_me_value;",
        _changes(_NonleafWithoutXu),
    ),
    defect(
        "nonleaf-unencrypted",
        "Entries that lead to page tables lack the encryption bit.",
        _SPTE_C,
        r"shadow_xu_mask \| shadow_me_value;",
        "shadow_xu_mask;",
        _changes(_NonleafUnencrypted),
    ),
    defect(
        "nx-taken-for-executable",
        "is_executable_pte() does not look at NX.",
        _SPTE_H,
        r"\(spte & \(shadow_xs_mask \| shadow_xu_mask \| shadow_nx_mask\)\) != shadow_nx_mask",
        "(spte & (shadow_xs_mask | shadow_xu_mask)) != shadow_nx_mask",
        _changes(_NxNotExecutable),
    ),
    defect(
        "write-track-without-flush",
        "A write-tracked SPTE of the shadow MMU may be written through an old translation.",
        _SPTE_H,
        r"return is_mmu_writable_spte\(old_spte\) && !is_mmu_writable_spte\(new_spte\);",
        "return false;",
        _changes(_TrackedWithoutFlush),
    ),
    defect(
        "leaf-change-always-flushes",
        "Every change of an SPTE of the shadow MMU that is present asks for a flush.",
        _SPTE_H,
        r"return is_mmu_writable_spte\(old_spte\) && !is_mmu_writable_spte\(new_spte\);",
        "return true;",
        _changes(_AlwaysFlushes),
    ),
    defect(
        "tdp-write-protect-without-flush",
        "A write-tracked SPTE of the TDP MMU may be written through an old translation.",
        _TDP_MMU_C,
        r"(tdp_mmu_iter_set_spte\(kvm, &iter, new_spte\);\s+spte_set = )true;",
        r"\1false;",
        _changes(_ProtectedWithoutFlush),
    ),
    defect(
        "fast-fault-not-logged",
        "fast_page_fault() makes SPTEs writable and does not mark the pages in the dirty log.",
        _MMU_C,
        r"(if \(is_writable_pte\(new_spte\) && !is_writable_pte\(old_spte\)\)\s+)"
        r"mark_page_dirty_in_slot\(vcpu->kvm, fault->slot, fault->gfn\);",
        r"\1;",
        partial(ReferenceKvm, spte_changes=_FixNotLogged),
    ),
    defect(
        "fast-fault-leaves-unused",
        "An SPTE that fast_page_fault() restores counts as unused.",
        _MMU_C,
        r"(new_spte = restore_acc_track_spte\(new_spte\)) \|\s+shadow_accessed_mask;",
        r"\1;",
        partial(ReferenceKvm, spte_changes=_FixLeavesUnused),
    ),
    defect(
        "fast-fault-logs-huge-pages",
        "fast_page_fault() makes huge pages writable although their writes are logged.",
        _MMU_C,
        r"if \(sp->role\.level > PG_LEVEL_4K &&\s+kvm_slot_dirty_track_enabled\(fault->slot\)\)\s+break;",
        "",
        partial(ReferenceKvm, spte_changes=_HugeFixed),
    ),
)
