"""The calls that handling a fault on an MMIO SPTE makes, and handling faults as a whole, and that are not followed."""

from __future__ import annotations

from mmuproof.lift.machine.cuts import Cut
from mmuproof.model.cuts import common, mmio
from mmuproof.model.named import functions

FIND_SPTE = Cut(function=functions.GET_MMIO_SPTE, reason="reads the SPTE of an address; which address is looked at")
FORMER_MEMSLOTS = Cut(function="kvm_memslots", reason=mmio.MEMSLOTS.reason)
HANDLED: tuple[Cut, ...] = (
    *mmio.CUTS,
    FIND_SPTE,
    Cut(function="trace_handle_mmio_page_fault", reason="tells a tracer, which changes nothing"),
)

MMIO = Cut(function=functions.HANDLE_MMIO_PAGE_FAULT, reason="whether the address is one of MMIO: mmio.fault")
FAULT = Cut(function=functions.KVM_MMU_DO_PAGE_FAULT, reason="handles the fault; what it is told is looked at")
WRITE = Cut(
    function=functions.KVM_MMU_WRITE_PROTECT_FAULT,
    reason="decides about a write to a guest's table; what it is told is asked",
)
EMULATE = Cut(function="x86_emulate_instruction", reason="emulates the instruction; whether it is called is asked")
UNPROTECT = Cut(
    function=functions.KVM_MMU_UNPROTECT_PAGE, reason="gives a page up as a guest's page table; asked likewise"
)
IS_PRIVATE = Cut(
    function=functions.KVM_MEM_IS_PRIVATE,
    reason="whether the attributes say that a frame is private, one answer for the frame",
)
ANSWERED: tuple[Cut, ...] = (
    *common.CUTS,
    *(MMIO, FAULT, WRITE, EMULATE, UNPROTECT, IS_PRIVATE),
    Cut(function=functions.MMIO_INFO_IN_CACHE, reason="chooses how the emulation goes about, not whether there is one"),
    *common.PRINTS,
)
