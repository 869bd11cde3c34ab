"""What Linux 7.2.13 does to log the dirty pages of a slot."""

from __future__ import annotations

from mmuproof.model.dirty_logging import DirtyLogging, FlagsApplied, HugePagesProtected, MaskLogged
from mmuproof.model.evidence import Evidence
from mmuproof.model.reference.base.area import ReferenceArea
from mmuproof.smt.terms import TRUE, BitVec, Bool, all_of, bit, bv, eq, ite, ne, var

_OLD, _NEW, _CHANGE = var("old->flags", 32), var("new->flags", 32), var("change", 32)
_MANUAL, _SIZE = var("kvm->manual_dirty_log_protect", 64), var("kvm->arch.cpu_dirty_log_size", 32)


class ReferenceDirtyLogging(ReferenceArea, DirtyLogging):
    """``kvm_mmu_slot_apply_flags()``."""

    def flags_applied(self) -> FlagsApplied:
        """See `DirtyLogging.flags_applied`."""
        log, read_only = self.constants.KVM_MEM_LOG_DIRTY_PAGES, self.constants.KVM_MEM_READONLY
        starts = all_of(
            eq(_CHANGE, self.constants.KVM_MR_FLAGS_ONLY),
            eq(_NEW & read_only, 0),
            ne((_OLD ^ _NEW) & log, 0),
            ne(_NEW & log, 0),
            eq(_MANUAL & self.constants.KVM_DIRTY_LOG_INITIALLY_SET, 0),
        )
        processor_logs = ne(_SIZE, 0)
        return FlagsApplied(
            function="kvm_mmu_slot_apply_flags",
            old_flags=_OLD,
            new_flags=_NEW,
            change=_CHANGE,
            manual_protect=_MANUAL,
            processor_logs=processor_logs,
            protects=starts,
            protects_from=self._protects_from(processor_logs),
            clears_dirty=all_of(starts, processor_logs),
            flushes=all_of(starts, self._flushes(processor_logs)),
            evidence=Evidence(),
        )

    def mask_logged(self) -> MaskLogged:
        """See `DirtyLogging.mask_logged`."""
        base, offset, mask = var("slot->base_gfn", 64), var("gfn_offset", 64), var("mask", 64)
        starts_dirty = ne(_MANUAL & self.constants.KVM_DIRTY_LOG_INITIALLY_SET, 0)
        low, high = bv(0, 64), bv(0, 64)
        for number in range(64):
            high = ite(bit(mask, number), bv(number, 64), high)
        for number in reversed(range(64)):
            low = ite(bit(mask, number), bv(number, 64), low)
        first, last = base + offset + low, base + offset + high
        another = all_of(starts_dirty, ne(self._huge_page(first), self._huge_page(last)))
        return MaskLogged(
            function="kvm_arch_mmu_enable_log_dirty_pt_masked",
            base_gfn=base,
            offset=offset,
            mask=mask,
            starts_dirty=starts_dirty,
            huge_pages=(
                HugePagesProtected(when=starts_dirty, gfn=first, min_level=bv(2, 32)),
                HugePagesProtected(when=another, gfn=last, min_level=bv(2, 32)),
            ),
            small_pages=TRUE,
            evidence=Evidence(),
        )

    def _huge_page(self, gfn: BitVec) -> BitVec:
        """What tells one huge page from another: where the next begins, or this at its first frame."""
        return ((gfn << 12) + ((1 << 21) - 1)) & ~bv((1 << 21) - 1, 64)

    def _protects_from(self, processor_logs: Bool) -> BitVec:
        """The level from which on pages are write-protected: small ones may be written where D tells of it."""
        return ite(processor_logs, bv(2, 32), bv(1, 32))

    def _flushes(self, _processor_logs: Bool) -> Bool:
        """Whether it flushes what it has begun to log."""
        return TRUE
