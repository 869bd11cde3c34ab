"""Faults that time overtakes: handled later as what they were, and never with what is no longer so."""

from __future__ import annotations

from mmuproof.model.kvm import Kvm
from mmuproof.model.statement import Shown
from mmuproof.model.vendor import Vendor
from mmuproof.proofs.claims import Wrong, given, never
from mmuproof.proofs.theorem import Catch, Claim, Theorem, alone
from mmuproof.smt.terms import all_of, any_of, iff, ne, negate, ule, ult

_RETRY = "KVM's comments on mmu_invalidate_retry_gfn(): what was found before a range was taken away is not mapped"


def _later(kvm: Kvm, _vendor: Vendor) -> Claim:
    made = kvm.late_faults.handled_later()
    return never(
        given(
            shown=(
                Shown("fault->addr", made.address),
                Shown("fault->error_code", made.error_code),
                Shown("root_role.direct at the fault", made.was_direct),
                Shown("root_role.direct later", made.is_direct),
                Shown("the guest's tables at the fault", made.was_pgd),
                Shown("the guest's tables later", made.is_pgd),
            ),
            evidence=made.evidence,
        ),
        Wrong("other-page", ne(made.waits_for, made.gfn), "KVM waits for another frame than that of the fault.").told(
            "it waits for another frame", "KVM's comment: the fault is handled when its page has come"
        ),
        Wrong(
            "other-mode",
            all_of(made.handled, negate(iff(made.was_direct, made.is_direct))),
            "An address of the guest's memory is taken for a linear one, or the other way round.",
        ).told(
            "the fault is handled", "KVM's fields: the address is linear only where the guest's tables are shadowed"
        ),
        Wrong(
            "other-tables",
            all_of(made.handled, negate(made.is_direct), ne(made.was_pgd, made.is_pgd)),
            "A linear address is translated by other tables of the guest's than those of the fault.",
        ).told("the fault is handled", "SDM 5.5.4: what a linear address means is said by the tables in use"),
        Wrong(
            "other-fault",
            all_of(
                made.handled,
                any_of(ne(made.handled_address, made.address), ne(made.handled_error_code & ~made.error_code, 0)),
            ),
            "Another address is handled, or an access that the guest has not made.",
        ).told("another address or access", "KVM's comment: the same fault"),
    )


def _out_of_date(kvm: Kvm, _vendor: Vendor) -> Claim:
    made = kvm.late_faults.out_of_date()
    obsolete = any_of(
        all_of(
            made.has_page,
            any_of(made.page_invalid, all_of(negate(made.page_of_tdp), ne(made.page_generation, made.generation))),
        ),
        all_of(negate(made.has_page), made.asked_to_free),
    )
    being_taken = all_of(ne(made.invalidating, 0), ule(made.start, made.place), ult(made.place, made.end))
    taken = ne(made.seen, made.now)
    return never(
        given(
            shown=(
                Shown("where the fault is", made.place),
                Shown("mmu_invalidate_in_progress", made.invalidating),
                Shown("mmu_invalidate_range_start", made.start),
                Shown("mmu_invalidate_range_end", made.end),
                Shown("mmu_seq of the fault", made.seen),
                Shown("mmu_invalidate_seq", made.now),
            ),
            evidence=made.evidence,
        ),
        Wrong(
            "obsolete-root",
            all_of(obsolete, negate(made.says)),
            f"{made.function}() lets a page be mapped below a root that is given up.",
        ).told("the fault goes on", "KVM's comments on is_obsolete_sp(): a root that is given up gets no new SPTEs"),
        Wrong(
            "taken-away",
            all_of(made.has_slot, any_of(being_taken, taken), negate(made.says)),
            f"{made.function}() lets a frame be mapped that the host takes away, or has taken away since.",
        ).told("the fault goes on", _RETRY),
    )


THEOREMS = (
    Theorem(
        name="fault.later",
        claim="A fault that waits for its page is handled later only where its address means the same: in a mode of "
        "the same kind, and with the guest's tables of the fault. It is then the same access to the same address.",
        source="SDM 5.5.4; KVM's comments in kvm_arch_async_page_ready()",
        assumes=("the generic code keeps what it is given, and hands it on when the page has come",),
        state=alone(_later),
        catches=(Catch("late-fault-in-any-mode", "other-mode"), Catch("late-fault-of-any-tables", "other-tables")),
    ),
    Theorem(
        name="fault.out-of-date",
        claim="A fault counts as out of date where its root is given up, where its frame is being taken away, and "
        "where any was taken away since the frame was looked for.",
        source="KVM's comments in is_page_fault_stale() and mmu_invalidate_retry_gfn()",
        assumes=("it is asked under KVM's lock: memory order is not looked at",),
        state=alone(_out_of_date),
        catches=(Catch("stale-fault-after-invalidation", "taken-away"),),
    ),
)
