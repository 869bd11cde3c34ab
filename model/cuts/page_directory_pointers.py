"""The calls that loading PDPTEs makes and that are not followed."""

from __future__ import annotations

from mmuproof.lift.machine.cuts import Cut
from mmuproof.model.cuts import common
from mmuproof.model.named import functions, kvm_mmu_page

READ = Cut(
    function=functions.KVM_VCPU_READ_GUEST_PAGE,
    reason="reads guest memory, any content, or fails; where is looked at",
    writes=((2, ""),),
)
TRANSLATE = Cut(
    function=functions.KVM_TRANSLATE_GPA,
    reason="translates an address of L2's by L1's tables, by nested.structure-access; any address, or none",
)
RESERVED = Cut(function=functions.PDPTR_RSVD_BITS, reason="which bits of a PDPTE are reserved, by entry.reserved-pae")
GIVE_UP = Cut(
    function=functions.KVM_MMU_FREE_ROOTS,
    reason="gives up roots, by role.freed-root; that it is done is looked at",
    elsewhere=("*", kvm_mmu_page.STRUCT),
)
IS_DIRTY = Cut(function=functions.KVM_REGISTER_IS_DIRTY, reason="whether PDPTEs have changed: any answer; reads only")
IN_PAE = Cut(function=functions.IS_PAE_PAGING, reason="whether the guest is in PAE paging: any answer; reads only")
GIVE = Cut(function=functions.VMCS_WRITE64, reason="a field of the VMCS; which, and what, is looked at")
LOADED: tuple[Cut, ...] = (
    *common.CUTS,
    READ,
    TRANSLATE,
    RESERVED,
    GIVE_UP,
    *common.REQUESTS,
    *common.each("notes that a register has changed", functions.KVM_REGISTER_MARK_DIRTY),
)
FETCHED: tuple[Cut, ...] = (*common.CUTS, READ)
GIVEN: tuple[Cut, ...] = (*common.CUTS, IS_DIRTY, IN_PAE, GIVE)
