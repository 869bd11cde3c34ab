"""What Linux 7.2.13 does with logs of pages that were written to."""

from __future__ import annotations

from mmuproof.model.evidence import Evidence
from mmuproof.model.page_logs import ENTRIES, LogRound, LogWritten, PageLogs, logged_in
from mmuproof.model.reference.base.area import ReferenceArea
from mmuproof.smt.terms import TRUE, BitVec, Bool, all_of, any_of, bit, bv, ite, ne, negate, sle, ult, var, zext

_LAST = ENTRIES - 1


class ReferencePageLogs(ReferenceArea, PageLogs):
    """``vmx_flush_pml_buffer()`` and ``nested_vmx_write_pml_buffer()``."""

    def round(self) -> LogRound:
        """See `PageLogs.round`."""
        index, at = var("index of the log", 16), var("entry of the round", 32)
        reads = ne(index, _LAST)
        lowest = ite(ult(index, ENTRIES), zext(index, 32) + 1, self._lowest_of_full())
        runs = all_of(reads, sle(lowest, at))
        entry = logged_in(at)
        return LogRound(
            index=index,
            of_index=TRUE,
            reads=reads,
            first=bv(_LAST, 32),
            at=at,
            entry=entry,
            marks=runs,
            gfn=entry >> 12,
            goes_on=runs,
            next=at - 1,
            resets=all_of(reads, negate(runs), self._resets()),
            reset_to=bv(_LAST, 16),
            evidence=Evidence(),
        )

    def _lowest_of_full(self) -> BitVec:
        """The last entry that is read of a log that is full."""
        return bv(0, 32)

    def _resets(self) -> Bool:
        """Whether the processor is to begin anew."""
        return TRUE

    def written(self) -> LogWritten:
        """See `PageLogs.written`."""
        gpa, index = var("gpa", 64), var("vmcs12->guest_pml_index", 16)
        log = var("vmcs12->pml_address", 64)
        l2, was_full = bit(var("vmx->vcpu.arch.hflags", 32), 0), ne(var("vmx->nested.pml_full", 1), 0)
        enabled = all_of(
            bit(var("vmcs12->cpu_based_vm_exec_control", 32), 31), bit(var("vmcs12->secondary_vm_exec_control", 32), 17)
        )
        looks = all_of(l2, negate(was_full), enabled)
        fits = self._fits(index)
        writes, fails = all_of(looks, fits), ne(var("kvm_write_guest_page()", 32), 0)
        full = all_of(looks, negate(fits))
        return LogWritten(
            gpa=gpa,
            l2=l2,
            was_full=was_full,
            enabled=enabled,
            log=log,
            index=index,
            writes=writes,
            written=self._logged(gpa),
            length=bv(8, 64),
            where=log + (zext(index, 64) << 3),
            fails=fails,
            index_after=ite(all_of(writes, negate(fails)), self._next(index), index),
            full=any_of(was_full, full),
            refused=any_of(all_of(l2, was_full), full),
            evidence=Evidence(),
        )

    def _fits(self, index: BitVec) -> Bool:
        """Whether the log has room."""
        return ult(index, ENTRIES)

    def _logged(self, gpa: BitVec) -> BitVec:
        """What the log gets of an address."""
        return gpa & ~0xFFF

    def _next(self, index: BitVec) -> BitVec:
        """The index for what is logged next."""
        return index - 1
