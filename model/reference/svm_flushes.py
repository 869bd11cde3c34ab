"""What Linux 7.2.13 flushes of the TLB of a processor with SVM."""

from __future__ import annotations

from mmuproof.model.evidence import Evidence
from mmuproof.model.reference.base.area import ReferenceArea
from mmuproof.model.svm_flushes import AsidFlushed, SvmFlush, SvmFlushes
from mmuproof.smt.terms import FALSE, BitVec, Bool, all_of, boolean, bv, ite, ne, negate, var

_FLUSHBYASID, _FLUSH_ASID = 486, 3


class ReferenceSvmFlushes(ReferenceArea, SvmFlushes):
    """``svm_flush_tlb_asid()`` and who calls it."""

    def flushed(self, flush: SvmFlush) -> AsidFlushed:
        """See `SvmFlushes.flushed`."""
        by_asid, npt = ne(var(f"_static_cpu_has({_FLUSHBYASID})", 1), 0), ne(var("npt_enabled", 1), 0)
        address = all_of(boolean(flush is SvmFlush.ADDRESS), negate(npt))
        before = var("vmcb->control.tlb_ctl", 8)
        flushes = negate(address)
        return AsidFlushed(
            function=flush.value,
            by_asid=by_asid,
            control=ite(all_of(flushes, by_asid), self._control(), before),
            another_asid=all_of(flushes, negate(by_asid)),
            one_address=all_of(address, self._is_own_asid()),
            evidence=Evidence(),
        )

    def _control(self) -> BitVec:
        """What TLB_CONTROL is for a flush of the guest's ASID."""
        return bv(_FLUSH_ASID, 8)

    def _is_own_asid(self) -> Bool:
        """Whether an address is forgotten with the guest's ASID."""
        return negate(FALSE)
