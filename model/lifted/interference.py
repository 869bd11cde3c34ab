"""What a lifted tree does to SPTEs that others write: ``mmu.c`` and ``tdp_mmu.c``."""

from __future__ import annotations

from mmuproof.lift.machine.findings import WentBack
from mmuproof.lift.parsing.unit import Unit
from mmuproof.model.cuts import spte_changes as cuts
from mmuproof.model.interference import EntryAccess, Interfered, InterferedFault, Interference
from mmuproof.model.lifted.constants import constant_of
from mmuproof.model.lifted.once import Remembers, once
from mmuproof.model.lifted.session import place_of, read, read_member
from mmuproof.model.lifted.spte_changes import TRIES_AGAIN, LiftedSpteChanges, Scene
from mmuproof.model.lifted.variables import variable_of
from mmuproof.model.masks import ShadowMasks
from mmuproof.model.named import constants, tdp_iter
from mmuproof.model.spte_changes import FastFault, SpteAt, SpteChange
from mmuproof.smt.terms import FALSE, TRUE, BitVec, Bool, any_of, bv, eq, ite, negate


def _accesses(scene: Scene) -> tuple[EntryAccess, ...]:
    return tuple(
        EntryAccess(happens=each.guard, writes=each.writes, known=each.known, found=each.found, left=each.left)
        for each in scene.session.machine.shared_accesses
    )


def _ends(scene: Scene) -> Bool:
    return negate(any_of(*(back.guard for back in scene.session.machine.went_back)))


class LiftedInterference(Interference, Remembers):
    """The parts of a lifted tree that change SPTEs in place.

    Args:
        spte: ``spte.c``.
        mmu: ``mmu.c``.
        tdp: ``tdp_mmu.c``.
    """

    def __init__(self, spte: Unit, mmu: Unit, tdp: Unit) -> None:
        super().__init__()
        self._mmu, self._changes = mmu, LiftedSpteChanges(spte, mmu, tdp)

    @once
    def change(self, masks: ShadowMasks, change: SpteChange, at: SpteAt) -> Interfered:
        """See `Interference.change`."""
        scene, result = self._changes.performed(masks, change, at, shared=True)
        handed_back = result if change.hands_back and isinstance(result, BitVec) else None
        return self._interfered(masks, scene, handed_back)

    @once
    def zap_root(self, masks: ShadowMasks, at: SpteAt, zap_level: BitVec) -> Interfered:
        """See `Interference.zap_root`."""
        return self._interfered(masks, self._changes.zapped_in_root(masks, at, zap_level))

    @staticmethod
    def _interfered(masks: ShadowMasks, scene: Scene, handed_back: BitVec | None = None) -> Interfered:
        session = scene.session
        # What tries again by itself does the same again.
        backs = [back for back in session.machine.went_back if back.function not in TRIES_AGAIN]
        judged = known = bv(0, 64)
        for back in backs:
            judged = ite(back.guard, _judged(back), judged)
            known = ite(back.guard, read(back.memory, scene.sptep, 0, 64), known)
        tells, told = FALSE, bv(0, 64)
        for call in session.calls(*(cut.function for cut in cuts.CHANGED)):
            tells, told = any_of(tells, call.guard), ite(call.guard, session.argument(call, "old_spte"), told)
        if handed_back is not None:
            tells, told = TRUE, handed_back
        return Interfered(
            accesses=_accesses(scene),
            ends=_ends(scene),
            last=scene.spte,
            goes_back=any_of(*(back.guard for back in backs)),
            judged_anew=judged,
            known_anew=known,
            tells=tells,
            told=told,
            evidence=masks.evidence + session.evidence(),
        )

    @once
    def fast_page_fault(self, masks: ShadowMasks, fault: FastFault, level: BitVec) -> InterferedFault:
        """See `Interference.fast_page_fault`."""
        scene, _, result = self._changes.handled(masks, fault, SpteAt(bv(0, 64), level), shared=True)
        return InterferedFault(
            accesses=_accesses(scene),
            ends=_ends(scene),
            fixed=eq(result, constant_of(self._mmu, constants.RET_PF_FIXED)),
            evidence=masks.evidence + scene.session.evidence(),
        )


def _judged(back: WentBack) -> BitVec:
    walk = variable_of(back, tdp_iter.STRUCT)
    return read_member(back.memory, walk, place_of(walk, tdp_iter.OLD_SPTE))
