"""What Linux 7.2.13 does to SPTEs that others write."""

from __future__ import annotations

from collections.abc import Iterable

from mmuproof.lift.machine.findings import numbered
from mmuproof.model.interference import EntryAccess, Interfered, InterferedFault, Interference
from mmuproof.model.masks import ShadowMasks
from mmuproof.model.reference.base.area import ReferenceArea
from mmuproof.model.reference.base.constants import Constants
from mmuproof.model.reference.spte_changes import ReferenceSpteChanges
from mmuproof.model.reference.sptes import ReferenceSptes
from mmuproof.model.spte_changes import FastFault, SpteAt, SpteChange
from mmuproof.smt.terms import FALSE, TRUE, BitVec, Bool, all_of, any_of, bit, bv, eq, ite, ne, negate, ult, var

_U64 = 64
_LEVELS = 3
"""On how many levels pages are found in the reverse map."""


class SharedEntry:
    """An SPTE that others write between any two accesses.

    Args:
        seen: what was read there last.
    """

    def __init__(self, seen: BitVec) -> None:
        self.last, self.accesses = seen, list[EntryAccess]()
        self._changes = 0

    def read(self, when: Bool) -> BitVec:
        """What a read finds."""
        found = self._found()
        self._note(when, found, found)
        return found

    def write(self, when: Bool, value: BitVec) -> None:
        """A write that reads nothing."""
        self._note(when, self._found(), value, writes=True)

    def exchange(self, when: Bool, value: BitVec) -> BitVec:
        """What an exchange finds and replaces by a value."""
        return self._step(when, TRUE, self._found(), value)

    def clear(self, when: Bool, bits: BitVec) -> BitVec:
        """What there is where bits are cleared in one step."""
        found = self._found()
        return self._step(when, TRUE, found, found & ~bits)

    def compare(self, when: Bool, want: BitVec, value: BitVec) -> tuple[BitVec, Bool]:
        """What a comparison finds, and whether that is what it wants; then it is replaced."""
        found = self._found()
        same = eq(found, want)
        return self._step(when, same, found, value), same

    def _step(self, when: Bool, same: Bool, found: BitVec, value: BitVec) -> BitVec:
        before = self.last
        self._note(when, found, found)
        self._note(all_of(when, same), found, value, writes=True, known=found)
        self.last = ite(when, ite(same, value, found), before)
        return found

    def _found(self) -> BitVec:
        self._changes += 1
        return var(numbered("*sptep meanwhile", self._changes), _U64)

    def _note(
        self, when: Bool, found: BitVec, left: BitVec, *, writes: bool = False, known: BitVec | None = None
    ) -> None:
        before = self.last if known is None else known
        self.accesses.append(EntryAccess(happens=when, writes=writes, known=before, found=found, left=left))
        self.last = ite(when, left, self.last)


