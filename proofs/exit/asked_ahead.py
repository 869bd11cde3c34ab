"""Pages that are mapped because somebody asks for it: the page that is asked for, and success only where it is."""

from __future__ import annotations

from collections.abc import Iterator

from mmuproof.model.features import Feature
from mmuproof.model.kvm import Kvm
from mmuproof.model.number_kinds import NumberKind
from mmuproof.model.statement import Shown
from mmuproof.model.vendor import Vendor
from mmuproof.proofs.claims import Wrong, given, never
from mmuproof.proofs.theorem import Catch, Claim, Need, Theorem, several
from mmuproof.smt.obligation import Assumption
from mmuproof.smt.terms import FALSE, TRUE, Bool, all_of, any_of, bv, eq, ne, negate, slt, ult

_PAGE_BITS, _GFN_BITS = 12, 40
_ASKED = "KVM's comment in it: a private page that is known, of a slot backed by guest_memfd"


def _ahead(kvm: Kvm, of_tdp: bool) -> Claim:
    made, name = kvm.asked_mappings.ahead(of_tdp), "kvm_tdp_page_prefault()"
    succeeds = all_of(made.ends, eq(made.answer, 0))
    another_mmu: Bool = FALSE if of_tdp else TRUE
    return never(
        given(
            shown=(Shown("a fault is made up", made.maps), Shown("what comes of it", made.result)),
            evidence=made.evidence,
            part=f"{name}, {'with' if of_tdp else 'without'} two-dimensional paging",
        ),
        Wrong(
            "another-mmu",
            all_of(made.maps, another_mmu),
            f"{name} takes a physical address of the guest's for a linear one.",
        ).told("a fault is made up", "KVM's comment in it: only there the MMU is indexed by GPA"),
        Wrong(
            "another-fault", all_of(made.maps, negate(made.right)), f"{name} makes up another fault than is asked for."
        ).told("another address, or another access", "KVM_PRE_FAULT_MEMORY: as if the vCPU read the page"),
        Wrong(
            "told-mapped",
            all_of(succeeds, negate(all_of(made.maps, made.mapped))),
            f"{name} says that a page is mapped that is not.",
        ).told("success", "KVM_PRE_FAULT_MEMORY: errors are returned"),
        Wrong(
            "failure-lost",
            all_of(made.ends, made.maps, slt(made.result, bv(0, 32)), ne(made.answer, made.result)),
            f"{name} does not say why a page could not be mapped.",
        ).told("another error", "KVM_PRE_FAULT_MEMORY: errors are returned"),
    )


def _private(kvm: Kvm) -> Iterator[Claim]:
    made, name = kvm.asked_mappings.private(), "kvm_tdp_mmu_map_private_pfn()"
    if made is None:
        return
    fault = made.fault
    as_private = kvm.constant("PFERR_GUEST_FINAL_MASK") | kvm.constant("PFERR_PRIVATE_ACCESS")
    small = all_of(*(eq(level, 1) for level in (fault.max_level, fault.req_level, fault.goal_level)))
    yield never(
        given(
            Assumption("a frame's address has 52 bits at most", ult(made.gfn, 1 << _GFN_BITS)),
            shown=(
                Shown("gfn", made.gfn),
                Shown("pfn", made.pfn),
                Shown("writes to the frame are tracked", made.tracked),
                Shown("what comes of it", made.result),
                Shown("error code", fault.error_code, kind=NumberKind.ERROR_CODE),
            ),
            evidence=made.evidence,
            part=name,
        ),
        Wrong(
            "another-page",
            all_of(
                made.maps,
                negate(
                    all_of(
                        eq(fault.gfn, made.gfn),
                        eq(fault.addr, made.gfn << _PAGE_BITS),
                        eq(made.fault_pfn, made.pfn),
                        made.own_slot,
                    )
                ),
            ),
            f"{name} maps another page of the host's, or elsewhere.",
        ).told("another frame or slot", _ASKED),
        Wrong(
            "another-access",
            all_of(
                made.maps,
                any_of(
                    negate(all_of(fault.is_private, fault.is_tdp, fault.prefetch, eq(fault.error_code, as_private))),
                    fault.exec,
                    fault.write,
                    fault.user,
                    fault.present,
                    fault.rsvd,
                ),
            ),
            f"{name} maps the page as if it were shared, or somebody had faulted.",
        ).told("another fault", _ASKED),
        Wrong("not-small", all_of(made.maps, negate(small)), f"{name} maps more than the page that it is told.").told(
            "another level", "KVM: one pfn is one page of 4 KByte"
        ),
        Wrong(
            "tracked-mapped",
            all_of(made.maps, any_of(made.tracked, negate(made.asks))),
            f"{name} maps a frame to which writes are tracked.",
        ).told("the page is mapped", "KVM: a frame to which writes are tracked is not mapped writable"),
        Wrong(
            "without-tdp-mmu", all_of(made.maps, negate(made.tdp_mmu)), f"{name} takes the TDP MMU where there is none."
        ).told("the page is mapped", "KVM: private memory takes the TDP MMU"),
        Wrong(
            "told-mapped",
            all_of(made.ends, eq(made.answer, 0), negate(all_of(made.maps, made.mapped))),
            f"{name} says that the page is mapped, and it is not, or was mapped before.",
        ).told("success", "KVM: whoever populates memory measures what it is told is mapped"),
    )


def _asked(kvm: Kvm, _vendor: Vendor) -> Iterator[Claim]:
    for of_tdp in (True, False):
        yield _ahead(kvm, of_tdp)
    yield from _private(kvm)


THEOREMS = (
    Theorem(
        name="fault.asked-ahead",
        claim="Where a page is to be mapped that no guest has faulted on, the fault that is made up is for its "
        "address, and only for MMUs that are asked by that. A page of the host's that is known is mapped at the frame "
        "and in the slot that are meant, small, as private, and not where writes are tracked. Success is told only "
        "where the page is mapped.",
        source="Documentation/virt/kvm/api.rst: KVM_PRE_FAULT_MEMORY; KVM's comments in kvm_tdp_mmu_map_private_pfn()",
        assumes=("what comes of a fault is fault.*, and what is mapped for it loop.map and stored.*",),
        vendors=(Vendor.INTEL, Vendor.AMD),
        needs=(Need(Feature.PRE_FAULT),),
        state=several(_asked),
        catches=(
            Catch("ahead-told-mapped", "told-mapped"),
            Catch("private-though-tracked", "tracked-mapped"),
            Catch("private-always-told", "told-mapped"),
            Catch("private-huge", "not-small"),
            Catch("private-as-written", "another-access"),
        ),
    ),
)
