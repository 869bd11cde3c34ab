"""Defects of functions that hand on what they are given."""

from __future__ import annotations

from functools import partial

from mmuproof.model.defects.defect import Defect, defect
from mmuproof.model.hand_overs import HandOver
from mmuproof.model.reference.hand_overs import ReferenceHandOvers
from mmuproof.model.reference.kvm import ReferenceKvm
from mmuproof.smt.terms import FALSE, TRUE, Bool, boolean, negate

_MMU_C = "arch/x86/kvm/mmu/mmu.c"
_MMU_H = "arch/x86/kvm/mmu.h"
_TDP_MMU_C = "arch/x86/kvm/mmu/tdp_mmu.c"
_TEMPLATE = "arch/x86/kvm/mmu/paging_tmpl.h"


class _LinkedUnflushed(ReferenceHandOvers):
    def _is_right(self, by: HandOver, what: str, _nested: bool) -> Bool:
        return boolean((by, what) != (HandOver.LINKS, "flush"))


class _AccessIsFull(ReferenceHandOvers):
    def _is_right(self, by: HandOver, what: str, _nested: bool) -> Bool:
        return boolean((by, what) != (HandOver.NOTES_MAPPING, "access"))


class _FrameLost(ReferenceHandOvers):
    def _is_right(self, by: HandOver, what: str, _nested: bool) -> Bool:
        return boolean((by, what) != (HandOver.SETS_ACCESS, "gfn"))


class _OldIsNew(ReferenceHandOvers):
    def _is_right(self, by: HandOver, what: str, _nested: bool) -> Bool:
        return boolean((by, what) != (HandOver.CHANGED, "old_spte"))


class _NothingGivenUp(ReferenceHandOvers):
    def _is_answered(self, by: HandOver) -> Bool:
        return boolean(by is not HandOver.GIVES_UP)


class _AllStays(ReferenceHandOvers):
    def _made(self, by: HandOver, to: str) -> Bool:
        return FALSE if by is HandOver.GIVES_UP_ALL else super()._made(by, to)


class _OtherTables(ReferenceHandOvers):
    def _is_right(self, _by: HandOver, what: str, nested: bool) -> Bool:
        return boolean(not nested or what != "the tables in use")


class _FetchForgotten(ReferenceHandOvers):
    def _is_right(self, by: HandOver, what: str, _nested: bool) -> Bool:
        return boolean((by, what) != (HandOver.INTERCEPTED, "error_code"))


class _HostsFaultToo(ReferenceHandOvers):
    def _made(self, by: HandOver, to: str) -> Bool:
        return TRUE if by is HandOver.INTERCEPTED else super()._made(by, to)


class _OtherMmu(ReferenceHandOvers):
    def _made(self, by: HandOver, to: str) -> Bool:
        return FALSE if by is HandOver.OF_TDP else super()._made(by, to)


class _NeverDirty(ReferenceHandOvers):
    def _is_right(self, by: HandOver, what: str, _nested: bool) -> Bool:
        return boolean((by, what) != (HandOver.ENDS_FAULT, "dirty"))


class _ObsoleteKept(ReferenceHandOvers):
    def _made(self, by: HandOver, to: str) -> Bool:
        return FALSE if to == "kvm_mmu_free_obsolete_roots" else super()._made(by, to)


class _WriteUntold(ReferenceHandOvers):
    def _made(self, by: HandOver, to: str) -> Bool:
        return FALSE if by is HandOver.WRITES else super()._made(by, to)


class _WriteToldShort(ReferenceHandOvers):
    def _is_right(self, by: HandOver, what: str, _nested: bool) -> Bool:
        return boolean((by, what) != (HandOver.WRITES, "bytes"))


class _NoRootMade(ReferenceHandOvers):
    def _made(self, by: HandOver, to: str) -> Bool:
        made = super()._made(by, to)
        return negate(made) if to == "kvm_mmu_load" else made


def _hands(variant: type[ReferenceHandOvers]) -> partial[ReferenceKvm]:
    return partial(ReferenceKvm, hand_overs=variant)


