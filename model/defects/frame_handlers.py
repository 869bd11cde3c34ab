"""Defects of what is done to the lists of what maps frames."""

from __future__ import annotations

from functools import partial

from mmuproof.model.defects.defect import Defect, defect
from mmuproof.model.frame_handlers import HUGEST, FrameHandler
from mmuproof.model.reference.frame_handlers import ReferenceFrameHandlers
from mmuproof.model.reference.kvm import ReferenceKvm
from mmuproof.smt.terms import FALSE, Bool, all_of, boolean, negate

_MMU_C = "arch/x86/kvm/mmu/mmu.c"


class _ZapToldNothing(ReferenceFrameHandlers):
    def _told_of_list(self, changed: Bool, handler: FrameHandler) -> Bool:
        return all_of(changed, boolean(handler is not FrameHandler.ZAP))


class _LastFrameStays(ReferenceFrameHandlers):
    def _is_whole(self) -> Bool:
        return FALSE


class _HugestStay(ReferenceFrameHandlers):
    def _levels(self) -> range:
        return range(1, HUGEST)


class _FlushBeforeLost(ReferenceFrameHandlers):
    def _keeps(self, flush: Bool) -> Bool:
        return negate(flush)


class _GivesWayUnflushed(ReferenceFrameHandlers):
    def _flushes(self) -> Bool:
        return FALSE


class _SmallPagesWritable(ReferenceFrameHandlers):
    def _from_lowest(self) -> Bool:
        return FALSE


def _handles(variant: type[ReferenceFrameHandlers]) -> partial[ReferenceKvm]:
    return partial(ReferenceKvm, frame_handlers=variant)


_ZAPS = r"(return __walk_slot_rmaps\(kvm, slot, kvm_zap_rmap,\s+PG_LEVEL_4K, )KVM_MAX_HUGEPAGE_LEVEL(,\s+start, )"
_ALL, _TO = "KVM_MAX_HUGEPAGE_LEVEL", "end - 1"
DEFECTS: tuple[Defect, ...] = (
    defect(
        "handed-on-untold",
        "All that maps a frame is taken away, and nobody is told, so that it stays in TLBs.",
        _MMU_C,
        r"return (kvm_zap_all_rmap_sptes\(kvm, rmap_head\));",
        r"\1;\n\treturn false;",
        _handles(_ZapToldNothing),
    ),
    defect(
        "handed-on-without-last",
        "Of a range that userspace takes away the last frame stays mapped.",
        _MMU_C,
        _ZAPS + r"end - 1, can_yield, true, flush\);",
        rf"\1{_ALL}\2end - 2, can_yield, true, flush);",
        _handles(_LastFrameStays),
    ),
    defect(
        "handed-on-without-hugest",
        "Of a range that userspace takes away the largest pages stay mapped.",
        _MMU_C,
        _ZAPS + r"end - 1, can_yield, true, flush\);",
        rf"\1{_ALL} - 1\2{_TO}, can_yield, true, flush);",
        _handles(_HugestStay),
    ),
    defect(
        "handed-on-flush-lost",
        "A flush that is due before a range is taken away is forgotten.",
        _MMU_C,
        _ZAPS + r"end - 1, can_yield, true, flush\);",
        rf"\1{_ALL}\2{_TO}, can_yield, true, false);",
        _handles(_FlushBeforeLost),
    ),
    defect(
        "handed-on-unflushed",
        "The lock is given up in the midst of a range while TLBs have what was taken away.",
        _MMU_C,
        _ZAPS + r"end - 1, can_yield, true, flush\);",
        rf"\1{_ALL}\2{_TO}, can_yield, false, flush);",
        _handles(_GivesWayUnflushed),
    ),
    defect(
        "handed-on-small-writable",
        "A table whose page is to be in sync stays writable through small pages.",
        _MMU_C,
        r"(return kvm_mmu_slot_gfn_write_protect\(vcpu->kvm, slot, gfn, )PG_LEVEL_4K\);",
        r"\1PG_LEVEL_2M);",
        _handles(_SmallPagesWritable),
    ),
)
