"""Whether a guest entry is still what a walk has read, which is asked before KVM goes by it."""

from __future__ import annotations

from collections.abc import Iterator

from mmuproof.model.fetches import ChangeLooked
from mmuproof.model.kvm import Kvm
from mmuproof.model.statement import Shown
from mmuproof.model.vendor import Vendor
from mmuproof.proofs.claims import Wrong, given, never
from mmuproof.proofs.loop.fetching import FORMATS
from mmuproof.proofs.theorem import Catch, Claim, Theorem, several
from mmuproof.smt.obligation import Assumption
from mmuproof.smt.terms import BitVec, Bool, all_of, any_of, eq, ne, negate

_SMALL = 1
_AHEAD = 8
"""How many entries around one of level 1 KVM maps ahead: PTE_PREFETCH_NUM."""


def _is_at(look: ChangeLooked, number: int) -> Bool:
    """Whether the entry in question is the one of a number, of those that have been found."""
    return eq(look.asked_gpa + number * look.entry_bytes, look.pte_gpa)


def _claim(look: ChangeLooked) -> Claim:
    name, number = f"{look.function}()", len(look.found)
    there = any_of(*(all_of(_is_at(look, each), eq(found, look.noted)) for each, found in enumerate(look.found)))
    same = all_of(negate(look.failed), there)
    group = look.pte_gpa & -(_AHEAD * look.entry_bytes)
    shown: tuple[tuple[str, BitVec], ...] = (
        ("gw.pte_gpa", look.pte_gpa),
        ("gw.ptes", look.noted),
        ("read from", look.asked_gpa),
        *((f"entry {each}", found) for each, found in enumerate(look.found)),
    )
    return never(
        given(
            Assumption("entries are aligned to their size", eq(look.pte_gpa & (look.entry_bytes - 1), 0)),
            shown=tuple(Shown(each, term) for each, term in shown),
            evidence=look.evidence,
            part=f"{name} at level {look.level}",
        ),
        Wrong(
            "change-missed",
            all_of(negate(look.says), negate(same)),
            f"{name} says that a guest entry is what the walk has read, which it is not, or is not known to be.",
        ).told("no change", "KVM: the entry in memory against gw->ptes"),
        Wrong(
            "change-imagined",
            all_of(look.says, same),
            f"{name} says that a guest entry has changed that has not: the fault is taken again and again.",
        ).told("a change", "KVM: the entry in memory against gw->ptes"),
        *(
            (
                Wrong(
                    "another-group",
                    all_of(negate(look.failed), ne(look.asked_gpa, group)),
                    f"{name} keeps other entries for mapping ahead than those around the one of the fault.",
                ).told("other entries", "KVM: FNAME(pte_prefetch)() maps the aligned group around the entry"),
            )
            if number == _AHEAD and look.level == _SMALL
            else ()
        ),
    )


def _state(kvm: Kvm, vendor: Vendor) -> Iterator[Claim]:
    for gpte_format in FORMATS[vendor]:
        for level in range(_SMALL, kvm.fetches.levels(gpte_format) + 1):
            yield _claim(kvm.fetches.changed(gpte_format, level))


THEOREMS = (
    Theorem(
        name="walk.changed",
        claim="Whether a guest entry has changed since it was walked is told by the entry that is in memory now, "
        "where the walk has read it. It has not changed exactly if it could be read and is the same, bit by "
        "bit. At level 1 the entries that are kept to be prefetched are those of the group around it.",
        source="KVM's comments in FNAME(fetch)() and FNAME(pte_prefetch)()",
        assumes=("the walk notes where it has read an entry, and what it has read: walk.reached shows the place",),
        state=several(_state),
        catches=(Catch("changed-ignores-failure", "change-missed"), Catch("changed-looks-at-first", "change-missed")),
    ),
)
