"""Accessed and dirty flags that a walk sets in the guest's entries."""

from __future__ import annotations

from collections.abc import Iterator

from mmuproof.model.gpte_flags import EntryFlagged, WalkFlagged
from mmuproof.model.kvm import Kvm
from mmuproof.model.statement import Shown
from mmuproof.model.vendor import Vendor
from mmuproof.model.walks import GpteFormat
from mmuproof.proofs.claims import Wrong, given, never
from mmuproof.proofs.theorem import Claim, Theorem, several, showing
from mmuproof.smt.terms import BitVec, Bool, all_of, any_of, bit, boolean, eq, ite, ne, negate

_WALKS = ((5, 1), (4, 2), (4, 3), (2, 1))
_WALKS_32 = ((2, 1), (2, 2))
_FLAGS = {GpteFormat.EPT: (8, 9), GpteFormat.PAGING64: (5, 6), GpteFormat.PAGING32: (5, 6)}
"""The accessed and the dirty flag: SDM 31.3.5 and table 5-20, APM volume 2, 5.4.1."""
_SET = "SDM 5.8 and 31.3.5, APM volume 2, 5.4.2: accessed in each entry used, dirty in the last for a write"


def _flagged(made: WalkFlagged, entry: EntryFlagged) -> BitVec:
    """An entry with the flags that the access sets."""
    accessed, dirty = _FLAGS[made.gpte_format]
    used = entry.entry | (1 << accessed)
    return ite(made.writes, used | (1 << dirty), used) if entry is made.levels[-1] else used


def _of_walk(made: WalkFlagged) -> Claim:
    name, last = f"{made.gpte_format.value}_update_accessed_dirty_bits()", made.levels[-1]
    goes_on, dirty = eq(made.answer, 0), _FLAGS[made.gpte_format][1]

    def needs(each: EntryFlagged) -> Bool:
        return all_of(made.has_flags, ne(each.entry, _flagged(made, each)))

    def wrongly(each: EntryFlagged) -> Bool:
        right = all_of(
            each.own_entry,
            eq(each.against, each.entry),
            eq(each.written, _flagged(made, each)),
            needs(each),
            each.writable,
        )
        return all_of(each.exchanges, negate(right))

    done = [all_of(each.exchanges, negate(each.lost)) for each in made.levels]
    soiled = all_of(last.exchanges, bit(last.written, dirty), negate(bit(last.entry, dirty)))
    return never(
        given(
            shown=(
                *(Shown(f"entry of level {each.level}", each.entry) for each in made.levels),
                *(Shown(f"written at level {each.level}", each.written) for each in made.levels),
                Shown("for a write", made.writes),
                Shown("answer", made.answer),
            ),
            evidence=made.evidence,
            part=f"{name}, levels {made.levels[0].level} to {last.level}",
        ),
        Wrong(
            "flag-unset",
            all_of(
                goes_on, any_of(*(all_of(needs(each), each.writable, negate(each.exchanges)) for each in made.levels))
            ),
            f"{name} does not set a flag of an entry that the access uses.",
        ).told("the flag stays clear", _SET),
        Wrong(
            "another-flag",
            any_of(made.strays, *map(wrongly, made.levels)),
            f"{name} writes another value to the guest's tables than the entry with its flags, or to another place.",
        ).told("another value, entry or expectation", _SET),
        Wrong(
            "change-overlooked",
            all_of(goes_on, any_of(*(each.lost for each in made.levels))),
            f"{name} goes on although the guest has changed an entry that was read.",
        ).told("0", "KVM: a walk whose entry has changed begins anew"),
        Wrong(
            "write-unlogged",
            any_of(*(all_of(when, negate(each.dirty)) for each, when in zip(made.levels, done, strict=True))),
            f"{name} writes to the guest's memory, and the log of dirty pages does not have it.",
        ).told("not logged", "KVM: whatever KVM writes to guest memory is in the log of dirty pages"),
        Wrong(
            "noted-otherwise",
            any_of(
                *(
                    ne(each.noted, ite(when, _flagged(made, each), each.entry))
                    for each, when in zip(made.levels, done, strict=True)
                )
            ),
            f"{name} notes another entry than there is in the guest's tables.",
        ).told("another entry", "KVM: what a walk notes is compared with what is there when an SPTE is made"),
        Wrong(
            "hidden-from-l1",
            all_of(
                boolean(made.gpte_format is GpteFormat.EPT), soiled, negate(all_of(made.logs, negate(made.log_fails)))
            ),
            f"{name} sets the dirty flag in L1's EPT, and L1's page-modification log does not have it.",
        ).told("not logged", "SDM 31.3.6: an access that sets the dirty flag is logged first"),
        Wrong(
            "fails-for-nothing",
            all_of(negate(goes_on), negate(any_of(made.log_fails, *(each.lost for each in made.levels)))),
            f"{name} lets a walk fail that is as it should be.",
        ).told("an error", "KVM: only an entry that has changed, or a log that cannot be written, ends the walk"),
    )


def _state(kvm: Kvm, _vendor: Vendor) -> Iterator[Claim]:
    for gpte_format in GpteFormat:
        for top, last in _WALKS_32 if gpte_format is GpteFormat.PAGING32 else _WALKS:
            yield _of_walk(kvm.gpte_flags.set_in(gpte_format, top, last))


THEOREMS = (
    Theorem(
        name="walk.flags",
        claim="A walk sets the accessed flag of each entry of the guest's that it uses, and the dirty flag of the "
        "last one for a write. It sets them in the entry as it has read it, and in no other way. If that has "
        "changed, the walk begins anew. Each write is in the log of dirty pages, and L1 has it in its own log.",
        source="SDM 5.8, 31.3.5 and 31.3.6; APM volume 2, 5.4.2",
        assumes=("an entry in a slot that is read-only stays as it is: KVM's comment in update_accessed_dirty_bits()",),
        state=several(_state),
        catches=(
            *showing("flag-unset", "flags-never-accessed"),
            *showing("another-flag", "flags-dirty-for-reads"),
            *showing("change-overlooked", "flags-lost-unheeded"),
            *showing("write-unlogged", "flags-write-unlogged"),
        ),
    ),
)
