"""The calls of what follows a guest's writes to its tables that are not followed."""

from __future__ import annotations

from mmuproof.lift.machine.cuts import Cut
from mmuproof.model.cuts import common, flush_ranges
from mmuproof.model.named import functions, kvm_mmu_page, kvm_vcpu, list_heads

READ_GUEST = Cut(
    function=functions.KVM_VCPU_READ_GUEST_ATOMIC,
    reason="reads what was written: any; it is counted by that, and nothing else hangs on it",
    writes=((2, "*"),),
)
UNFIT = Cut(
    function=functions.DETECT_WRITE_MISALIGNED,
    reason="whether a write is of whole entries: walk.written proves it; of which page and write is looked at",
)
FLOODS = Cut(
    function="detect_write_flooding",
    reason="counts writes to a page, and says whether they are too many: any answer; of which page is looked at",
    elsewhere=("*",),
)
WRITTEN = Cut(
    function=functions.GET_WRITTEN_SPTES,
    reason="finds the SPTEs for what is written, or none: walk.written proves which; of which page is looked at",
    writes=((2, "*"),),
)
DROP = Cut(
    function=functions.MMU_PAGE_ZAP_PTE,
    reason="drops an SPTE; which is looked at",
    elsewhere=("*", kvm_mmu_page.STRUCT, list_heads.LIST, "argument 1", "argument 2", "argument 3"),
)
GIVE_UP = Cut(
    function=functions.KVM_MMU_PREPARE_ZAP_PAGE,
    reason="takes a page apart, and puts it on the list of those to be freed; which page is looked at",
    writes=((2, ""),),
    elsewhere=("*", kvm_mmu_page.STRUCT, "argument 1"),
)
FLUSH = Cut(
    function=functions.KVM_MMU_REMOTE_FLUSH_OR_ZAP,
    reason="flushes all if that is due or pages were taken apart, which are freed then; what it is told is looked at",
    writes=((1, ""),),
    elsewhere=("*", kvm_mmu_page.STRUCT),
)
PAE = Cut(function="is_pae", reason="whether the guest uses PAE: any answer")
CUTS: tuple[Cut, ...] = (
    *common.CUTS,
    READ_GUEST,
    UNFIT,
    FLOODS,
    WRITTEN,
    DROP,
    GIVE_UP,
    FLUSH,
    flush_ranges.ALL,
    PAE,
    *common.WRITE_LOCK,
)
COMMIT = Cut(
    function=functions.KVM_MMU_COMMIT_ZAP_PAGE,
    reason="flushes all, and frees pages that were taken apart; that it is called is looked at",
    writes=((1, ""),),
    elsewhere=("*", kvm_mmu_page.STRUCT),
)
ADDRESS = Cut(function="kvm_mmu_gva_to_gpa_write", reason="where a linear address is: any, or nowhere")
RIP = Cut(function=functions.KVM_RIP_READ, reason="where the instruction is: any")
UNPROTECTING: tuple[Cut, ...] = (*common.CUTS, GIVE_UP, COMMIT, ADDRESS, RIP, *common.WRITE_LOCK)
IN_MMIO = Cut(
    function=functions.MMIO_INFO_IN_CACHE, reason="whether an address is remembered as one of MMIO: any answer"
)
REINJECTS = Cut(
    function="kvm_event_needs_reinjection", reason="whether an event waits to be delivered again: any answer"
)
UNPROTECT = Cut(
    function=functions.INNER_KVM_MMU_UNPROTECT_GFN_AND_RETRY,
    reason="makes a frame writable, or not; of which address is looked at",
    writes=((0, kvm_vcpu.LAST_RETRY_EIP), (0, kvm_vcpu.LAST_RETRY_ADDR)),
    elsewhere=("*", kvm_mmu_page.STRUCT),
)
PROTECTED: tuple[Cut, ...] = (*common.CUTS, RIP, IN_MMIO, REINJECTS, UNPROTECT)
