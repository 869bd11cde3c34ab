"""What others may make of an SPTE between two accesses of one CPU, and what is written over it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from mmuproof.model.features import Feature
from mmuproof.model.interference import EntryAccess, Interfered
from mmuproof.model.kvm import Kvm
from mmuproof.model.masks import ShadowMasks
from mmuproof.model.number_kinds import NumberKind
from mmuproof.model.statement import Shown
from mmuproof.model.vendor import Vendor
from mmuproof.proofs.given.hardware_spte import field_mask, saved_slots, with_saved
from mmuproof.proofs.given.lifecycle_invariant import HeldEntry, invariant, is_present
from mmuproof.proofs.given.relations import has
from mmuproof.smt.obligation import Assumption
from mmuproof.smt.terms import TRUE, BitVec, Bool, all_of, any_of, bv, eq, implies, ite, ne, negate

WRITE = field_mask(Vendor.INTEL, "write")
_PERMISSIONS = ("read", "write", "execute", "user execute")

Right = Callable[[BitVec, BitVec], Bool]
"""Whether something (64 bits) may be left of what is found (64)."""


def accessed(vendor: Vendor) -> int:
    """The accessed flag of an SPTE, which may be lost: KVM says so at spte_needs_atomic_update()."""
    return field_mask(vendor, "accessed")


def dirty(vendor: Vendor) -> int:
    """The dirty flag of an SPTE."""
    return field_mask(vendor, "dirty")


def maps_page(kvm: Kvm, entry: HeldEntry, spte: BitVec) -> Bool:
    """Whether a value at an entry is an SPTE that maps a page, and none that is empty, frozen, MMIO or of a table."""
    return all_of(is_present(kvm, spte), HeldEntry(spte, entry.level, entry.ad_disabled).leaf)


def without_flags(kvm: Kvm, spte: BitVec) -> Bool:
    """Whether the processor has no accessed and dirty flags in an SPTE."""
    return eq(spte & kvm.constant("SPTE_TDP_AD_MASK"), kvm.constant("SPTE_TDP_AD_DISABLED"))


def same_but_tracked(kvm: Kvm, one: BitVec, other: BitVec) -> Bool:
    """Whether two SPTEs differ in nothing but their use, who may write, and whether permissions are put away."""
    beside = saved_slots(kvm) | WRITE | accessed(Vendor.INTEL)
    shown = [with_saved(kvm, Vendor.INTEL, spte) & ~beside for spte in (one, other)]
    return eq(*shown)


def volatile(kvm: Kvm, masks: ShadowMasks, spte: BitVec) -> BitVec:
    """The bits of an SPTE that maps a page that change without KVM's lock for writing (64)."""
    vendor, no_flags = masks.vendor, without_flags(kvm, spte)
    bits = bv(accessed(vendor), 64) | ite(ne(spte & masks.mmu_writable, 0), bv(WRITE, 64), 0)
    bits |= ite(no_flags, bv(0, 64), dirty(vendor))
    return bits | ite(no_flags, bv(_moved(kvm), 64), 0) if vendor is Vendor.INTEL else bits


def _moved(kvm: Kvm) -> int:
    """The permissions that access tracking puts away and a fast page fault gives back, and where they are meanwhile."""
    moved = saved_slots(kvm)
    for name in _PERMISSIONS:
        moved |= field_mask(Vendor.INTEL, name)
    return moved


def _beside_the_lock(kvm: Kvm, masks: ShadowMasks, entry: HeldEntry, known: BitVec, found: BitVec) -> Bool:
    """What the processor and who goes without KVM's lock can make of an entry.

    The processor sets accessed flags, and dirty flags of what may be written; a fast page fault lets pages be written
    that are MMU-writable, and gives back what was put away; aging puts it away, or clears the accessed flag.
    """
    changed, vendor = known ^ found, masks.vendor
    inside = eq(changed & ~volatile(kvm, masks, known), 0)
    may_write = any_of(negate(has(found & ~known, WRITE)), ne(known & masks.mmu_writable, 0))
    gained = all_of(
        implies(has(changed, dirty(vendor)), all_of(has(found, dirty(vendor)), has(found, WRITE))),
        implies(has(changed, WRITE), has(found, WRITE)),
    )
    if kvm.has(Feature.LOCKLESS_AGING):
        gained = any_of(gained, without_flags(kvm, known))
    elif vendor is Vendor.INTEL:
        put_away = eq(known & masks.acc_track, 0)
        gained = all_of(gained, any_of(put_away, eq(changed & (_moved(kvm) & ~WRITE), 0)))
    page = maps_page(kvm, entry, known)
    of_table = ite(is_present(kvm, known), bv(accessed(vendor), 64), 0)
    return ite(page, all_of(inside, may_write, gained), eq(changed & ~of_table, 0))


