"""The host's frame of a fault: what is mapped is a frame of a memory slot, or MMIO that can be found again."""

from __future__ import annotations

from mmuproof.model.kvm import Kvm
from mmuproof.model.mappings import FrameFound
from mmuproof.model.statement import Shown
from mmuproof.model.vendor import Vendor
from mmuproof.proofs.claims import Wrong, given, never
from mmuproof.proofs.theorem import Catch, Claim, Theorem, alone
from mmuproof.smt.obligation import Assumption
from mmuproof.smt.terms import BitVec, all_of, bv, eq, iff, ite, ne, negate, ule, zext

_PAGE_OFFSET_BITS = 12
_NARROWEST, _WIDEST = 32, 52
"""Bits that physical addresses may have."""
_NO_FRAME, _ERROR = 1 << 63, 0x7FF << 52
"""What KVM has instead of a frame: that there is none, and the bits of an error."""


def _frames_end(width: BitVec) -> BitVec:
    """The first frame number that physical addresses of so many bits do not have."""
    end = bv(1 << (_WIDEST - _PAGE_OFFSET_BITS), 64)
    for bits in range(_NARROWEST, _WIDEST):
        end = ite(eq(width, bits), bv(1 << (bits - _PAGE_OFFSET_BITS), 64), end)
    return end


def _of_host(found: FrameFound) -> Assumption:
    possible = all_of(ule(bv(_NARROWEST, 8), found.width), ule(found.width, _WIDEST))
    return Assumption("MAXPHYADDR of the host is 32 to 52", possible)


def _no_slot(kvm: Kvm, vendor: Vendor) -> Claim:
    found = kvm.mappings.find_frame()
    none = eq(found.pfn, _NO_FRAME)
    as_mmio = all_of(found.goes_on, none)
    width = ite(found.with_tdp, zext(found.width, 8), bv(_WIDEST, 8))
    return never(
        given(
            _of_host(found),
            shown=(
                Shown("gfn", found.gfn),
                Shown("the host's MAXPHYADDR", found.width),
                Shown("tdp_enabled", found.with_tdp),
                Shown("a memory slot has the frame", found.with_slot),
                Shown("is_private", found.private),
                Shown("pfn", found.pfn),
            ),
            evidence=found.evidence,
        ),
        Wrong(
            "gfn-too-wide",
            all_of(as_mmio, ule(_frames_end(width), found.gfn)),
            "A GFN above the host's MAXPHYADDR becomes an MMIO SPTE, which is never found again.",
        ).told("the fault goes on to be mapped", "KVM's comment at kvm_mmu_max_gfn(): no SPTE for such addresses"),
        Wrong(
            "error-mapped",
            all_of(found.goes_on, ne(found.pfn & _ERROR, 0)),
            "An error is taken for the host's frame, and mapped.",
        ).told("the fault goes on to be mapped", "KVM: is_error_pfn() stands for no frame"),
        Wrong(
            "frame-without-slot",
            all_of(found.goes_on, iff(none, found.maps_slot)),
            "A fault goes on with a frame of the host and no memory slot, or with a memory slot and no frame.",
        ).told("they do not go together", "KVM: KVM_PFN_NOSLOT exactly without a memory slot"),
        Wrong(
            "mmio-not-cached",
            all_of(as_mmio, negate(found.caches_mmio)),
            "An MMIO SPTE is made although they are off, and no access to it is told from others.",
        ).told("the fault goes on to be mapped", "KVM: enable_mmio_caching"),
        Wrong(
            "private-mmio",
            all_of(as_mmio, found.private),
            "A fault for private memory that no memory slot has becomes MMIO, which is always shared.",
        ).told("the fault goes on to be mapped", "KVM: userspace is told of the fault"),
        Wrong(
            "slot-going",
            all_of(found.goes_on, found.going),
            "A fault is mapped in a memory slot that is about to be deleted or moved.",
        ).told("the fault goes on to be mapped", "KVM's comment at KVM_MEMSLOT_INVALID: retry"),
    )


