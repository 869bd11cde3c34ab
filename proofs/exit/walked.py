"""A fault of a guest whose tables are shadowed, from its walk on: which page is mapped, and with which rights."""

from __future__ import annotations

from collections.abc import Iterator

from mmuproof.model.faults import FaultWalked
from mmuproof.model.kvm import Kvm
from mmuproof.model.statement import Shown
from mmuproof.model.vendor import Vendor
from mmuproof.model.walks import GpteFormat
from mmuproof.proofs.claims import Wrong, given, never
from mmuproof.proofs.loop.fetching import FORMATS
from mmuproof.proofs.theorem import Catch, Claim, Theorem, several
from mmuproof.smt.obligation import Assumption
from mmuproof.smt.terms import TRUE, all_of, any_of, boolean, bv, eq, implies, ite, ne, negate, resize, ule, ult

_LEVELS = 5


def _claim(kvm: Kvm, gpte_format: GpteFormat) -> Claim:
    made: FaultWalked = kvm.faults.walked(gpte_format)
    name, fills = f"{made.function}()", made.fills
    write, user, execute = (kvm.constant(f"ACC_{each}_MASK") for each in ("WRITE", "USER", "EXEC"))
    ept = gpte_format is GpteFormat.EPT
    may_be_tracked = all_of(made.present, made.write, negate(made.reserved))
    untracked = all_of(made.asks, eq(made.tracked_gfn, made.walked_gfn), negate(made.tracked))
    # A supervisor's write ignores R/W with CR0.WP clear.  What is mapped for it is no page of user mode's any more:
    # the hardware sees W and U, and SMEP only where U is set.
    ignores_w = all_of(
        boolean(not ept),
        made.write,
        negate(made.user),
        negate(made.cr0_wp),
        made.has_slot,
        eq(made.walked_access & write, 0),
    )
    supervisors = (made.walked_access | write) & ~(bv(user, 32) | ite(made.cr4_smep, bv(execute, 32), bv(0, 32)))
    wanted = ite(ignores_w, supervisors, made.walked_access)
    granted = implies(all_of(made.walked, made.write), ne(made.walked_access & write, 0)) if ept else TRUE
    return never(
        given(
            Assumption("a walk ends at one of five levels", ult(made.walked_level - 1, _LEVELS)),
            Assumption(
                "guest_memfd has no huge pages, so a search for the frame lets no larger page be mapped",
                ule(made.found_level, made.searched_level),
            ),
            *([Assumption("EPT lets nobody write without W, so the walk has found it", granted)] if ept else []),
            shown=(
                Shown("fault.present", made.present),
                Shown("fault.write", made.write),
                Shown("fault.user", made.user),
                Shown("role.cr0_wp", made.cr0_wp),
                Shown("role.cr4_smep", made.cr4_smep),
                Shown("writes to the frame are tracked", made.tracked),
                Shown("walker.pte_access", made.walked_access),
                Shown("access that is mapped", made.access),
            ),
            evidence=made.evidence,
            part=name,
        ),
        Wrong(
            "walks-for-another",
            any_of(
                ne(made.walk_addr, made.addr), ne(made.walk_access, made.error_code & ~kvm.constant("PFERR_RSVD_MASK"))
            ),
            f"{name} walks the guest's tables for another address or access than that of the fault.",
        ).told("another address or access", "SDM 4.7; KVM's comment in FNAME(page_fault)(): only RSVD is cleared"),
        Wrong(
            "fault-withheld",
            all_of(negate(made.walked), negate(made.prefetch), negate(made.gives_up)),
            f"{name} does not give the guest the fault that the walk has found.",
        ).told("no fault, or another", "SDM 4.7: the access faults"),
        Wrong(
            "fault-invented",
            all_of(made.gives, any_of(made.walked, made.prefetch)),
            f"{name} gives the guest a fault that none of its accesses has.",
        ).told("a fault", "SDM 4.7: the entries allow the access, or nobody has made it"),
        Wrong("maps-unwalked", all_of(fills, negate(made.walked)), f"{name} maps what the guest has not mapped.").told(
            "SPTEs are filled in", "SDM 4.7: the guest gets a page fault"
        ),
        Wrong(
            "another-frame",
            any_of(
                all_of(fills, ne(made.gfn, made.walked_gfn)), all_of(made.walked, ne(made.slot_gfn, made.walked_gfn))
            ),
            f"{name} maps another frame than the guest's tables lead to, or looks it up in another slot.",
        ).told("another frame", "SDM 4.5: the frame of the last entry"),
        Wrong(
            "noted-otherwise",
            made.noted_otherwise,
            f"{name} fills in SPTEs for other tables of the guest's, or other rights of theirs, than were walked.",
        ).told("the walk's notes have changed", "SDM 4.5, 4.6: the tables and entries on the way"),
        Wrong(
            "larger-than-guests",
            all_of(fills, ult(made.walked_level, resize(made.max_level, 32))),
            f"{name} lets a page be mapped that is larger than the guest's.",
        ).told("a larger page", "SDM 4.5: what the guest's entry maps"),
        Wrong(
            "maps-tracked",
            all_of(fills, may_be_tracked, negate(untracked)),
            f"{name} maps a page for a write without knowing that writes to it are not tracked.",
        ).told("the page is mapped", "KVM's comment in page_fault_handle_page_track()"),
        Wrong(
            "not-emulated",
            all_of(made.asks, may_be_tracked, made.tracked, negate(made.emulates)),
            f"{name} does not let a tracked write be emulated.",
        ).told("another answer", "KVM's comment in page_fault_handle_page_track()"),
        Wrong(
            "more-granted",
            all_of(fills, ne(made.access & ~wanted, 0)),
            f"{name} maps a page with more rights than the guest grants.",
        ).told("more rights", "SDM 4.6.1: CR0.WP, SMEP, and what the entries grant"),
        Wrong(
            "less-granted",
            all_of(fills, ne(wanted & ~made.access, 0)),
            f"{name} maps a page with fewer rights than the guest grants: the fault is taken again and again.",
        ).told("fewer rights", "SDM 4.6.1: CR0.WP, SMEP, and what the entries grant"),
    )