class ReferenceInterference(ReferenceArea, Interference):
    """The accesses of the functions of ``mmu.c`` and ``tdp_mmu.c`` that change SPTEs in place.

    Args:
        constants: the kernel's numbers.
        sptes: the predicates.
        changes: what each function makes of an SPTE.
    """

    def __init__(
        self,
        constants: Constants | None = None,
        sptes: ReferenceSptes | None = None,
        changes: ReferenceSpteChanges | None = None,
    ) -> None:
        super().__init__(constants)
        self._sptes = sptes or ReferenceSptes(self.constants)
        self._changes = changes or ReferenceSpteChanges(self.constants, self._sptes)

    def change(self, masks: ShadowMasks, change: SpteChange, at: SpteAt) -> Interfered:
        """See `Interference.change`."""
        entry, tells, told = SharedEntry(at.spte), FALSE, bv(0, _U64)
        again = FALSE
        if change in (SpteChange.TDP_WRITE_PROTECT, SpteChange.TDP_CLEAR_DIRTY):
            made = self._made(masks, change, at)
            return self._retried(masks, at, made, ne(made, at.spte))
        if change is SpteChange.TDP_AGE:
            young = negate(self._changes.page_is_mirror(masks))
            self._exchange(entry, young, at.spte, self._made(masks, change, at))
        elif change is SpteChange.TDP_CLEAR_DIRTY_MASKED:
            again = self._cleared(masks, at, entry)
        elif change in (SpteChange.TDP_WRITE_TRACK, SpteChange.TDP_ZAP):
            tells, told = self._set(masks, change, at, entry)
        elif change is SpteChange.RMAP_ZAP:
            tells, told = TRUE, self._taken_away(masks, change, at, entry)
        elif change is SpteChange.RMAP_AGE:
            for _ in range(_LEVELS):
                self._aged_by_rmap(masks, at, entry)
        else:
            self._by_rmap(masks, change, at, entry)
        return Interfered(
            accesses=tuple(entry.accesses),
            ends=negate(again),
            last=entry.last,
            goes_back=FALSE,
            judged_anew=at.spte,
            known_anew=entry.last,
            tells=tells,
            told=told,
            evidence=masks.evidence,
        )

    def zap_root(self, masks: ShadowMasks, at: SpteAt, zap_level: BitVec) -> Interfered:
        """See `Interference.zap_root`."""
        zaps = all_of(self._sptes.is_shadow_present_pte(at.spte), negate(ult(zap_level, at.level)))
        return self._retried(masks, at, bv(self.constants.SHADOW_NONPRESENT_VALUE, _U64), zaps)

    def _made(self, masks: ShadowMasks, change: SpteChange, at: SpteAt) -> BitVec:
        """What an operation makes of an SPTE."""
        return self._changes.change(masks, change, at).spte

    def _leaf(self, at: SpteAt) -> Bool:
        return all_of(self._sptes.is_shadow_present_pte(at.spte), self._sptes.is_last_spte(at.spte, at.level))

    def spte_needs_atomic_update(self, masks: ShadowMasks, spte: BitVec) -> Bool:
        """``spte_needs_atomic_update()``: others may change it, and what they change counts."""
        return any_of(*self._changed_by_others(masks, spte))

    def _changed_by_others(self, masks: ShadowMasks, spte: BitVec) -> Iterable[Bool]:
        """Why others may change an SPTE: fast page faults, access tracking, and the processor."""
        writable = self._sptes.is_writable_pte(spte)
        yield all_of(negate(writable), ne(spte & masks.mmu_writable, 0))
        yield negate(self._sptes.spte_ad_enabled(spte))
        yield all_of(writable, eq(spte & masks.dirty, 0))

    # -- the TDP MMU -----------------------------------------------------------------------------------

    def _retried(self, masks: ShadowMasks, at: SpteAt, made: BitVec, changes: Bool) -> Interfered:
        """An SPTE that ``tdp_mmu_set_spte_atomic()`` sets, which is tried again until it has come in time."""
        entry, mirror = SharedEntry(at.spte), self._changes.page_is_mirror(masks)
        frozen = bv(self.constants.FROZEN_SPTE, _U64)
        held_found, held = self._exchange(entry, all_of(changes, mirror), at.spte, frozen)
        found, same = self._exchange(entry, all_of(changes, negate(mirror)), at.spte, made)
        exchanged = ite(mirror, held, same)
        entry.write(all_of(changes, mirror, held), made)
        goes_back = all_of(changes, negate(exchanged), self._retries())
        return Interfered(
            accesses=tuple(entry.accesses),
            ends=negate(goes_back),
            last=entry.last,
            goes_back=goes_back,
            judged_anew=self._judged_anew(at, ite(mirror, held_found, found)),
            known_anew=entry.last,
            tells=all_of(changes, exchanged),
            told=at.spte,
            evidence=masks.evidence,
        )

    def _exchange(self, entry: SharedEntry, when: Bool, judged: BitVec, value: BitVec) -> tuple[BitVec, Bool]:
        """``__tdp_mmu_set_spte_atomic()``."""
        return entry.compare(when, judged, value)

    def _retries(self) -> Bool:
        """Whether an exchange that was too late is tried again."""
        return TRUE

    def _judged_anew(self, _at: SpteAt, found: BitVec) -> BitVec:
        """What is taken for the SPTE where it is tried again."""
        return found

    def _is_atomic(self, masks: ShadowMasks, at: SpteAt) -> Bool:
        """``kvm_tdp_mmu_spte_need_atomic_update()``."""
        return all_of(self._leaf(at), self.spte_needs_atomic_update(masks, at.spte))

    def _set(self, masks: ShadowMasks, change: SpteChange, at: SpteAt, entry: SharedEntry) -> tuple[Bool, BitVec]:
        """``tdp_mmu_set_spte()``, and what it tells that it has replaced."""
        made = self._made(masks, change, at)
        changes, atomic = ne(made, at.spte), self._is_atomic(masks, at)
        found = entry.exchange(all_of(changes, atomic), made)
        entry.write(all_of(changes, negate(atomic)), made)
        return changes, self._replaced_by_tdp(atomic, found, at.spte)

    def _replaced_by_tdp(self, atomic: Bool, found: BitVec, judged: BitVec) -> BitVec:
        """What counts as replaced."""
        return ite(atomic, found, judged)

    def _cleared(self, masks: ShadowMasks, at: SpteAt, entry: SharedEntry) -> Bool:
        """``tdp_mmu_clear_spte_bits()`` as ``clear_dirty_pt_masked()`` calls it; whether it tries again."""
        made = self._made(masks, SpteChange.TDP_CLEAR_DIRTY_MASKED, at)
        changes, atomic = ne(made, at.spte), self._is_atomic(masks, at)
        again = self._clear_atomically(entry, all_of(changes, atomic), at.spte & ~made)
        entry.write(all_of(changes, negate(atomic)), made)
        return again

    def _clear_atomically(self, entry: SharedEntry, when: Bool, bits: BitVec) -> Bool:
        """``tdp_mmu_clear_spte_bits_atomic()``, which tries until nobody has come in between; whether somebody has."""
        judged = entry.read(when)
        _, same = entry.compare(when, judged, judged & ~bits)
        return all_of(when, negate(same))

    # -- the shadow MMU --------------------------------------------------------------------------------

    def _by_rmap(self, masks: ShadowMasks, change: SpteChange, at: SpteAt, entry: SharedEntry) -> None:
        """``rmap_write_protect()`` and ``__rmap_clear_dirty()``."""
        found = self._sptes.is_shadow_present_pte(entry.read(TRUE))
        if change is SpteChange.RMAP_CLEAR_DIRTY:
            by_write = self._changes.spte_ad_need_write_protect(entry.read(found))
            writable = bv(self.constants.PT_WRITABLE_MASK, _U64)
            entry.clear(all_of(found, by_write), writable)
            found = all_of(found, negate(by_write))
            spte = entry.read(found)
            self._update(masks, entry, found, spte & ~masks.dirty)
            return
        tracks = change is SpteChange.RMAP_WRITE_TRACK
        spte = entry.read(found)
        writes = any_of(self._sptes.is_writable_pte(spte), ne(spte & masks.mmu_writable, 0) if tracks else FALSE)
        made = self._changes.spte_write_protect(masks, spte, pt_protect=tracks)
        self._update(masks, entry, all_of(found, writes), made)

    def _update(self, masks: ShadowMasks, entry: SharedEntry, when: Bool, value: BitVec) -> None:
        """``mmu_spte_update()``."""
        old = entry.read(when)
        present, atomic = self._sptes.is_shadow_present_pte(old), self.spte_needs_atomic_update(masks, old)
        empty = all_of(when, negate(present))
        entry.read(empty)
        entry.write(empty, value)
        entry.write(all_of(when, present, negate(atomic)), value)
        entry.exchange(all_of(when, present, atomic), value)

    def _taken_away(self, masks: ShadowMasks, change: SpteChange, at: SpteAt, entry: SharedEntry) -> BitVec:
        """``mmu_spte_clear_track_bits()``, and what it gives back."""
        old = entry.read(TRUE)
        atomic = all_of(self._sptes.is_shadow_present_pte(old), self.spte_needs_atomic_update(masks, old))
        nothing = self._made(masks, change, at)
        entry.write(negate(atomic), nothing)
        return ite(atomic, entry.exchange(atomic, nothing), old)

    def _aged_by_rmap(self, masks: ShadowMasks, at: SpteAt, entry: SharedEntry) -> None:
        """``kvm_rmap_age_gfn_range()`` on one level."""
        spte = entry.read(TRUE)
        young = all_of(self._sptes.is_shadow_present_pte(spte), ne(spte & masks.accessed, 0))
        with_bits = self._sptes.spte_ad_enabled(spte)
        entry.clear(all_of(young, with_bits), masks.accessed)
        made = self._made(masks, SpteChange.RMAP_AGE, SpteAt(spte, at.level))
        self._age(entry, all_of(young, negate(with_bits)), spte, made)

    def _age(self, entry: SharedEntry, when: Bool, judged: BitVec, value: BitVec) -> None:
        """Put away what has been judged; whoever comes in between keeps the SPTE young."""
        entry.compare(when, judged, value)

    # -- fast_page_fault() -----------------------------------------------------------------------------

    def fast_page_fault(self, masks: ShadowMasks, fault: FastFault, level: BitVec) -> InterferedFault:
        """See `Interference.fast_page_fault`."""
        entry, judged = SharedEntry(bv(0, _U64)), self._walked()
        alone = self._changes.fast_page_fault(masks, fault, SpteAt(judged, level))
        same = self._fix(entry, alone.fixed, judged, alone.spte)
        fixed = all_of(alone.fixed, self._counts_as_fixed(same))
        ends = any_of(negate(alone.fixed), fixed)
        return InterferedFault(accesses=tuple(entry.accesses), ends=ends, fixed=fixed, evidence=masks.evidence)

    def _walked(self) -> BitVec:
        """What the walk finds."""
        walks = "kvm_tdp_mmu_fast_pf_get_last_sptep", "fast_pf_get_last_sptep"
        tdp, shadow = (var(f"spte after {walk}()", _U64) for walk in walks)
        return ite(bit(var("tdp_mmu_enabled", 1), 0), tdp, shadow)

    def _fix(self, entry: SharedEntry, when: Bool, judged: BitVec, value: BitVec) -> Bool:
        """``fast_pf_fix_direct_spte()``: whether it has come in time."""
        return entry.compare(when, judged, value)[1]

    def _counts_as_fixed(self, same: Bool) -> Bool:
        """Whether the fault counts as fixed, by whether the exchange was in time."""
        return same
