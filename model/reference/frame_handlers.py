"""What Linux 7.2.13 does to the lists of what maps frames."""

from __future__ import annotations

from mmuproof.model.evidence import Evidence
from mmuproof.model.frame_handlers import (
    HUGEST,
    FrameHandler,
    FrameHandlers,
    ListHandled,
    RangeHandedOn,
    VcpuFrameProtected,
)
from mmuproof.model.reference.base.area import ReferenceArea
from mmuproof.smt.terms import TRUE, Bool, boolean, implies, ne, var


class ReferenceFrameHandlers(ReferenceArea, FrameHandlers):
    """``kvm_zap_rmap()``, ``__kvm_rmap_zap_gfn_range()`` and the like."""

    def handled(self, handler: FrameHandler) -> ListHandled:
        """See `FrameHandlers.handled`."""
        name = "kvm_zap_all_rmap_sptes()" if handler is FrameHandler.ZAP else "rmap_write_protect()"
        changed = ne(var(name, 1), 0)
        return ListHandled(done=TRUE, answer=self._told_of_list(changed, handler), changed=changed, evidence=Evidence())

    def _told_of_list(self, changed: Bool, _handler: FrameHandler) -> Bool:
        """What is answered, by whether an SPTE of a list has changed."""
        return changed

    def zapped(self) -> RangeHandedOn:
        """See `FrameHandlers.zapped`."""
        may_yield, due = ne(var("can_yield", 8) & 1, 0), ne(var("__walk_slot_rmaps()", 1), 0)
        return RangeHandedOn(
            whole=self._is_whole(),
            levels=tuple(boolean(each in self._levels()) for each in range(1, HUGEST + 1)),
            keeps_flush=self._keeps(ne(var("flush", 8) & 1, 0)),
            flushes=self._flushes(),
            yields=may_yield,
            may_yield=may_yield,
            answer=due,
            due=due,
            evidence=Evidence(),
        )

    def _is_whole(self) -> Bool:
        """Whether all frames of a range are gone through."""
        return TRUE

    def _levels(self) -> range:
        """The levels that are gone through."""
        return range(1, HUGEST + 1)

    def _keeps(self, flush: Bool) -> Bool:
        """Whether a flush stays due, by whether one is."""
        return implies(flush, flush)

    def _flushes(self) -> Bool:
        """Whether a flush is made before the lock is given up."""
        return TRUE

    def protected(self) -> VcpuFrameProtected:
        """See `FrameHandlers.protected`."""
        changed = ne(var("kvm_mmu_slot_gfn_write_protect()", 1), 0)
        return VcpuFrameProtected(
            own_slot=TRUE, done=self._from_lowest(), answer=changed, changed=changed, evidence=Evidence()
        )

    def _from_lowest(self) -> Bool:
        """Whether a frame is write-protected from level 1 on."""
        return TRUE
