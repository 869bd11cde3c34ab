"""Page faults of the second level as the hardware has them, with everything free, and how they are shown."""

from __future__ import annotations

from collections.abc import Sequence

from mmuproof.model.kvm import Kvm
from mmuproof.model.statement import Symptom
from mmuproof.proofs.claims import Wrong
from mmuproof.proofs.given.relations import pferr_flags
from mmuproof.smt.obligation import Assumption
from mmuproof.smt.terms import TRUE, BitVec, Bool, all_of, bool_var
from mmuproof.spec import ept_violation, nested_page_fault
from mmuproof.spec.access import Access
from mmuproof.spec.ept import EptPermissions
from mmuproof.spec.ept_violation import EptViolation
from mmuproof.spec.nested_page_fault import NestedPageFault
from mmuproof.spec.reports import Reported

QUALIFICATION_FLAGS = tuple(
    enumerate(
        (
            "READ",
            "WRITE",
            "FETCH",
            "R",
            "W",
            "X",
            "XU",
            "GVA_VALID",
            "GVA_TRANSLATED",
            "GVA_USER",
            "GVA_WRITABLE",
            "GVA_NX",
            "NMI_UNBLOCKING",
            "SHADOW_STACK",
        )
    )
)
"""Short names for bits of an exit qualification."""


def any_ept_violation(*, mbec: Bool, advanced_information: Bool) -> EptViolation:
    """An EPT violation of any kind."""
    return EptViolation(
        access=Access(bool_var("a data read"), bool_var("a data write"), bool_var("a fetch")),
        permissions=any_permissions(""),
        walk_complete=bool_var("every entry is present"),
        linear_address_valid=bool_var("there is a linear address"),
        final=bool_var("final translation"),
        user_mode_address=bool_var("user-mode address"),
        writable_page=bool_var("writable page"),
        execute_disable_page=bool_var("execute-disable page"),
        nmi_unblocking=bool_var("NMIs are unblocked"),
        nmi_unblocking_defined=bool_var("NMI unblocking is defined"),
        shadow_stack=bool_var("shadow-stack access"),
        shadow_stack_page=bool_var("shadow-stack page"),
        guest_paging_verification=bool_var("guest-paging verification"),
        asynchronous=bool_var("asynchronous access"),
        mbec=mbec,
        advanced_information=advanced_information,
        shadow_stack_control=bool_var("EPTP's shadow-stack control"),
    )


def any_permissions(of: str) -> EptPermissions:
    """Accumulated permissions of any kind; ``of`` tells them from others."""
    return EptPermissions(*(bool_var(f"{name} in every entry{of}") for name in ("R", "W", "X", "XU")))


def ept_violation_happens(event: EptViolation) -> Assumption:
    """The event is one that the architecture has."""
    return Assumption(
        "an access fetches or reads and writes data, and one to a paging structure, or without a linear address, reads",
        ept_violation.can_happen(event),
    )


def any_nested_page_fault(*, gmet: Bool, cpl: BitVec, of: str = "") -> NestedPageFault:
    """A nested page fault of any kind; ``of`` tells it from others."""

    def free(name: str) -> Bool:
        return bool_var(f"{name}{of}")

    return NestedPageFault(
        write=free("a nested write"),
        fetch=free("a nested fetch"),
        present=free("the nested page is present"),
        reserved=free("a reserved bit is set"),
        final=free("final translation"),
        cpl=cpl,
        gmet=gmet,
        shadow_stack=free("shadow-stack access"),
        shadow_stack_page=free("shadow-stack page"),
        rmp=free("denied by the RMP"),
        encrypted=free("effective C-bit"),
        size_mismatch=free("page sizes differ"),
        vmpl=free("denied by the VMPL"),
    )


def nested_page_fault_happens(fault: NestedPageFault) -> Assumption:
    """The fault is one that the architecture has."""
    return Assumption(
        "a fetch writes nothing, an access to a guest page table writes, and an entry with a reserved bit is present",
        nested_page_fault.can_happen(fault),
    )


def error_code_flags(kvm: Kvm) -> tuple[tuple[int, str], ...]:
    """Names of the bits of KVM's error code, and so of EXITINFO1."""
    stages = (
        ("PFERR_GUEST_FINAL_MASK", "FINAL"),
        ("PFERR_GUEST_PAGE_MASK", "GUEST_PAGE"),
        ("PFERR_PRIVATE_ACCESS", "PRIVATE"),
    )
    own = tuple((kvm.constant(name).bit_length() - 1, word) for name, word in stages if kvm.defines(name))
    return (*pferr_flags(kvm), *own)


def field_symptoms(
    expected: Reported, number: BitVec, manual: str, title: str, *, names: Sequence[str] = (), when: Bool = TRUE
) -> tuple[Symptom, ...]:
    """For each field of a report that is defined, that L1 is told otherwise.

    Args:
        expected: what the manual says.
        number: what L1 is told.
        manual: where the manual says it.
        title: what the number is called.
        names: the fields; all if there are none.
        when: where L1 is told this at all.
    """
    return tuple(
        Wrong(
            each.name,
            all_of(when, expected.wrong(number, each.name)),
            f"L1 is told wrongly in bit {each.bit} of the {title} whether {each.meaning}.",
        ).told(f"bit {each.bit} says otherwise", f"{manual}: bit {each.bit} tells whether {each.meaning}")
        for each in expected.report.fields
        if not names or each.name in names
    )