def locked_out(kvm: Kvm, masks: ShadowMasks, entry: HeldEntry, accesses: Sequence[EntryAccess]) -> Assumption:
    """That KVM's lock keeps all others from the entry but those that go without."""
    changes = (
        implies(each.happens, _beside_the_lock(kvm, masks, entry, each.known, each.found))
        for each in accesses
        if each.known is not each.found
    )
    return Assumption(
        "KVM's lock is held for writing: only the processor, fast page faults and aging change the SPTE meanwhile",
        all_of(*changes),
    )


def empty_entry(kvm: Kvm) -> int:
    """The value of an entry that leads nowhere."""
    return kvm.constant("SHADOW_NONPRESENT_VALUE") if kvm.has(Feature.NONPRESENT_VALUE) else 0


def in_reverse_map(kvm: Kvm, entry: HeldEntry, accesses: Sequence[EntryAccess]) -> Assumption:
    """What a walk of the reverse map can come to."""
    empty = empty_entry(kvm)
    held = (
        implies(each.happens, any_of(maps_page(kvm, entry, each.found), eq(each.found, empty))) for each in accesses
    )
    return Assumption(
        "an SPTE in the reverse map maps a page, or has just been emptied: who did that takes it out under the lock of "
        "the reverse map, before it is used again",
        all_of(*held),
    )


def made_by_kvm(kvm: Kvm, masks: ShadowMasks, entry: HeldEntry, accesses: Sequence[EntryAccess] = ()) -> Assumption:
    """That the lifecycle invariant holds of an entry, and of what is found there later."""
    found = {each.found: each.happens for each in reversed(accesses)}
    held = (
        implies(when, conjunct.holds)
        for spte, when in ((entry.spte, TRUE), *found.items())
        for conjunct in invariant(kvm, masks, HeldEntry(spte, entry.level, entry.ad_disabled))
    )
    return Assumption("what others leave in the entry keeps the invariant of lifecycle.*", all_of(*held))


def undone(made: Interfered, still: Callable[[BitVec], Bool]) -> Bool:
    """Whether an operation ends with an SPTE that is ``still`` what it has to end, and has not ended that.

    What others do once it has is theirs.
    """
    done = any_of(*(all_of(each.happens, negate(still(each.left))) for each in made.accesses if each.writes))
    return all_of(made.ends, still(made.last), negate(done))


@dataclass(frozen=True)
class Overwritten:
    """The writes of an operation that are wrong in some way.

    Args:
        when: one of them is.
        shown: what was known, what was there and what is left there, at the last such; at the last access if none is.
    """

    when: Bool
    shown: tuple[Shown, ...]


def overwritten(accesses: Sequence[EntryAccess], wrong: Callable[[EntryAccess], Bool]) -> Overwritten:
    """The writes that happen and are wrong."""
    wrongs = [(all_of(each.happens, wrong(each)), each) for each in accesses if each.writes]
    known = found = left = bv(0, 64)
    for when, each in (*((each.happens, each) for each in accesses), *wrongs):
        known, found, left = ite(when, each.known, known), ite(when, each.found, found), ite(when, each.left, left)
    return Overwritten(
        any_of(*(when for when, _ in wrongs)),
        (
            Shown("the SPTE as it was known", known, kind=NumberKind.SPTE),
            Shown("the SPTE that is there", found, kind=NumberKind.SPTE),
            Shown("what is left there", left, kind=NumberKind.SPTE),
        ),
    )
