"""Defects of synchronizing what is below a page, and of giving it up."""

from __future__ import annotations

from functools import partial

from mmuproof.model.defects.defect import Defect, defect
from mmuproof.model.reference.child_syncs import ReferenceChildSyncs
from mmuproof.model.reference.kvm import ReferenceKvm
from mmuproof.smt.terms import FALSE, TRUE, BitVec, Bool, negate

_MMU_C = "arch/x86/kvm/mmu/mmu.c"


class _ForgetsFound(ReferenceChildSyncs):
    def _forgets_found(self) -> Bool:
        return TRUE


class _ProtectedByLast(ReferenceChildSyncs):
    def _is_noted(self) -> Bool:
        return FALSE


class _SyncsUnflushed(ReferenceChildSyncs):
    def _flushed_before(self, _changed: Bool) -> Bool:
        return FALSE


class _DueByLast(ReferenceChildSyncs):
    def _is_due_kept(self) -> Bool:
        return FALSE


class _StopsForGood(ReferenceChildSyncs):
    def _asked(self, _stops: Bool) -> Bool:
        return FALSE


class _SearchesInSync(ReferenceChildSyncs):
    def _is_searched(self, below: Bool) -> Bool:
        return negate(below)


class _ZapsFirstFound(ReferenceChildSyncs):
    def _looks_again(self, _done: Bool) -> Bool:
        return FALSE


class _ZapsNone(ReferenceChildSyncs):
    def _is_zapped(self, _zaps: Bool) -> Bool:
        return FALSE


class _NotedAfterZap(ReferenceChildSyncs):
    def _is_counted_above(self, _zaps: Bool) -> Bool:
        return FALSE


class _ZapsUncounted(ReferenceChildSyncs):
    def _counted(self, before: BitVec) -> BitVec:
        return before


def _syncs(variant: type[ReferenceChildSyncs]) -> partial[ReferenceKvm]:
    return partial(ReferenceKvm, child_syncs=variant)


DEFECTS: tuple[Defect, ...] = (
    defect(
        "children-forgotten",
        "An entry is no longer noted as leading to pages out of sync, although some are below it.",
        _MMU_C,
        r"nr_unsync_leaf \+= ret;",
        "nr_unsync_leaf += ret;\n\t\t\t\tclear_unsync_child_bit(sp, i);",
        _syncs(_ForgetsFound),
    ),
    defect(
        "children-protected-by-last",
        "Whether write-protecting has changed an SPTE is asked of the last page alone.",
        _MMU_C,
        r"protected \|= kvm_vcpu_write_protect_gfn\(vcpu, sp->gfn\);",
        "protected = kvm_vcpu_write_protect_gfn(vcpu, sp->gfn);",
        _syncs(_ProtectedByLast),
    ),
    defect(
        "children-synced-unflushed",
        "Pages are synchronized while the guest can still write their tables through its TLB.",
        _MMU_C,
        r"kvm_mmu_remote_flush_or_zap\(vcpu->kvm, &invalid_list, true\);",
        "",
        _syncs(_SyncsUnflushed),
    ),
    defect(
        "children-due-by-last",
        "Whether a flush is due is asked of the last page alone.",
        _MMU_C,
        r"flush \|= kvm_sync_page\(vcpu, sp, &invalid_list\) > 0;",
        "flush = kvm_sync_page(vcpu, sp, &invalid_list) > 0;",
        _syncs(_DueByLast),
    ),
    defect(
        "children-stopped-for-good",
        "Pages stay out of sync where their synchronization has been stopped.",
        _MMU_C,
        r"kvm_make_request\(KVM_REQ_MMU_SYNC, vcpu\);(\s+return -EINTR;)",
        r"\1",
        _syncs(_StopsForGood),
    ),
    defect(
        "children-searched-in-sync",
        "It is looked below a page only if nothing below it is out of sync.",
        _MMU_C,
        r"if \(!sp->unsync_children\)(\s+return 0;)",
        r"if (sp->unsync_children)\1",
        _syncs(_SearchesInSync),
    ),
    defect(
        "children-zapped-once",
        "Of the pages out of sync below one that is given up, those go that are found at once, and the rest stays.",
        _MMU_C,
        r"(zapped\+\+;\s+\})(\s+\}\s+return zapped;)",
        r"\1 break;\2",
        _syncs(_ZapsFirstFound),
    ),
    defect(
        "children-not-zapped",
        "Pages out of sync below one that is given up are counted, and stay.",
        _MMU_C,
        r"kvm_mmu_prepare_zap_page\(kvm, sp, invalid_list\);(\s+mmu_pages_clear_parents)",
        r"\1",
        _syncs(_ZapsNone),
    ),
    defect(
        "children-noted-after-zap",
        "A page that is given up goes on counting as one out of sync below those above it.",
        _MMU_C,
        r"mmu_pages_clear_parents\(&parents\);(\s+zapped\+\+;)",
        r"\1",
        _syncs(_NotedAfterZap),
    ),
    defect(
        "children-zapped-uncounted",
        "It is not told that pages below one were given up: whoever goes through all pages goes on from one of them.",
        _MMU_C,
        r"zapped\+\+;(\s+\}\s+\}\s+return zapped;)",
        r"\1",
        _syncs(_ZapsUncounted),
    ),
)
