"""From the search for the host's frame to the mapping: nothing of a fault changes on the way."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import fields
from types import MappingProxyType

from mmuproof.model.fault_handlers import FaultHandler, FaultMapped
from mmuproof.model.faults import FaultTold
from mmuproof.model.kvm import Kvm
from mmuproof.model.statement import Shown
from mmuproof.model.vendor import Vendor
from mmuproof.proofs.claims import Wrong, given, never
from mmuproof.proofs.theorem import Catch, Claim, Theorem, several
from mmuproof.smt.terms import BitVec, Bool, all_of, any_of, iff, ne, negate

_HANDLERS: Mapping[Vendor, tuple[FaultHandler, ...]] = MappingProxyType(
    {
        Vendor.INTEL: (FaultHandler.TDP_MMU, FaultHandler.DIRECT, FaultHandler.EPT),
        Vendor.AMD: (FaultHandler.TDP_MMU, FaultHandler.DIRECT, FaultHandler.PAGING64),
        Vendor.SHADOW: (FaultHandler.DIRECT, FaultHandler.PAGING64, FaultHandler.PAGING32),
    }
)
_FOUND_ANEW = ("map_writable", "max_level")
"""What the search decides."""


def _changed(before: FaultTold, after: FaultTold) -> Bool:
    """Whether anything of a fault is another, but for what the search decides."""
    names = (each.name for each in fields(FaultTold) if each.name not in _FOUND_ANEW)
    return any_of(*(_differs(getattr(before, name), getattr(after, name)) for name in names))


def _differs(before: BitVec | Bool, after: BitVec | Bool) -> Bool:
    if isinstance(before, BitVec) and isinstance(after, BitVec):
        return ne(before, after)
    assert isinstance(before, Bool)
    assert isinstance(after, Bool)
    return negate(iff(before, after))


def _claim(made: FaultMapped) -> Claim:
    name, maps, told = f"{made.function}()", made.maps, made.told
    may_be_tracked = all_of(told.present, told.write, negate(told.rsvd))
    comment = "KVM: the fault is resolved to one page of the host's, then mapped"
    return never(
        given(
            shown=(
                Shown("fault.write", told.write),
                Shown("fault.present", told.present),
                Shown("pfn that is found", made.found_pfn),
                Shown("pfn that is mapped", made.pfn),
                Shown("map_writable as found", made.found_writable),
                Shown("map_writable when mapped", told.map_writable),
                Shown("writes to the frame are tracked", made.tracked),
            ),
            evidence=made.evidence,
            part=name,
        ),
        Wrong("not-found", all_of(maps, negate(made.goes_on)), f"{name} maps a page that has not been found.").told(
            "the page is mapped", "KVM: only RET_PF_CONTINUE says so"
        ),
        Wrong(
            "another-frame", all_of(maps, ne(made.pfn, made.found_pfn)), f"{name} maps another frame than is found."
        ).told("another pfn", comment),
        Wrong(
            "host-protection-ignored",
            all_of(maps, told.map_writable, negate(made.found_writable)),
            f"{name} lets a page be mapped writable that the host lets nobody write.",
        ).told("map_writable is set", comment),
        Wrong(
            "host-protection-invented",
            all_of(maps, negate(told.map_writable), made.found_writable),
            f"{name} lets a page be mapped read-only that the host lets be written.",
        ).told("map_writable is clear", comment),
        Wrong(
            "another-level",
            all_of(maps, ne(told.max_level, made.found_level)),
            f"{name} lets a page be mapped of another size than is found.",
        ).told("another max_level", comment),
        Wrong(
            "another-fault",
            all_of(maps, any_of(_changed(made.searched, told), negate(made.same_slot))),
            f"{name} maps a page for another fault than the one for which it is found.",
        ).told("another member of the fault", comment),
        Wrong("strays", made.strays, f"{name} changes something besides that decides about a guest's access.").told(
            "something else changes", comment
        ),
        Wrong(
            "answers-otherwise", made.answers_otherwise, f"{name} answers otherwise than what has mapped the page."
        ).told("another answer", "KVM's comment at enum RET_PF_*"),
        Wrong(
            "out-of-date",
            all_of(maps, negate(made.fresh)),
            f"{name} maps a page that the host may have taken away since it was found.",
        ).told("the page is mapped", "KVM's comment at is_page_fault_stale()"),
        Wrong(
            "maps-tracked",
            all_of(maps, may_be_tracked, negate(all_of(made.asks, negate(made.tracked)))),
            f"{name} maps a page for a write without knowing that writes to it are not tracked.",
        ).told("the page is mapped", "KVM's comment in page_fault_handle_page_track()"),
    )


def _state(kvm: Kvm, vendor: Vendor) -> Iterator[Claim]:
    for handler in _HANDLERS[vendor]:
        yield _claim(kvm.fault_handlers.mapped(handler))


THEOREMS = (
    Theorem(
        name="fault.mapped",
        claim="A fault stays what it is from the search for the host's frame to the mapping. It is mapped with the "
        "frame that is found, and writable exactly if the host lets that be written. That is done only if the search "
        "says so, if the fault is not out of date since, and if writes to the guest's frame are not tracked. Nothing "
        "else changes on the way, and the answer is that of the mapping.",
        source="KVM's comments at kvm_mmu_faultin_pfn(), is_page_fault_stale(), page_fault_handle_page_track()",
        assumes=("it is asked under mmu_lock whether a fault is out of date: locks are not looked at",),
        state=several(_state),
        catches=(
            Catch("fault-mapped-writable", "host-protection-ignored"),
            Catch("fault-mapped-unfound", "not-found"),
            Catch("fault-mapped-late", "out-of-date"),
            Catch("direct-maps-tracked", "maps-tracked"),
            Catch("fault-answered-as-repaired", "answers-otherwise"),
            Catch("fault-slot-unlogged", "strays"),
        ),
    ),
)
