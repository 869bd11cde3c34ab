"""Logs of pages that were written to: all that the processor has logged is marked, and L1's log is as hardware's."""

from __future__ import annotations

from mmuproof.model.kvm import Kvm
from mmuproof.model.statement import Shown
from mmuproof.model.vendor import Vendor
from mmuproof.proofs.claims import Wrong, given, never
from mmuproof.proofs.theorem import Catch, Claim, Theorem, alone
from mmuproof.smt.obligation import Assumption
from mmuproof.smt.terms import all_of, any_of, bv, eq, ite, ne, negate, zext
from mmuproof.spec import page_modification_log as log

_SDM = "SDM 31.3.6: the address is logged at the index, which then goes down; 512 or more mean that the log is full"


def _drained(kvm: Kvm, _vendor: Vendor) -> Claim:
    made, name = kvm.page_logs.round(), "vmx_flush_pml_buffer()"
    lowest = ite(log.room(made.index), zext(made.index, 32) + 1, bv(0, 32))
    empty, highest = eq(made.index, log.EMPTY), bv(log.EMPTY, 32)
    logged = log.holds(made.index, made.at)
    steps = [(end, all_of(made.goes_on, eq(made.next, made.at + step))) for end, step in ((highest, -1), (lowest, 1))]
    ended = any_of(eq(made.at, lowest - 1), eq(made.at, highest + 1))
    return never(
        given(
            Assumption(
                "a round is of an entry that is logged, or behind the last that is read",
                any_of(
                    logged,
                    all_of(eq(made.first, highest), eq(made.next, made.at - 1), eq(made.at, lowest - 1)),
                    all_of(eq(made.first, lowest), eq(made.next, made.at + 1), eq(made.at, highest + 1)),
                ),
            ),
            shown=(
                Shown("index of the log", made.index),
                Shown("entry", made.at),
                Shown("entry that is read first", made.first),
            ),
            evidence=made.evidence,
        ),
        Wrong("other-field", negate(made.of_index), f"{name} takes another field of the VMCS for the index.").told(
            "another field", _SDM
        ),
        Wrong(
            "log-left", all_of(negate(empty), negate(made.reads)), f"{name} does not look at a log that has entries."
        ).told("nothing is read", _SDM),
        Wrong(
            "begins-inside",
            all_of(made.reads, ne(made.first, highest), ne(made.first, lowest)),
            f"{name} begins with another entry than the first or last.",
        ).told("entries are passed over", _SDM),
        Wrong(
            "page-left",
            all_of(made.reads, logged, negate(all_of(made.marks, eq(made.gfn, made.entry >> 12)))),
            f"{name} leaves a page unmarked that the processor has logged.",
        ).told("the page is not marked", _SDM),
        Wrong(
            "passed-over",
            all_of(made.reads, logged, negate(any_of(*(all_of(eq(made.first, end), step) for end, step in steps)))),
            f"{name} passes over an entry of the log.",
        ).told("another entry follows", _SDM),
        Wrong(
            "another-page",
            all_of(made.reads, ended, made.marks),
            f"{name} marks a page for an entry that the processor has not made.",
        ).told("a page is marked", _SDM),
        Wrong(
            "index-kept",
            all_of(made.reads, negate(made.goes_on), negate(all_of(made.resets, eq(made.reset_to, log.EMPTY)))),
            f"{name} does not let the processor begin anew.",
        ).told("the index is another", _SDM),
    )


def _nested(kvm: Kvm, _vendor: Vendor) -> Claim:
    made, name = kvm.page_logs.written(), "nested_vmx_write_pml_buffer()"
    due = all_of(made.l2, made.enabled, negate(made.was_full))
    room = log.room(made.index)
    right = all_of(
        eq(made.where, log.place(made.log, made.index)), eq(made.length, 8), eq(made.written, log.logged(made.gpa))
    )
    logged = all_of(made.writes, negate(made.fails))
    return never(
        given(
            shown=(
                Shown("gpa", made.gpa),
                Shown("L1's index", made.index),
                Shown("L1's log", made.log),
                Shown("L1 has logs on", made.enabled),
            ),
            evidence=made.evidence,
        ),
        Wrong("not-logged", all_of(due, room, negate(made.writes)), f"{name} logs nothing where L1 has room.").told(
            "nothing is written", _SDM
        ),
        Wrong("log-overrun", all_of(made.writes, negate(room)), f"{name} writes behind L1's log.").told(
            "an entry that is not there", _SDM
        ),
        Wrong("log-off", all_of(made.writes, negate(due)), f"{name} writes to a log that L1 does not have on.").told(
            "L1's memory is written to", "SDM table 27-7: enable PML"
        ),
        Wrong("other-entry", all_of(made.writes, room, negate(right)), f"{name} logs something else.").told(
            "another address, or elsewhere", _SDM
        ),
        Wrong(
            "other-index",
            ne(made.index_after, ite(logged, log.next_index(made.index), made.index)),
            f"{name} leaves L1 another index.",
        ).told("another index", _SDM),
        Wrong(
            "full-untold",
            all_of(due, negate(room), negate(all_of(made.full, made.refused))),
            f"{name} lets L2 go on though L1's log is full.",
        ).told("no exit is due", "SDM 31.3.6: page-modification log full"),
        Wrong(
            "full-told",
            all_of(made.full, negate(made.was_full), any_of(room, negate(due))),
            f"{name} says of a log that it is full that has room.",
        ).told("an exit is due", "SDM 31.3.6: page-modification log full"),
    )


THEOREMS = (
    Theorem(
        name="slot.processor-log",
        claim="Of the processor's log of pages that were written to each entry is read from the first to the last, and "
        "its page marked, also where the log is full. Then the log is empty for the processor.",
        source="SDM 31.3.6; SDM table 27-7, enable PML",
        assumes=(
            "the processor does not run the guest meanwhile",
            "a round is of an entry that is logged, or behind the last that is read",
        ),
        vendors=(Vendor.INTEL,),
        state=alone(_drained),
        catches=(Catch("log-full-first-left", "page-left"), Catch("log-index-kept", "index-kept")),
    ),
    Theorem(
        name="slot.nested-log",
        claim="When KVM sets a dirty flag in L1's EPT for an access of L2, it logs the page of L2's address for L1 as "
        "the processor would: at L1's index, which then goes down. Where that is 512 or more, L1 is told that its log "
        "is full.",
        source="SDM 31.3.6",
        assumes=("that it is asked to, and with which address, is walk.flags",),
        vendors=(Vendor.INTEL,),
        state=alone(_nested),
        catches=(
            Catch("nested-log-one-too-many", "log-overrun"),
            Catch("nested-log-with-offset", "other-entry"),
            Catch("nested-log-upwards", "other-index"),
        ),
    ),
)
