"""Of whom Linux 7.2.13 asks a fault's frame."""

from __future__ import annotations

from mmuproof.model.evidence import Evidence
from mmuproof.model.frame_searches import FrameSearches, GuestMemoryAsked, HostAsked
from mmuproof.model.reference.base.area import ReferenceArea
from mmuproof.smt.terms import FALSE, Bool, all_of, any_of, bit, bv, eq, ite, ne, negate, slt, var

_PRIVATE, _WRITES, _PREFETCH = (ne(var(f"fault->{name}", 1), 0) for name in ("is_private", "write", "prefetch"))
_ONLY_GUEST = ne(var("kvm_memslot_is_gmem_only()", 1), 0)
_WAIT = (0x7FF << 52) + 4


class ReferenceFrameSearches(ReferenceArea, FrameSearches):
    """``__kvm_mmu_faultin_pfn()`` and ``kvm_mmu_faultin_pfn_gmem()``."""

    def asked(self) -> HostAsked:
        """See `FrameSearches.asked`."""
        guest = all_of(any_of(_PRIVATE, _ONLY_GUEST), self._keeps_private())
        host, first = negate(guest), var("__kvm_faultin_pfn()", 64)
        waits = all_of(host, eq(first, _WAIT))
        found, sets_up = (ne(var(f"kvm_{name}()", 1), 0) for name in ("find_async_pf_gfn", "arch_setup_async_pf"))
        later = all_of(waits, negate(_PREFETCH), ne(var("kvm_can_do_async_pf()", 1), 0), any_of(found, sets_up))
        again = all_of(waits, negate(later))
        second = var("__kvm_faultin_pfn()#2", 64)
        write = self._asks_write(_WRITES)
        return HostAsked(
            is_private=_PRIVATE,
            only_guest=_ONLY_GUEST,
            writes=_WRITES,
            host=host,
            for_write=all_of(host, write),
            for_read=all_of(host, negate(write)),
            elsewhere=FALSE,
            guest=guest,
            goes_on=ite(guest, eq(var("kvm_mmu_faultin_pfn_gmem()", 32), 0), negate(later)),
            waits=all_of(host, ite(again, eq(second, _WAIT), eq(first, _WAIT))),
            evidence=Evidence(),
        )

    def _keeps_private(self) -> Bool:
        """Whether private memory is asked of the guest alone."""
        return negate(FALSE)

    def _asks_write(self, writes: Bool) -> Bool:
        """Whether the host is asked for a page that can be written."""
        return writes

    def of_guest_memory(self) -> GuestMemoryAsked:
        """See `FrameSearches.of_guest_memory`."""
        has, fails = ne(var("kvm_slot_has_gmem()", 1), 0), ne(var("kvm_gmem_get_pfn()", 32), 0)
        order = var("max_order after kvm_gmem_get_pfn()", 32)
        small = ite(negate(slt(order, 9)), bv(2, 8), bv(1, 8))
        readonly = bit(var("slot->flags", 32), 1)
        return GuestMemoryAsked(
            has_memory=has,
            asked=has,
            fails=fails,
            readonly=readonly,
            order=order,
            level=ite(negate(slt(order, self._huge_order())), bv(3, 8), small),
            writable=self._writable(readonly),
            told=any_of(negate(has), fails),
            goes_on=all_of(has, negate(fails)),
            evidence=Evidence(),
        )

    def _huge_order(self) -> int:
        """How large a page has to be for one of 1 GByte."""
        return 18

    def _writable(self, readonly: Bool) -> Bool:
        """Whether what is found may be written."""
        return negate(readonly)
