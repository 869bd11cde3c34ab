"""Who gets a page fault that a walk of guest tables has left, and what is forgotten before."""

from __future__ import annotations

from collections.abc import Iterator

from mmuproof.model.injected_faults import InjectedFault, QueuedFault
from mmuproof.model.kvm import Kvm
from mmuproof.model.number_kinds import NumberKind
from mmuproof.model.statement import Shown
from mmuproof.model.vendor import Vendor
from mmuproof.proofs.claims import Wrong, given, never
from mmuproof.proofs.given.relations import pferr_flags
from mmuproof.proofs.theorem import Catch, Claim, Theorem, several
from mmuproof.smt.obligation import Assumption
from mmuproof.smt.terms import all_of, any_of, bit, extract, ne, negate, zext
from mmuproof.spec.page_fault import PRESENT_FLAG, RESERVED_FLAG, VECTOR

_INJECTS, _QUEUES = "__kvm_inject_emulated_page_fault()", "kvm_inject_page_fault()"


def _of_fault(kvm: Kvm, made: InjectedFault) -> tuple[tuple[Shown, ...], str]:
    shown = (
        Shown("error code", made.error_code, pferr_flags(kvm), NumberKind.ERROR_CODE),
        Shown("address", made.address),
    )
    return shown, "in L1's tables" if made.nested else "in the guest's own"


# -- flush.injected ------------------------------------------------------------------------------------------


def _forgotten(kvm: Kvm, made: InjectedFault) -> Claim:
    cached = all_of(bit(made.error_code, PRESENT_FLAG), negate(bit(made.error_code, RESERVED_FLAG)))
    shown, part = _of_fault(kvm, made)
    return never(
        given(shown=shown, evidence=made.evidence, part=part),
        Wrong(
            "stays-cached",
            all_of(cached, negate(all_of(made.invalidated, made.right_mmu, made.in_use))),
            f"{_INJECTS} leaves what is cached of the address, or forgets another.",
        ).told(
            "the guest may fault again for nothing",
            "SDM 5.10.4.1, APM 5.5.2: a page fault invalidates what is cached of its address",
        ),
    )


def _others_forget(kvm: Kvm) -> Claim:
    told, name = kvm.exits.injected_ept_violation(), "nested_ept_inject_page_fault()"
    return never(
        given(
            shown=(Shown("address", told.address), Shown("L1's log of pages is full", told.pml_full)),
            evidence=told.evidence,
            part=name,
        ),
        Wrong(
            "stays-in-others",
            all_of(negate(told.pml_full), negate(told.others_forget)),
            f"{name} leaves what other roots for the same tables of L1's have of the address.",
        ).told(
            "L2 may use it again with another EPTP",
            "SDM 30.4.3.1: an EPT violation invalidates what is cached of its address for the tables of its EPTP",
        ),
    )


def _flush(kvm: Kvm, vendor: Vendor) -> Iterator[Claim]:
    yield from (_forgotten(kvm, kvm.injected_faults.injected(nested)) for nested in (False, True))
    if vendor is Vendor.INTEL:
        yield _others_forget(kvm)


# -- fault.injected ------------------------------------------------------------------------------------------


def _handed_on(kvm: Kvm, made: InjectedFault) -> Claim:
    shown, part = _of_fault(kvm, made)
    return never(
        given(shown=shown, evidence=made.evidence, part=part),
        Wrong(
            "not-handed-on", negate(made.told), f"{_INJECTS} does not hand the fault to those whose tables it is of."
        ).told("somebody else gets the fault, or nobody", "SDM 5.7, 30.2.1, APM 8.4.2, 15.25.6: the access faults"),
        Wrong("changed", negate(made.unchanged), f"{_INJECTS} hands another fault on.").told(
            "another fault", "SDM 5.7, 30.2.1, APM 8.4.2, 15.25.6: what the walk has found"
        ),
    )


