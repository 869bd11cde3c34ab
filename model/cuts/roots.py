"""The calls that changing and making roots makes and that are not followed."""

from __future__ import annotations

from mmuproof.lift.machine.cuts import Cut
from mmuproof.model.cuts import common, roles
from mmuproof.model.named import functions, kvm_mmu_page, kvm_vcpu

NEW_PGD = Cut(
    function=functions.KVM_MMU_NEW_PGD,
    reason="finds or drops the root of the new tables; what it is asked, and in which state, is looked at",
    watched=True,
    elsewhere=("*",),
)
INIT_MMU = Cut(
    function=functions.KVM_INIT_MMU,
    reason="sets the MMU up for the registers that the vCPU has then: any role, which is the one that is wanted",
    writes=((0, kvm_vcpu.ARCH),),
)
_ANOTHER_CHECK = "another check of what is asked for: any outcome"

NESTED_TABLES: tuple[Cut, ...] = (
    NEW_PGD,
    roles.TDP_HAS_SMEP,
    roles.GUEST_PHYSICAL_WIDTH,
    *(cut for cut in roles.SET_UP if cut.function != NEW_PGD.function),
)
"""For L2 on tables of L1's."""
LOAD_CR3: tuple[Cut, ...] = (
    *common.CUTS,
    NEW_PGD,
    INIT_MMU,
    *common.each(
        _ANOTHER_CHECK,
        functions.KVM_VCPU_IS_LEGAL_CR3,
        functions.KVM_VCPU_IS_ILLEGAL_GPA,
        functions.IS_PAE_PAGING,
        functions.IS_PAGING,
    ),
    Cut(function=functions.LOAD_PDPTRS, reason="loads the PDPTEs, or fails; writes no CR3 and no role"),
    Cut(
        function=functions.KVM_X86_CACHE_REG,
        reason="fetches a register into the register cache, which holds it already here",
    ),
    Cut(function=functions.TRACE_KVM_NESTED_VMENTER_FAILED, reason="tells a tracer, which changes nothing"),
    *common.each(
        "marks a register by a bit that is of no register",
        functions.KVM_REGISTER_MARK_DIRTY,
        "kvm_register_mark_for_reload",
        "kvm_register_mark_available",
    ),
    Cut(function=functions.KVM_REGISTER_IS_AVAILABLE, reason="whether a register is in the register cache: it is"),
    Cut(function=functions.KVM_INVALIDATE_PCID, reason="flushes TLBs; writes no CR3 and no role"),
)
"""For CR3."""

READ_LIST = Cut(
    function=functions.KVM_VCPU_READ_GUEST_PAGE,
    reason="reads from the memory of L1, or fails; what is asked for is looked at",
    writes=((2, ""),),
)
CHECK_EPTP = Cut(
    function=functions.NESTED_VMX_CHECK_EPTP, reason="whether an EPTP can be used, any answer; which is looked at"
)
SET_UP_EPT = Cut(
    function=functions.NESTED_EPT_NEW_EPTP,
    reason="sets the MMU up for L1's EPT, by role.new-root; in which state is looked at",
    watched=True,
    elsewhere=("*",),
)
SWITCH: tuple[Cut, ...] = (*common.CUTS, READ_LIST, CHECK_EPTP, SET_UP_EPT, *common.REQUESTS)
"""For another EPTP."""

PAGE_OF_ROOT = tuple(
    Cut(function=name, reason="finds the page of SPTEs that is the root, if there is one; reads only")
    for name in (functions.ROOT_TO_SP, functions.TO_SHADOW_PAGE)
)
DUMMY_ROOT = Cut(
    function=functions.KVM_MMU_IS_DUMMY_ROOT,
    reason="whether a root is the page of zeros, any answer for one without a page of SPTEs; reads only",
)
FREE_ROOT = Cut(
    function="mmu_free_root_page",
    reason="gives up a root if it is one, which is none afterwards; that it is called is looked at",
    writes=((1, "*"),),
    elsewhere=("*", kvm_mmu_page.STRUCT),
    watched=True,
)
TAKE: tuple[Cut, ...] = (
    *common.CUTS,
    *PAGE_OF_ROOT,
    FREE_ROOT,
    *common.WRITE_LOCK,
    *common.READ_LOCK,
    DUMMY_ROOT,
    Cut(
        function=functions.KVM_MMU_COMMIT_ZAP_PAGE,
        reason="frees pages that no root and no entry leads to",
        elsewhere=("*",),
    ),
    *common.REQUESTS,
    Cut(
        function=functions.VCPU_CLEAR_MMIO_INFO,
        reason="forgets the last access to MMIO; writes no root",
        writes=((0, kvm_vcpu.MMIO_GVA),),
    ),
)
"""For the root of other tables."""

GUEST_PGD = Cut(
    function=functions.KVM_MMU_GET_GUEST_PGD, reason="where the guest's tables begin: any address; reads only"
)
GUEST_PDPTE = Cut(function=functions.GET_PDPTR, reason="a PDPTE of the guest: any; writes no root")
VISIBLE = tuple(
    Cut(function=name, reason="whether a memory slot shows a frame: any answer; reads only")
    for name in ("kvm_vcpu_is_visible_gfn", "kvm_is_visible_gfn")
)
MAKE_AVAILABLE = Cut(
    function=functions.MAKE_MMU_PAGES_AVAILABLE,
    reason="frees pages that are not in use, or fails; writes no root and none of the tables above pages",
    elsewhere=(kvm_mmu_page.STRUCT, "*"),
)
ADDRESS = Cut(
    function=functions.INNER_PHYS_ADDR_NODEBUG, reason="the physical address of a table, the same for one table"
)
ALLOC_ROOT = Cut(
    function=functions.MMU_ALLOC_ROOT,
    reason="makes or finds the page of SPTEs that is asked for, any; what is asked is looked at",
    elsewhere=(kvm_mmu_page.STRUCT, "*"),
)
DUMMY = Cut(
    function=functions.KVM_MMU_GET_DUMMY_ROOT,
    reason="the page of zeros, by role.dummy-root, which stands for tables a guest cannot have",
)
TDP_ROOT = tuple(
    Cut(function=name, reason="makes or finds a root of the TDP MMU, any; whether it is asked is looked at")
    for name in (functions.KVM_TDP_MMU_ALLOC_ROOT, functions.KVM_TDP_MMU_GET_VCPU_ROOT_HPA)
)
MAKE: tuple[Cut, ...] = (
    *common.CUTS,
    GUEST_PGD,
    GUEST_PDPTE,
    *VISIBLE,
    ADDRESS,
    ALLOC_ROOT,
    DUMMY,
    *TDP_ROOT,
    Cut(
        function="mmu_first_shadow_root_alloc",
        reason="makes what a first root needs, or fails; writes no root and none of the tables above pages",
        elsewhere=("*",),
    ),
    MAKE_AVAILABLE,
    *common.REQUESTS,
    *common.WRITE_LOCK,
)
"""For roots of the guest's tables."""