def _state(kvm: Kvm, vendor: Vendor) -> Iterator[Claim]:
    for gpte_format in FORMATS[vendor]:
        yield _claim(kvm, gpte_format)


THEOREMS = (
    Theorem(
        name="fault.walked",
        claim="Where a guest's tables are shadowed, they are walked for the address and the access of a fault. If that "
        "fails the guest is given what the walk has left, unless KVM maps the page ahead. Else the frame is mapped to "
        "which the tables lead, no larger than there, with the rights that they grant, by way of the tables that were "
        "walked. A write that only CR0.WP lets through gets a page for the supervisor alone, which SMEP keeps from "
        "being executed. A write to a present page whose writes are tracked is emulated and never mapped.",
        source="SDM 4.5, 4.6.1; KVM's comments in FNAME(page_fault)() and page_fault_handle_page_track()",
        assumes=(
            "the walk ends at one of five levels, and grants what the entries grant: walk.end and walk.granted",
            "guest_memfd gives pages of 4 KByte alone. Since 7.2 its level replaces that of the guest's page; before, "
            "it was a limit beside it",
        ),
        state=several(_state),
        catches=(
            Catch("tracked-only-if-absent", "maps-tracked"),
            Catch("wp-clear-keeps-user", "more-granted"),
            Catch("guest-page-any-size", "larger-than-guests"),
            Catch("tables-grant-all", "noted-otherwise"),
            Catch("fault-walked-as-read", "walks-for-another"),
            Catch("fault-walked-as-kept", "fault-withheld"),
            Catch("fault-given-ahead", "fault-invented"),
        ),
    ),
)
