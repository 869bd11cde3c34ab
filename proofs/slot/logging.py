"""The log of a slot's dirty pages: nothing may be written unseen from the moment on that a page is to be logged."""

from __future__ import annotations

from mmuproof.model.kvm import Kvm
from mmuproof.model.statement import Shown
from mmuproof.model.vendor import Vendor
from mmuproof.proofs.claims import Wrong, given, never
from mmuproof.proofs.theorem import Catch, Claim, Theorem, alone
from mmuproof.smt.obligation import Assumption
from mmuproof.smt.terms import all_of, any_of, eq, ne, negate, ule, ult, var
from mmuproof.spec import table_numbers

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


def _masked(kvm: Kvm, _vendor: Vendor) -> Claim:
    made = kvm.dirty_logging.mask_logged()
    number = var("number of a bit", 64)
    gfn = made.base_gfn + made.offset + number
    huge = table_numbers.page(gfn, _HUGE)
    protected = any_of(
        *(
            all_of(each.when, eq(table_numbers.page(each.gfn, _HUGE), huge), ule(each.min_level, _HUGE))
            for each in made.huge_pages
        )
    )
    asked = all_of(ult(number, 64), ne((made.mask >> number) & 1, 0))
    writable = all_of(asked, made.starts_dirty, negate(protected))
    first = eq(table_numbers.first(gfn, _HUGE), gfn)
    comment = "KVM's comment in it: huge pages are write-protected, so that a write splits them and is logged"
    return never(
        given(
            Assumption(
                "the mask is for 64 frames from a multiple of 64 on: kvm_clear_dirty_log_protect()",
                eq(made.offset & 63, 0),
            ),
            Assumption("a mask has a bit: whoever asks has looked", ne(made.mask, 0)),
            Assumption("frames have 40 bits: SDM 5.5.4, APM 5.3", ult(made.base_gfn + made.offset, 1 << 40)),
            Assumption("a slot begins below them", all_of(ult(made.base_gfn, 1 << 40), ult(made.offset, 1 << 40))),
            shown=(
                Shown("slot->base_gfn", made.base_gfn),
                Shown("gfn_offset", made.offset),
                Shown("mask", made.mask),
                Shown("the frame", gfn),
            ),
            evidence=made.evidence,
        ),
        Wrong(
            "huge-page-writable",
            all_of(writable, negate(first)),
            f"{made.function}() leaves a huge page writable that has a frame which is to be logged.",
        ).told("a huge page stays writable", comment),
        Wrong(
            "next-huge-page-writable",
            all_of(writable, first),
            f"{made.function}() leaves a huge page writable whose first frame is to be logged.",
        ).told("a huge page stays writable", comment),
        Wrong(
            "small-pages-left",
            all_of(asked, negate(made.small_pages)),
            f"{made.function}() leaves small pages as they are that are to be logged.",
        ).told("small pages of the mask are left", "KVM's comment in it: write-protect them, or clear D"),
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
    Theorem(
        name="slot.logging-again",
        claim="When userspace wants the pages of a mask to be logged again, their small pages are write-protected, or "
        "clean where the processor logs. In a slot that began dirty the huge pages around each of them are "
        "write-protected.",
        source="KVM's comments in kvm_arch_mmu_enable_log_dirty_pt_masked()",
        assumes=("splitting huge pages ahead of it may fail",),
        state=alone(_masked),
        catches=(Catch("masked-logs-one-huge-page", "huge-page-writable"),),
    ),
)