DEFECTS: tuple[Defect, ...] = (
    defect(
        "handed-over-unflushed",
        "A page of SPTEs is linked in the place of a huge page that stays in TLBs.",
        _MMU_C,
        r"(__link_shadow_page\(vcpu->kvm, &vcpu->arch\.mmu_pte_list_desc_cache, sptep, sp, )true\)",
        r"\1false)",
        _hands(_LinkedUnflushed),
    ),
    defect(
        "handed-over-full-access",
        "What maps a frame is noted with all rights.",
        _MMU_C,
        r"(\t__rmap_add\(vcpu->kvm, cache, slot, spte, gfn, )access\)",
        r"\1ACC_ALL)",
        _hands(_AccessIsFull),
    ),
    defect(
        "handed-over-frame-lost",
        "With the rights of a guest's entry its frame is set to that of the whole page.",
        _MMU_C,
        r"(\tkvm_mmu_page_set_translation\(sp, index, )gfn, access\);",
        r"\1sp->gfn, access);",
        _hands(_FrameLost),
    ),
    defect(
        "handed-over-old-is-new",
        "The change of an SPTE is told as if it had been what it becomes.",
        _TDP_MMU_C,
        r"(KVM_BUG_ON\(__handle_changed_spte\(kvm, sp, gfn, )old_spte, new_spte,",
        r"\1new_spte, new_spte,",
        _hands(_OldIsNew),
    ),
    defect(
        "handed-over-none-given-up",
        "A caller is told that no page of SPTEs has been given up.",
        _MMU_C,
        r"return nr_zapped;\n\}\n\nstatic void kvm_mmu_commit",
        r"return false;\n}\n\nstatic void kvm_mmu_commit",
        _hands(_NothingGivenUp),
    ),
    defect(
        "handed-over-all-stays",
        "When a VM's memory goes, its SPTEs stay.",
        _MMU_C,
        r"(void kvm_arch_flush_shadow_all\(struct kvm \*kvm\)\n\{\n)\tkvm_mmu_zap_all\(kvm\);",
        r"\1",
        _hands(_AllStays),
    ),
    defect(
        "handed-over-other-tables",
        "A fault on L1's tables walks those of the guest itself.",
        _TEMPLATE,
        r"(return FNAME\(walk_addr_generic\)\(walker, vcpu, )vcpu->arch\.mmu",
        r"\1(&vcpu->arch.root_mmu)",
        _hands(_OtherTables),
    ),
    defect(
        "handed-over-fetch-forgotten",
        "A page fault is handled as if it were none of a fetch.",
        _MMU_C,
        r"(r = kvm_mmu_page_fault\(vcpu, fault_address, )error_code,",
        r"\1error_code & ~PFERR_FETCH_MASK,",
        _hands(_FetchForgotten),
    ),
    defect(
        "handed-over-hosts-fault",
        "A page that the host has not ready is taken for a fault of the guest's.",
        _MMU_C,
        r"(kvm_request_l1tf_flush_l1d\(\);\n\tif \()!flags\)",
        r"\1!flags || flags & KVM_PV_REASON_PAGE_NOT_PRESENT)",
        _hands(_HostsFaultToo),
    ),
    defect(
        "handed-over-other-mmu",
        "The TDP MMU's tables are filled by the shadow MMU.",
        _MMU_C,
        r"\tif \(tdp_mmu_enabled\)\n\t\treturn kvm_tdp_mmu_page_fault\(vcpu, fault\);",
        r"\tif (!tdp_mmu_enabled)\n\t\treturn kvm_tdp_mmu_page_fault(vcpu, fault);",
        _hands(_OtherMmu),
    ),
    defect(
        "handed-over-never-dirty",
        "A page that the guest may write is given back to the host as clean.",
        _MMU_C,
        r"(r == RET_PF_RETRY, )fault->map_writable\);",
        r"\1false);",
        _hands(_NeverDirty),
    ),
    defect(
        "reload-keeps-obsolete",
        "The request to give up obsolete roots is taken, and they are kept.",
        _MMU_H,
        r"(FREE_OBSOLETE_ROOTS, vcpu\)\)\n)\t\tkvm_mmu_free_obsolete_roots\(vcpu\);",
        r"\1\t\treturn 0;",
        _hands(_ObsoleteKept),
    ),
    defect(
        "reload-without-root",
        "A guest is entered without a root, and one that is there is made again.",
        _MMU_H,
        r"(likely\(vcpu->arch\.mmu->root\.hpa )!= INVALID_PAGE",
        r"\1== INVALID_PAGE",
        _hands(_NoRootMade),
    ),
    defect(
        "write-untold",
        "A guest changes a table that is shadowed by an instruction that KVM emulates, and the shadow stays.",
        "arch/x86/kvm/x86.c",
        r"(if \(ret < 0\)\n\t\treturn 0;)\n\tkvm_page_track_write\(vcpu, gpa, val, bytes\);",
        r"\1",
        _hands(_WriteUntold),
    ),
    defect(
        "write-told-short",
        "Of an entry that an emulated instruction writes only the first byte counts as changed.",
        "arch/x86/kvm/x86.c",
        r"(if \(ret < 0\)\n\t\treturn 0;\n\tkvm_page_track_write\(vcpu, gpa, val, )bytes\);",
        r"\g<1>1);",
        _hands(_WriteToldShort),
    ),
)