def _sought(kvm: Kvm, _vendor: Vendor) -> Claim:
    found = kvm.mappings.find_frame()
    mapped = all_of(found.goes_on, found.maps_slot)
    return never(
        given(
            _of_host(found),
            shown=(
                Shown("gfn", found.gfn),
                Shown("is_private", found.private),
                Shown("the slot is the APIC's page", found.apic_page),
                Shown("the vCPU runs L2", found.for_l2),
                Shown("pfn", found.pfn),
            ),
            evidence=found.evidence,
        ),
        Wrong(
            "other-kind",
            all_of(found.goes_on, found.other_kind),
            "A fault for shared memory goes on where the memory is private, or the other way round.",
        ).told("the fault goes on to be mapped", "KVM: userspace is told, and changes the one or the other"),
        Wrong(
            "apic-page-of-l2", all_of(mapped, found.apic_page, found.for_l2), "The page of L1's APIC is mapped for L2."
        ).told("the page is mapped", "KVM's comment in it: accesses of L2 to L1's APIC have to be emulated"),
        Wrong(
            "apic-page-unserved",
            all_of(mapped, found.apic_page, negate(found.apic_serves)),
            "The APIC's page is mapped although the processor does not serve accesses to it.",
        ).told("the page is mapped", "KVM's comment in it: go directly to emulation"),
        Wrong(
            "counted-late",
            all_of(found.sought, found.uncounted),
            "A fault is told only after the search for its frame how often memory had been taken away.",
        ).told("a later count", "KVM's comment at mmu_invalidate_retry(): the count is read before the frame is"),
        Wrong(
            "kind-before-count",
            all_of(found.kind_asked, found.kind_uncounted),
            "It is asked of which kind the memory is before the fault is told how often memory had been taken away.",
        ).told("a later count", "KVM's comment in it: a change of the kind counts as memory that is taken away"),
        Wrong(
            "read-only-refused",
            all_of(found.read_only, negate(found.emulates)),
            "A write where the host lets nobody write is not emulated.",
        ).told("another answer", "KVM's comment in kvm_handle_error_pfn(); KVM_MEM_READONLY: writes exit as MMIO"),
    )


THEOREMS = (
    Theorem(
        name="mmio.no-slot",
        claim="A fault goes on to be mapped with a frame of the host and the memory slot that has it, or as MMIO. It "
        "is MMIO only if no memory slot has it or may show it, for shared memory, with MMIO SPTEs on, and with "
        "a GFN that the host's physical addresses have.",
        source="KVM's comments at kvm_mmu_max_gfn() and in kvm_handle_noslot_fault(); SDM 4.1.4: MAXPHYADDR",
        assumes=(
            "MAXPHYADDR of the host is 32 to 52",
            "a memory slot that is not about to be deleted or moved has a frame, or gives an error",
        ),
        state=alone(_no_slot),
        catches=(
            Catch("mmio-of-any-width", "gfn-too-wide"),
            Catch("error-frame-mapped", "error-mapped"),
            Catch("private-fault-as-mmio", "private-mmio"),
            Catch("slot-going-mapped", "slot-going"),
        ),
    ),
    Theorem(
        name="fault.sought",
        claim="A fault is mapped only if it is for memory of the kind that its frame has, and never with the page of "
        "L1's APIC for L2 or where the processor does not serve that. Before its frame is looked for, and the kind of "
        "its memory, it is noted how often memory was taken away. A write where nobody may write is emulated.",
        source="KVM's comments in kvm_mmu_faultin_pfn(), kvm_handle_error_pfn() and at mmu_invalidate_retry(); the "
        "KVM API: KVM_MEM_READONLY",
        assumes=("MAXPHYADDR of the host is 32 to 52", "what is found is for the fault's frame: fault.host-asked"),
        state=alone(_sought),
        catches=(
            Catch("fault-of-other-kind", "other-kind"),
            Catch("apic-page-for-l2", "apic-page-of-l2"),
            Catch("fault-counted-late", "counted-late"),
            Catch("fault-kind-before-count", "kind-before-count"),
            Catch("read-only-frame-refused", "read-only-refused"),
        ),
    ),
)
