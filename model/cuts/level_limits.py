"""The calls of what bounds the size of pages that are not followed."""

from __future__ import annotations

from mmuproof.lift.machine.cuts import Cut
from mmuproof.model.cuts import common
from mmuproof.model.named import functions, kvm_mmu_page, kvm_page_fault, kvm_vcpu, kvm_vm

ADDRESS = Cut(
    function="__gfn_to_hva_memslot", reason="where userspace has a frame, any, by slot.index; of which is looked at"
)
PGD, P4D, PUD, PMD = (
    Cut(function=name, reason="finds the entry of an address in the host's tables: any; for which is looked at")
    for name in ("pgd_offset_pgd", "p4d_offset", "pud_offset", "pmd_offset")
)
HOST: tuple[Cut, ...] = (*common.CUTS, ADDRESS, PGD, P4D, PUD, PMD, *common.INTERRUPTS)
GIGABYTE = functions.VARIABLE_TEST_BIT
HANDLE = Cut(
    function="direct_page_fault",
    reason="handles a fault without a guest's tables, by fault.mapped; what the fault says then is looked at",
    elsewhere=("*", kvm_page_fault.STRUCT, kvm_vcpu.STRUCT, kvm_vm.STRUCT, kvm_mmu_page.STRUCT),
    watched=True,
)
UNPAGED: tuple[Cut, ...] = (*common.CUTS, HANDLE)
VENDOR = Cut(
    function="kvm_x86_gmem_max_mapping_level", reason="how large a page can be by the vendor's own tables: any answer"
)
GUEST_MEMORY: tuple[Cut, ...] = (*common.CUTS, VENDOR)
