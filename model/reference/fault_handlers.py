"""How a handler of page faults goes from the host's frame to the mapping in Linux 7.2.13."""

from __future__ import annotations

from dataclasses import replace

from mmuproof.model.fault_handlers import FaultHandler, FaultHandlers, FaultMapped
from mmuproof.model.faults import FaultTold
from mmuproof.model.reference.base.area import ReferenceArea
from mmuproof.model.reference.base.trace import Trace
from mmuproof.smt.terms import FALSE, TRUE, Bool, all_of, bit, eq, extract, ne, negate, var

_U64, _LEVEL_BITS = 64, 8
_RET_PF_CONTINUE, _RET_PF_INVALID = 0, 4
_FOUND = "after kvm_mmu_faultin_pfn()"


class ReferenceFaultHandlers(ReferenceArea, FaultHandlers):
    """``kvm_tdp_mmu_page_fault()``, ``direct_page_fault()``, ``FNAME(page_fault)()``."""

    def mapped(self, handler: FaultHandler) -> FaultMapped:
        """See `FaultHandlers.mapped`."""
        trace = Trace(handler.value)
        given = self._given()
        searched, walked, real = given, TRUE, self._root_is_real(handler)
        if handler not in (FaultHandler.TDP_MMU, FaultHandler.DIRECT):
            walk = f"{handler.value.removesuffix('_page_fault')}_walk_addr()"
            level = extract(var(f"walker.level after {walk}", 32), _LEVEL_BITS - 1, 0)
            searched = replace(given, gfn=var(f"walker.gfn after {walk}", _U64), max_level=level)
            walked = ne(var(walk, 32), 0)
        asks = all_of(real, walked, given.present, given.write, negate(given.rsvd))
        tracked = bit(var("kvm_gfn_is_write_tracked()", 1), 0)
        found = all_of(
            real,
            walked,
            TRUE if searched is not given else self._not_answered(),
            negate(all_of(self._heeds_tracking(asks), tracked)),
            eq(var("mmu_topup_memory_caches()", 32), 0),
        )
        goes_on = all_of(found, self._said_to_go_on())
        in_reach = all_of(goes_on, self._has_pages(handler))
        fresh = all_of(in_reach, negate(bit(var("is_page_fault_stale()", 1), 0)))
        pfn, level = var(f"fault->pfn {_FOUND}", _U64), var(f"fault->max_level {_FOUND}", _LEVEL_BITS)
        writable = bit(var(f"fault->map_writable {_FOUND}", 1), 0)
        return FaultMapped(
            function=handler.value,
            searched=searched,
            goes_on=all_of(found, eq(var("kvm_mmu_faultin_pfn()", 32), _RET_PF_CONTINUE)),
            found_pfn=pfn,
            found_writable=writable,
            found_level=level,
            fresh=fresh,
            maps=fresh if self._heeds_staleness() else in_reach,
            told=replace(searched, max_level=level, map_writable=self._writable(writable)),
            pfn=pfn,
            same_slot=TRUE,
            asks=asks,
            tracked=tracked,
            strays=self._strays(fresh),
            answers_otherwise=self._answers_otherwise(fresh),
            evidence=trace.evidence,
        )

    def _strays(self, _maps: Bool) -> Bool:
        """Whether something else changes on the way."""
        return FALSE

    def _answers_otherwise(self, _maps: Bool) -> Bool:
        """Whether a fault that is mapped is answered in another way."""
        return FALSE

    def _given(self) -> FaultTold:
        """What a handler is told."""

        def flag(name: str) -> Bool:
            return bit(var(f"fault->{name}", 1), 0)

        return FaultTold(
            addr=var("fault->addr", _U64),
            error_code=var("fault->error_code", _U64),
            gfn=var("fault->gfn", _U64),
            exec=flag("exec"),
            write=flag("write"),
            present=flag("present"),
            rsvd=flag("rsvd"),
            user=flag("user"),
            prefetch=flag("prefetch"),
            is_tdp=flag("is_tdp"),
            is_private=flag("is_private"),
            nx_huge_page_workaround_enabled=flag("nx_huge_page_workaround_enabled"),
            huge_page_disallowed=flag("huge_page_disallowed"),
            map_writable=flag("map_writable"),
            write_fault_to_shadow_pgtable=flag("write_fault_to_shadow_pgtable"),
            max_level=var("fault->max_level", _LEVEL_BITS),
            req_level=var("fault->req_level", _LEVEL_BITS),
            goal_level=var("fault->goal_level", _LEVEL_BITS),
        )

    def _not_answered(self) -> Bool:
        """The fault is not answered without a lock."""
        return eq(var("fast_page_fault()", 32), _RET_PF_INVALID)

    def _heeds_tracking(self, asks: Bool) -> Bool:
        """Whether a fault goes no further where writes are tracked."""
        return asks

    def _said_to_go_on(self) -> Bool:
        """What the search has to say for the fault to be mapped."""
        return eq(var("kvm_mmu_faultin_pfn()", 32), _RET_PF_CONTINUE)

    def _heeds_staleness(self) -> bool:
        """Whether only a fault that is not out of date is mapped."""
        return True

    def _writable(self, found: Bool) -> Bool:
        """Whether the page may be mapped to be written, given what the search says."""
        return found

    def _has_pages(self, handler: FaultHandler) -> Bool:
        """There are pages for SPTEs; the TDP MMU has no bound of its own."""
        if handler is FaultHandler.TDP_MMU:
            return TRUE
        return eq(var("make_mmu_pages_available()", 32), 0)

    def _root_is_real(self, handler: FaultHandler) -> Bool:
        """Roots that stand for what a guest must not have are not mapped into."""
        if handler is not FaultHandler.DIRECT:
            return TRUE
        return ne(var("vcpu->arch.root_mmu.root.hpa", _U64) >> self.constants.PAGE_SHIFT, var("zero_page_pfn", _U64))
