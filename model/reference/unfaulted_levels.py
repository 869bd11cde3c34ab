"""How large pages of Linux 7.2.13 may be where none faults."""

from __future__ import annotations

from mmuproof.lift.machine.findings import numbered
from mmuproof.model.evidence import Evidence
from mmuproof.model.huge_pages import HUGEST
from mmuproof.model.reference.base.area import ReferenceArea
from mmuproof.model.unfaulted_levels import LevelUnfaulted, UnfaultedLevels
from mmuproof.smt.terms import TRUE, BitVec, Bool, all_of, any_of, bit, bv, eq, ite, ne, negate, slt, var, zext

_HAS_GUEST_MEMORY, _ONLY_GUEST_MEMORY = 1 << 2, 17
"""KVM_MEM_GUEST_MEMFD, and the number of the bit of KVM_MEMSLOT_GMEM_ONLY."""


class ReferenceUnfaultedLevels(ReferenceArea, UnfaultedLevels):
    """``kvm_mmu_max_mapping_level()``."""

    def found(self) -> LevelUnfaulted:
        """See `UnfaultedLevels.found`."""
        flags, told = var("slot->flags", 32), ne(var("kvm_mem_is_private()", 1), 0)
        only = bit(flags, _ONLY_GUEST_MEMORY)
        # From the highest level down, the first that the slot does not forbid.
        counts = [var(f"{numbered('lpage_info_slot()', number)}->disallow_lpage", 32) for number in range(1, HUGEST)]
        free = [eq(count, 0) for count in counts]
        gigabyte, megabytes = free[0], all_of(negate(free[0]), free[1])
        most = ite(gigabyte, bv(HUGEST, 32), ite(megabytes, bv(HUGEST - 1, 32), bv(1, 32)))
        huge = any_of(gigabyte, megabytes)
        of_guest = all_of(huge, self._asks_guest(told, only))
        of_host = all_of(huge, negate(self._asks_guest(told, only)))
        host, guest = var("host_pfn_mapping_level()", 32), zext(var("kvm_gmem_max_mapping_level()", 8), 32)
        behind = ite(of_guest, guest, host)
        return LevelUnfaulted(
            private=all_of(ne(flags & _HAS_GUEST_MEMORY, 0), told),
            only_guest_memory=only,
            allowed=(megabytes, gigabyte),
            host_asked=of_host,
            host_level=host,
            guest_asked=of_guest,
            guest_level=guest,
            of_frame=TRUE,
            may_be_asked=True,
            level=ite(huge, self._lower(behind, most), bv(1, 32)),
            evidence=Evidence(),
        )

    def _asks_guest(self, private: Bool, only: Bool) -> Bool:
        """Whether guest memory is asked, and not the host's tables."""
        return any_of(private, only)

    def _lower(self, behind: BitVec, most: BitVec) -> BitVec:
        """The lower of the level of the memory behind and of the one that the slot allows."""
        return ite(slt(behind, most), behind, most)
