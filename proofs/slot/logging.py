"""Turning on the log of a slot's dirty pages: nothing may be written unseen from then on."""

from __future__ import annotations

from mmuproof.model.kvm import Kvm
from mmuproof.model.statement import Shown
from mmuproof.model.vendor import Vendor
from mmuproof.proofs.claims import Wrong, given, never
from mmuproof.proofs.theorem import Catch, Claim, Theorem, alone
from mmuproof.smt.terms import all_of, any_of, eq, ne, negate, ule

_SMALL, _HUGE = 1, 2


def _state(kvm: Kvm, _vendor: Vendor) -> Claim:
    made = kvm.dirty_logging.flags_applied()
    log, read_only = kvm.constant("KVM_MEM_LOG_DIRTY_PAGES"), kvm.constant("KVM_MEM_READONLY")
    turned_on = all_of(
        eq(made.change, kvm.constant("KVM_MR_FLAGS_ONLY")),
        eq(made.old_flags & log, 0),
        ne(made.new_flags & log, 0),
        eq(made.new_flags & read_only, 0),
        # Else userspace has asked for all to be dirty at first, and protects what it clears.
        eq(made.manual_protect & kvm.constant("KVM_DIRTY_LOG_INITIALLY_SET"), 0),
    )
    by_processor = all_of(made.processor_logs, made.clears_dirty)
    small = all_of(made.protects, eq(made.protects_from, _SMALL))
    huge = all_of(made.protects, ule(made.protects_from, _HUGE))
    name = f"{made.function}()"
    return never(
        given(
            shown=(
                Shown("old.flags", made.old_flags),
                Shown("new.flags", made.new_flags),
                Shown("change", made.change),
                Shown("the processor logs writes", made.processor_logs),
            ),
            evidence=made.evidence,
        ),
        Wrong(
            "written-unseen",
            all_of(turned_on, negate(any_of(small, all_of(by_processor, huge)))),
            f"{name} leaves pages writable whose writes nobody logs.",
        ).told(
            "a page stays writable",
            "KVM's comment in it: small pages are write-protected or clean, and huge ones write-protected",
        ),
        Wrong(
            "not-flushed",
            all_of(turned_on, negate(made.flushes)),
            f"{name} does not flush a slot after it has begun to log its dirty pages.",
        ).told(
            "a stale translation stays",
            "KVM's comment in it: flush always, earlier changes of SPTEs may have left it to be done",
        ),
    )


THEOREMS = (
    Theorem(
        name="slot.logging",
        claim="When the dirty pages of a slot begin to be logged, its small pages are write-protected, or clean "
        "where the processor logs. Its huge pages are write-protected. Then its translations are flushed, "
        "whether or not an SPTE has changed.",
        source="KVM's comment in kvm_mmu_slot_apply_flags()",
        assumes=("what is called does to every page of the slot what its name says",),
        state=alone(_state),
        catches=(
            Catch("logging-protects-huge-pages-only", "written-unseen"),
            Catch("logging-flushes-not-always", "not-flushed"),
        ),
    ),
)
