"""The calls that handling a fault on an MMIO SPTE makes, and handling faults as a whole, and that are not followed."""

from __future__ import annotations

from mmuproof.lift.machine.cuts import Cut
from mmuproof.model.cuts import common, mmio

FIND_SPTE = Cut(function="get_mmio_spte", reason="reads the SPTE of an address; which address is looked at")
FORMER_MEMSLOTS = Cut(function="kvm_memslots", reason=mmio.MEMSLOTS.reason)
HANDLED: tuple[Cut, ...] = (
    *mmio.CUTS,
    FIND_SPTE,
    Cut(function="trace_handle_mmio_page_fault", reason="tells a tracer, which changes nothing"),
)

MMIO = Cut(function="handle_mmio_page_fault", reason="whether the address is one of MMIO: mmio.fault")
FAULT = Cut(function="kvm_mmu_do_page_fault", reason="handles the fault; what it is told is looked at")
WRITE = Cut(
    function="kvm_mmu_write_protect_fault", reason="decides about a write to a guest's table; what it is told is asked"
)
EMULATE = Cut(function="x86_emulate_instruction", reason="emulates the instruction; whether it is called is asked")
UNPROTECT = Cut(function="kvm_mmu_unprotect_page", reason="gives a page up as a guest's page table; asked likewise")
IS_PRIVATE = Cut(
    function="kvm_mem_is_private", reason="whether the attributes say that a frame is private, one answer for the frame"
)
ANSWERED: tuple[Cut, ...] = (
    *common.CUTS,
    *(MMIO, FAULT, WRITE, EMULATE, UNPROTECT, IS_PRIVATE),
    Cut(function="mmio_info_in_cache", reason="chooses how the emulation goes about, not whether there is one"),
    *common.each("prints, or says whether something is to be printed", "_printk", "___ratelimit"),
)