def _queued(kvm: Kvm, made: QueuedFault) -> Claim:
    waits = all_of(made.in_guest_mode, made.asynchronous)
    another = any_of(ne(made.vector, VECTOR), ne(made.code, extract(made.error_code, 31, 0)))
    return never(
        given(
            shown=(
                Shown("error code", made.error_code, pferr_flags(kvm), NumberKind.ERROR_CODE),
                Shown("address", made.address),
                Shown("L2 runs", made.in_guest_mode),
                Shown("asynchronous", made.asynchronous),
            ),
            evidence=made.evidence,
            part=_QUEUES,
        ),
        Wrong("not-queued", all_of(negate(waits), negate(made.queued)), f"{_QUEUES} queues no page fault.").told(
            "nothing is queued", "SDM 5.7, APM 8.4.2: the access faults"
        ),
        Wrong("another-fault", all_of(made.queued, another), f"{_QUEUES} queues another fault.").told(
            "another exception or error code", "SDM 5.7, APM 8.4.2: exception 14, and what the walk has found"
        ),
        Wrong(
            "another-address", all_of(made.queued, ne(made.payload, made.address)), f"{_QUEUES} tells another address."
        ).told("another CR2", "SDM 5.7, APM 8.2.15: CR2 has the address that could not be translated"),
        Wrong(
            "waits-in-l2",
            any_of(all_of(waits, negate(made.exits)), all_of(waits, made.queued)),
            f"{_QUEUES} gives L2 a fault that tells L1 to wait.",
        ).told("L2 gets it", "KVM's comment in kvm_inject_page_fault(): such a fault is always L1's"),
    )


def _of_processor(kvm: Kvm) -> Claim:
    made, name = kvm.injected_faults.of_processor(), "kvm_fixup_and_inject_pf_error()"
    another = any_of(ne(made.vector, VECTOR), ne(made.code, zext(made.error_code, 32)))
    return never(
        given(
            Assumption(
                "KVM's walk of the guest's tables finds no fault, or is not asked",
                any_of(ne(made.walked, made.none), negate(bit(made.error_code, PRESENT_FLAG))),
            ),
            shown=(
                Shown("error code", made.error_code),
                Shown("address", made.address),
                Shown("what the walk answers", made.walked),
            ),
            evidence=made.evidence,
            part=name,
        ),
        Wrong("not-queued", any_of(negate(made.queued), made.exits), f"{name} queues no page fault.").told(
            "nothing is queued", "SDM 5.7, APM 8.4.2: the access faults"
        ),
        Wrong("another-fault", another, f"{name} tells the guest another fault than the processor has reported.").told(
            "another exception or error code", "SDM 5.7, APM 8.4.2"
        ),
        Wrong("another-address", ne(made.payload, made.address), f"{name} tells another address.").told(
            "another CR2", "SDM 5.7, APM 8.2.15: CR2 has the address that could not be translated"
        ),
    )


def _injected(kvm: Kvm, _vendor: Vendor) -> Iterator[Claim]:
    yield from (_handed_on(kvm, kvm.injected_faults.injected(nested)) for nested in (False, True))
    yield _queued(kvm, kvm.injected_faults.queued())
    yield _of_processor(kvm)


THEOREMS = (
    Theorem(
        name="flush.injected",
        claim="A guest may be given a page fault for an entry that is present and well-formed. What is cached of its "
        "address is forgotten before, below the root in use and in the tables in which the fault is. Of a fault in "
        "L1's EPT so is what other roots for the same tables have.",
        source="SDM 5.10.4.1, 30.4.3.1; APM 5.5.2; KVM's comment in __kvm_inject_emulated_page_fault()",
        assumes=("what forgets an address does so by flush.address",),
        state=several(_flush),
        catches=(
            Catch("injected-fault-stays-cached", "stays-cached"),
            Catch("injected-fault-stays-in-others", "stays-in-others"),
        ),
    ),
    Theorem(
        name="fault.injected",
        claim="A fault that a walk of guest tables has left is given to those whose tables it is of, as it is. One "
        "of a guest's own tables is queued as a page fault with that error code and address; one that tells to "
        "wait for a page goes to L1 where L2 runs. One that only the processor has found is told as it was reported.",
        source="SDM 5.7, 30.2.1; APM 8.4.2, 15.25.6; KVM's comment in kvm_inject_page_fault()",
        assumes=("each walk has the handler of its own set-up: setup.consistent",),
        state=several(_injected),
        catches=(
            Catch("injected-fault-to-whoever-runs", "not-handed-on"),
            Catch("injected-fault-of-supervisor", "changed"),
            Catch("queued-fault-waits-in-l2", "waits-in-l2"),
            Catch("reported-fault-not-whole", "undefined-behaviour"),
            Catch("reported-fault-without-fetch", "another-fault"),
            Catch("queued-fault-of-page", "another-address"),
            Catch("queued-fault-without-fetch", "another-fault"),
        ),
    ),
)
